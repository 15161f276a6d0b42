#include "support/random.h"

#include <Random123/philox.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

#include "support/device_normals.h"

namespace uswim::support {
namespace {

const StreamKey kKey{0x0123456789abcdefULL, 7, Stream::WriteCycle};

/// Box-Muller in double on Random123's own Philox: independent of the code under test in both
/// steps.
std::vector<double> reference_block(const StreamKey& key, std::uint64_t device,
                                    std::uint32_t block) {
  const r123::Philox4x32 philox;
  const r123::Philox4x32::ctr_type counter{
      {static_cast<std::uint32_t>(device), block, key.chip,
       static_cast<std::uint32_t>(key.stream) | static_cast<std::uint32_t>(device >> 32) << 8}};
  const r123::Philox4x32::key_type k{
      {static_cast<std::uint32_t>(key.seed), static_cast<std::uint32_t>(key.seed >> 32)}};
  const auto w = philox(counter, k);
  std::vector<double> z;
  for (int half = 0; half < 2; ++half) {
    const double u = ((w[2 * half] >> 9) + 0.5) / 8388608.0;
    const double angle = 2 * M_PI * w[2 * half + 1] / 4294967296.0;
    z.push_back(std::sqrt(-2 * std::log(u)) * std::cos(angle));
    z.push_back(std::sqrt(-2 * std::log(u)) * std::sin(angle));
  }
  return z;
}

TEST(NormalVariates, AgreeWithRandom123AndTheMathLibrary) {
  std::vector<std::uint64_t> devices(1000);
  for (std::size_t i = 0; i < devices.size(); ++i) devices[i] = i * i * 7919 * 65537;
  std::vector<float> out(4 * devices.size());
  double worst = 0.0;
  for (std::uint32_t block = 0; block < 20; ++block) {
    normal_blocks(kKey, devices.data(), devices.size(), block, out.data(), devices.size());
    for (std::size_t i = 0; i < devices.size(); ++i) {
      const std::vector<double> want = reference_block(kKey, devices[i], block);
      for (std::size_t j = 0; j < 4; ++j)
        worst = std::max(worst, std::fabs(out[j * devices.size() + i] - want[j]));
    }
  }
  // Float arithmetic on values up to 6: two units in the last place.
  EXPECT_LT(worst, 1e-6);
}

TEST(NormalVariates, OneByOneEqualTheBlock) {
  const std::vector<std::uint64_t> devices{0, 1, 5, 1ull << 33, 99};
  std::vector<float> out(4 * devices.size());
  normal_blocks(kKey, devices.data(), devices.size(), 3, out.data(), devices.size());
  for (std::size_t i = 0; i < devices.size(); ++i)
    for (std::uint32_t j = 0; j < 4; ++j)
      EXPECT_EQ(normal(kKey, devices[i], 12 + j), out[j * devices.size() + i]);
}

TEST(NormalVariates, OncePerDeviceTakeAllFourOfABlock) {
  for (const std::uint64_t device :
       {0ull, 15ull, 16ull, 63ull, 64ull, 1000ull, (1ull << 36) + 37}) {
    const std::uint64_t number = device / 64 * 16 + device % 16;
    const std::vector<double> want = reference_block(kKey, number, 0xffffffffu);
    EXPECT_NEAR(device_normal(kKey, device), want[device % 64 / 16], 1e-6) << device;
  }
}

TEST(NormalVariates, OncePerDeviceAreTheSameFromAnyDeviceOn) {
  for (const std::uint64_t first : {0ull, 1ull, 63ull, 64ull, 4097ull, (1ull << 34) - 5})
    for (const std::size_t n : {1u, 3u, 64u, 65u, 1024u, 1500u}) {
      std::vector<float> z(n + 1, 99.0f);
      device_normals(kKey, first, n, z.data());
      for (std::size_t i = 0; i < n; ++i)
        ASSERT_EQ(z[i], device_normal(kKey, first + i)) << first << " + " << i << " of " << n;
      EXPECT_EQ(z[n], 99.0f);
    }
}

TEST(NormalVariates, DependOnEveryPartOfTheKey) {
  const float base = normal(kKey, 11, 5);
  StreamKey other = kKey;
  other.seed ^= 1ull << 40;
  EXPECT_NE(normal(other, 11, 5), base);
  other = kKey;
  other.chip += 1;
  EXPECT_NE(normal(other, 11, 5), base);
  other = kKey;
  other.stream = Stream::VerifyReadNoise;
  EXPECT_NE(normal(other, 11, 5), base);
  EXPECT_NE(normal(kKey, 12, 5), base);
  EXPECT_NE(normal(kKey, 11 + (1ull << 32), 5), base);
  EXPECT_NE(normal(kKey, 11, 6), base);
}

TEST(NormalVariates, PassKolmogorovSmirnov) {
  const std::size_t n = 400000;
  std::vector<std::uint64_t> devices(n / 4);
  std::iota(devices.begin(), devices.end(), 0);
  std::vector<float> z(n);
  normal_blocks(kKey, devices.data(), devices.size(), 0, z.data(), devices.size());
  std::sort(z.begin(), z.end());
  double distance = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    const double cdf = 0.5 * std::erfc(-z[i] / std::sqrt(2.0));
    distance = std::max(
        {distance, cdf - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - cdf});
  }
  // The seed is fixed; 1.95 / sqrt(n) is exceeded with probability 0.001 by a true normal sample.
  EXPECT_LT(distance, 1.95 / std::sqrt(static_cast<double>(n)));
}

}  // namespace
}  // namespace uswim::support
