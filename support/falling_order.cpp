#include "support/falling_order.h"

#include <array>
#include <cstddef>
#include <cstring>

namespace uswim::support {
namespace {

constexpr unsigned kDigitBits = 11;
constexpr unsigned kDigits = 6;  // 66 bits
constexpr std::size_t kBuckets = std::size_t{1} << kDigitBits;

struct Entry {
  std::uint64_t key;
  std::uint32_t index;
};

/// Rises where the value falls.
std::uint64_t key_of(double value) {
  if (value == 0.0) value = 0.0;  // -0.0 equals it
  std::uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const std::uint64_t sign = std::uint64_t{1} << 63;
  const std::uint64_t rising = bits & sign ? ~bits : bits | sign;
  return ~rising;
}

}  // namespace

std::vector<std::uint32_t> falling_order(const std::vector<double>& values) {
  std::vector<Entry> entries(values.size()), sorted(values.size());
  std::array<std::vector<std::uint32_t>, kDigits> counts;
  for (std::vector<std::uint32_t>& count : counts) count.assign(kBuckets, 0);
  const auto digit = [](std::uint64_t key, unsigned d) {
    return key >> (d * kDigitBits) & (kBuckets - 1);
  };
  for (std::size_t i = 0; i < values.size(); ++i) {
    entries[i] = {key_of(values[i]), static_cast<std::uint32_t>(i)};
    for (unsigned d = 0; d < kDigits; ++d) ++counts[d][digit(entries[i].key, d)];
  }
  for (unsigned d = 0; d < kDigits && !values.empty(); ++d) {
    std::vector<std::uint32_t>& place = counts[d];
    if (place[digit(entries.front().key, d)] == values.size()) continue;  // equal in this digit
    std::uint32_t next = 0;
    for (std::uint32_t& p : place) {
      const std::uint32_t count = p;
      p = next;
      next += count;
    }
    for (const Entry& e : entries) sorted[place[digit(e.key, d)]++] = e;
    entries.swap(sorted);
  }
  std::vector<std::uint32_t> order;
  order.reserve(values.size());
  for (const Entry& e : entries) order.push_back(e.index);
  return order;
}

}  // namespace uswim::support
