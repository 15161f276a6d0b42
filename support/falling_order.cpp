#include "support/falling_order.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

namespace uswim::support {
namespace {

constexpr unsigned kDigitBits = 11;
constexpr unsigned kDigits = 3;  // 33 bits
constexpr std::size_t kBuckets = std::size_t{1} << kDigitBits;

/// The upper 32 bits of how far a key lies behind the smallest one, and whose it is.
struct Entry {
  std::uint32_t key;
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

void sort_by_digits(std::vector<Entry>& entries) {
  std::vector<Entry> sorted(entries.size());
  std::array<std::vector<std::uint32_t>, kDigits> counts;
  for (std::vector<std::uint32_t>& count : counts) count.assign(kBuckets, 0);
  const auto digit = [](std::uint32_t key, unsigned d) {
    return key >> (d * kDigitBits) & (kBuckets - 1);
  };
  for (const Entry& e : entries)
    for (unsigned d = 0; d < kDigits; ++d) ++counts[d][digit(e.key, d)];
  for (unsigned d = 0; d < kDigits; ++d) {
    std::vector<std::uint32_t>& place = counts[d];
    if (place[digit(entries.front().key, d)] == entries.size()) continue;  // equal in this digit
    std::uint32_t next = 0;
    for (std::uint32_t& p : place) {
      const std::uint32_t count = p;
      p = next;
      next += count;
    }
    for (const Entry& e : entries) sorted[place[digit(e.key, d)]++] = e;
    entries.swap(sorted);
  }
}

/// `second(a, b)`: whether of equal values that of index a comes before that of b.
template <class Second>
std::vector<std::uint32_t> order_of(const std::vector<double>& values, const Second& second) {
  if (values.empty()) return {};
  std::uint64_t smallest = key_of(values.front()), largest = smallest;
  for (const double v : values) {
    const std::uint64_t key = key_of(v);
    smallest = std::min(smallest, key);
    largest = std::max(largest, key);
  }
  unsigned shift = 0;
  while ((largest - smallest) >> shift >> 32 != 0) ++shift;
  std::vector<Entry> entries(values.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    entries[i] = {static_cast<std::uint32_t>((key_of(values[i]) - smallest) >> shift),
                  static_cast<std::uint32_t>(i)};
  sort_by_digits(entries);
  const auto before = [&](const Entry& a, const Entry& b) {
    const std::uint64_t key_a = key_of(values[a.index]), key_b = key_of(values[b.index]);
    return key_a != key_b ? key_a < key_b : second(a.index, b.index);
  };
  for (auto begin = entries.begin(), end = begin; begin != entries.end(); begin = end) {
    end = begin + 1;
    while (end != entries.end() && end->key == begin->key) ++end;
    if (end - begin > 1 && !std::is_sorted(begin, end, before))
      std::stable_sort(begin, end, before);
  }
  std::vector<std::uint32_t> order;
  order.reserve(values.size());
  for (const Entry& e : entries) order.push_back(e.index);
  return order;
}

}  // namespace

std::vector<std::uint32_t> falling_order(const std::vector<double>& values) {
  return order_of(values, [](std::uint32_t, std::uint32_t) { return false; });
}

std::vector<std::uint32_t> falling_order(const std::vector<double>& values,
                                         const std::vector<float>& second) {
  return order_of(values, [&](std::uint32_t a, std::uint32_t b) { return second[a] > second[b]; });
}

}  // namespace uswim::support
