#include "programmer/write_verify/compress.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "programmer/write_verify/chunk_loops.h"

namespace uswim::programmer {
namespace {

TEST(Compress, KeepsTheWantedElementsInOrderAsThePlainLoopDoes) {
  std::uint32_t random = 1;
  for (const std::size_t n : {0u, 1u, 7u, 8u, 9u, 16u, 100u, 1000u}) {
    std::vector<std::int32_t> flags(n + kCompressLanes);
    std::vector<std::uint32_t> a(flags.size()), b(flags.size());
    for (std::size_t i = 0; i < flags.size(); ++i) {
      random = random * 1664525u + 1013904223u;
      flags[i] = random >> 30 == 0 ? 0 : -1;
      a[i] = random;
      b[i] = static_cast<std::uint32_t>(i);
    }
    for (const std::int32_t wanted : {0, -1}) {
      std::vector<std::uint32_t> fast_a = a, fast_b = b, plain_a = a, plain_b = b;
      const void* const from[] = {fast_a.data(), fast_b.data()};
      void* const fast[] = {fast_a.data(), fast_b.data()};
      const void* const plain_from[] = {plain_a.data(), plain_b.data()};
      void* const plain[] = {plain_a.data(), plain_b.data()};
      const std::size_t kept = compress(flags.data(), wanted, n, 2, from, fast);
      ASSERT_EQ(compress_plainly(flags.data(), wanted, n, 2, plain_from, plain), kept);
      std::size_t at = 0;
      for (std::size_t i = 0; i < n; ++i) {
        if (flags[i] != wanted) continue;
        ASSERT_EQ(fast_a[at], a[i]);
        ASSERT_EQ(fast_b[at], i);
        ASSERT_EQ(plain_a[at], a[i]);
        ASSERT_EQ(plain_b[at], i);
        ++at;
      }
      ASSERT_EQ(at, kept);
    }
  }
}

TEST(BitPlanes, AreThoseOfThePlainLoop) {
  std::mt19937 random(1);
  std::vector<std::uint8_t> bytes(64 * 5);
  for (std::uint8_t& b : bytes) b = static_cast<std::uint8_t>(random());
  std::vector<chunk::BitPlanes> fast(5), plain(5);
  chunk::bit_planes(bytes.data(), 5, fast.data());
  chunk::bit_planes_plainly(bytes.data(), 5, plain.data());
  for (std::size_t w = 0; w < 5; ++w)
    for (std::size_t j = 0; j < 8; ++j) {
      EXPECT_EQ(fast[w].planes[j], plain[w].planes[j]) << w << ' ' << j;
      EXPECT_EQ(plain[w].planes[j] >> 17 & 1, bytes[64 * w + 17] >> j & 1u);
    }
}

}  // namespace
}  // namespace uswim::programmer
