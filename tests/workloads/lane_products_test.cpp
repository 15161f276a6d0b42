// Do the inner loops give the same bytes on every processor?
#include "workloads/sensitivity/lane_products.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "workloads/sensitivity/lane_vector.h"
#include "workloads/sensitivity/softmax.h"

namespace uswim::workloads::layer_arithmetic {
namespace {

struct Case {
  ProductPlan plan;
  std::size_t outputs = 0;
  std::vector<float> matrix, in, out;
};

/// Overlapping windows as a convolution has them, with numbers of full mantissas.
Case random_case(std::size_t outputs, std::size_t terms, std::size_t positions,
                 std::uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> number(-1.0f, 1.0f);
  Case c;
  c.outputs = outputs;
  for (std::size_t k = 0; k < terms; ++k) c.plan.terms.push_back((3 * k + k % 2) * kLanes);
  for (std::size_t p = 0; p < positions; ++p) {
    c.plan.input.push_back(2 * p * kLanes);
    c.plan.output.push_back(p * kLanes);
  }
  c.plan.output_stride = positions * kLanes;
  c.matrix.resize(outputs * terms);
  c.in.resize((2 * positions + 3 * terms + 2) * kLanes);
  c.out.resize(outputs * positions * kLanes);
  for (auto* values : {&c.matrix, &c.in, &c.out})
    for (float& v : *values) v = number(random);
  return c;
}

// Sizes around those of the tiles, and one position more than a chunk of 512.
const std::size_t kSizes[][3] = {{1, 1, 1},    {2, 3, 4},     {3, 9, 5},   {5, 8, 3},
                                 {6, 7, 8},    {7, 17, 6},    {13, 5, 1},  {4, 30, 17},
                                 {10, 2, 513}, {50, 200, 70}, {17, 520, 5}};

TEST(InnerLoops, SumProductsInTheStatedOrder) {
  for (const auto& [outputs, terms, positions] : kSizes) {
    const Case c = random_case(outputs, terms, positions, 1);
    std::vector<float> expected = c.out;
    for (std::size_t m = 0; m < outputs; ++m)
      for (std::size_t p = 0; p < positions; ++p)
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
          float sum = 0.0f;
          for (std::size_t k = 0; k < terms; ++k)
            sum += c.matrix[m * terms + k] * c.in[c.plan.input[p] + c.plan.terms[k] + lane];
          expected[c.plan.output[p] + m * c.plan.output_stride + lane] += sum;
        }
    for (const Kernels& kernels : available_kernels()) {
      std::vector<float> out = c.out;
      kernels.add_products(c.plan, {0, positions}, c.matrix.data(), outputs, c.in.data(),
                           out.data());
      EXPECT_EQ(0, std::memcmp(out.data(), expected.data(), out.size() * sizeof(float)))
          << kernels.instruction_set << " " << outputs << " x " << terms << " x " << positions;
    }
  }
}

TEST(InnerLoops, SumCorrelationsInTheStatedOrder) {
  constexpr std::size_t kChunk = 512;
  for (const auto& [outputs, terms, positions] : kSizes) {
    const Case c = random_case(outputs, terms, positions, 2);
    std::vector<double> expected(outputs * terms, 0.5);
    for (std::size_t begin = 0; begin < positions; begin += kChunk)
      for (std::size_t m = 0; m < outputs; ++m)
        for (std::size_t k = 0; k < terms; ++k) {
          float lanes[kLanes] = {};
          for (std::size_t p = begin; p < std::min(begin + kChunk, positions); ++p)
            for (std::size_t lane = 0; lane < kLanes; ++lane)
              lanes[lane] += c.out[c.plan.output[p] + m * c.plan.output_stride + lane] *
                             c.in[c.plan.input[p] + c.plan.terms[k] + lane];
          for (std::size_t half = kLanes / 2; half > 0; half /= 2)
            for (std::size_t lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
          expected[m * terms + k] += static_cast<double>(lanes[0]);
        }
    for (const Kernels& kernels : available_kernels()) {
      std::vector<double> sums(outputs * terms, 0.5);
      kernels.add_correlations(c.plan, {0, positions}, {0, outputs}, c.out.data(), c.in.data(),
                               sums.data());
      EXPECT_EQ(sums, expected) << kernels.instruction_set << " " << outputs << " x " << terms
                                << " x " << positions;
    }
  }
}

TEST(InnerLoops, SumSquaresOfEachLanesSum) {
  for (const auto& [outputs, terms, positions] : kSizes) {
    const Case c = random_case(outputs, terms, positions, 4);
    std::vector<double> expected(outputs * terms, 0.5);
    for (std::size_t m = 0; m < outputs; ++m)
      for (std::size_t k = 0; k < terms; ++k)
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
          double sum = 0.0;
          for (std::size_t p = 0; p < positions; ++p)
            sum += static_cast<double>(c.out[c.plan.output[p] + m * c.plan.output_stride + lane]) *
                   static_cast<double>(c.in[c.plan.input[p] + c.plan.terms[k] + lane]);
          expected[m * terms + k] += sum * sum;
        }
    for (const Kernels& kernels : available_kernels()) {
      std::vector<double> sums(outputs * terms, 0.5);
      kernels.add_squared_correlations(c.plan, {0, positions}, {0, outputs}, c.out.data(),
                                       c.in.data(), sums.data());
      // Products are at most 1: each float sum is off by fewer than `positions` roundings of
      // 6e-8 times its largest partial sum, which stays below 4 sqrt(positions).
      const double bound = 16 * 2 * 16.0 * 6e-8 * static_cast<double>(positions * positions);
      for (std::size_t i = 0; i < sums.size(); ++i)
        ASSERT_NEAR(sums[i], expected[i], bound) << kernels.instruction_set << " " << outputs;
    }
  }
}

// Threads share positions or outputs: the same bytes wherever the border lies.
TEST(InnerLoops, GiveTheSameInParts) {
  const Case c = random_case(50, 300, 70, 5);
  for (const Kernels& kernels : available_kernels()) {
    std::vector<float> whole = c.out, parts = c.out;
    kernels.add_products(c.plan, {0, 70}, c.matrix.data(), 50, c.in.data(), whole.data());
    for (const Range part : {Range{0, 3}, Range{3, 44}, Range{44, 70}})
      kernels.add_products(c.plan, part, c.matrix.data(), 50, c.in.data(), parts.data());
    EXPECT_EQ(0, std::memcmp(whole.data(), parts.data(), whole.size() * sizeof(float)));
    std::vector<double> all(50 * 300, 0.0), shared(50 * 300, 0.0);
    kernels.add_correlations(c.plan, {0, 70}, {0, 50}, c.out.data(), c.in.data(), all.data());
    for (const Range part : {Range{0, 1}, Range{1, 26}, Range{26, 50}})
      kernels.add_correlations(c.plan, {0, 70}, part, c.out.data(), c.in.data(), shared.data());
    EXPECT_EQ(all, shared) << kernels.instruction_set;
  }
}

TEST(InnerLoops, TouchNoPositionBehindThoseAskedFor) {
  const Case c = random_case(3, 4, 9, 3);
  for (const Kernels& kernels : available_kernels()) {
    std::vector<float> out = c.out;
    kernels.add_products(c.plan, {0, 5}, c.matrix.data(), 3, c.in.data(), out.data());
    for (std::size_t m = 0; m < 3; ++m)
      for (std::size_t p = 5; p < 9; ++p)
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
          const std::size_t e = c.plan.output[p] + m * c.plan.output_stride + lane;
          ASSERT_EQ(out[e], c.out[e]) << kernels.instruction_set;
        }
  }
}

}  // namespace
}  // namespace uswim::workloads::layer_arithmetic

