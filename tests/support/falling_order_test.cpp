#include "support/falling_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>

namespace uswim::support {
namespace {

std::vector<std::uint32_t> sorted(const std::vector<double>& values) {
  std::vector<std::uint32_t> order(values.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return values[a] > values[b]; });
  return order;
}

TEST(FallingOrder, IsThatOfAStableSort) {
  std::mt19937_64 random(1);
  for (const std::size_t n : {0u, 1u, 2u, 1000u, 5000u}) {
    std::vector<double> any, few;
    for (std::size_t i = 0; i < n; ++i) {
      // Every exponent and sign, subnormal numbers and infinities; no NaN.
      double value;
      do {
        const std::uint64_t bits = random();
        std::memcpy(&value, &bits, sizeof value);
      } while (value != value);
      any.push_back(value);
      few.push_back(static_cast<double>(random() % 7) - 3.0);
    }
    EXPECT_EQ(falling_order(any), sorted(any));
    EXPECT_EQ(falling_order(few), sorted(few));
  }
}

TEST(FallingOrder, TakesTheLargerSecondOfEqualValuesFirst) {
  std::mt19937_64 random(2);
  std::vector<double> values;
  std::vector<float> second;
  for (std::size_t i = 0; i < 5000; ++i) {
    // Equal ones, and such as differ in their last bits alone.
    values.push_back(static_cast<double>(random() % 3) * 1e9 +
                     static_cast<double>(random() % 3) * 0x1p-20);
    second.push_back(static_cast<float>(random() % 5));
  }
  std::vector<std::uint32_t> order(values.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return values[a] != values[b] ? values[a] > values[b] : second[a] > second[b];
  });
  EXPECT_EQ(falling_order(values, second), order);
}

TEST(FallingOrder, TakesZerosOfEitherSignAsEqual) {
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<double> values{-0.0, 0.0, -infinity, 1e-320, -0.0, infinity, -1e-320};
  EXPECT_EQ(falling_order(values), (std::vector<std::uint32_t>{5, 3, 0, 1, 4, 6, 2}));
}

}  // namespace
}  // namespace uswim::support