namespace uswim::workloads {
namespace {

TEST(PortableExp, IsTheExponential) {
  for (int i = 0; i <= 70000; ++i) {
    const double x = -0.01 * i + (i == 0 ? 0.0 : 1e-3);
    // 2e-15: the bound that portable_math.h states.
    ASSERT_NEAR(portable_exp(x) / std::exp(x), 1.0, 2e-15) << x;
  }
  EXPECT_EQ(portable_exp(0.0), 1.0);
  EXPECT_EQ(portable_exp(-1e300), 0.0);
}

TEST(PortableLog, IsTheLogarithm) {
  EXPECT_EQ(portable_log1p(0.0), 0.0);
  for (double x = 1e-18; x < 1e6; x *= 1.003)
    ASSERT_NEAR(portable_log1p(x) / std::log1p(x), 1.0, 1e-15) << x;
}

TEST(CrossEntropy, IsMinusTheLogarithmOfTheLabelsProbability) {
  const std::vector<float> z{0.5f, -1.25f, 2.0f, 0.0f};
  double sum = 0.0;
  for (const float v : z) sum += std::exp(static_cast<double>(v));
  for (std::size_t label = 0; label < z.size(); ++label)
    EXPECT_NEAR(cross_entropy(z, label), std::log(sum) - static_cast<double>(z[label]), 1e-14);
  // Where the network is sure, log(1 + x) keeps x.
  EXPECT_NEAR(cross_entropy({50.0f, 0.0f}, 0) / std::exp(-50.0), 1.0, 1e-14);
}

TEST(SoftmaxSecondDerivative, IsThatOfTheCrossEntropy) {
  const std::vector<float> z{0.5f, -1.25f, 2.0f, 0.0f};
  std::vector<float> derivative(z.size());
  cross_entropy_second_derivative(z, derivative);
  const auto loss = [&](std::size_t moved, double h, std::size_t label) {
    double sum = 0.0, own = 0.0;
    for (std::size_t c = 0; c < z.size(); ++c) {
      const double v = static_cast<double>(z[c]) + (c == moved ? h : 0.0);
      sum += std::exp(v);
      if (c == label) own = v;
    }
    return std::log(sum) - own;
  };
  // Truncation h^2 / 12 times a fourth derivative below 1/8: 1e-8. Rounding 4 * 1e-16 * loss / h^2:
  // 2e-9.
  constexpr double h = 1e-3;
  for (std::size_t label = 0; label < z.size(); ++label)
    for (std::size_t c = 0; c < z.size(); ++c) {
      const double found =
          (loss(c, h, label) - 2.0 * loss(c, 0.0, label) + loss(c, -h, label)) / (h * h);
      EXPECT_NEAR(static_cast<double>(derivative[c]), found, 5e-8);
    }
}

TEST(SoftmaxSecondDerivative, KeepsItsDigitsWhereTheNetworkIsSure) {
  // 1 - p is 2e-9 here, which a float difference cannot hold.
  std::vector<float> derivative(3);
  cross_entropy_second_derivative({20.0f, 0.0f, -40.0f}, derivative);
  const double small = std::exp(-20.0);
  EXPECT_NEAR(static_cast<double>(derivative[0]) / (small / (1 + small) / (1 + small)), 1.0, 1e-6);
  EXPECT_NEAR(static_cast<double>(derivative[1]) / static_cast<double>(derivative[0]), 1.0, 1e-6);
}

TEST(SoftmaxSecondDerivative, IsZeroForHugeAndForSingleLogits) {
  std::vector<float> derivative(2);
  cross_entropy_second_derivative({3e38f, -3e38f}, derivative);
  EXPECT_EQ(derivative, (std::vector<float>{0.0f, 0.0f}));
  derivative.resize(1);
  cross_entropy_second_derivative({7.0f}, derivative);
  EXPECT_EQ(derivative[0], 0.0f);
}

}  // namespace
}  // namespace uswim::workloads
