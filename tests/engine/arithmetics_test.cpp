#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "tests/engine/drawn_layer.h"
#include "tests/engine/isa_fixture.h"
#include "tests/engine/plain_network.h"
#include "workloads/engine/byte_weights.h"
#include "workloads/engine/float_weights.h"

namespace uswim::workloads {
namespace {

class FloatsOn : public EveryInstructionSet {};
USWIM_ON_EVERY_INSTRUCTION_SET(FloatsOn);

/// A chain of std::fma in the order of the row, rounded to the unit.
void expect_chains_of_fma(const Drawn& d, std::size_t images) {
  FloatWeightsEngine engine(d.network, activation_ranges(d.network));
  const std::size_t rows = d.network.layers[0].rows;
  expect_products(engine, d, images, [&](std::size_t o, const std::vector<int>& codes, float unit) {
    float sum = 0.0f;
    for (std::size_t r = 0; r < rows; ++r)
      sum = std::fma(d.weights[o * rows + r], static_cast<float>(codes[r]), sum);
    return static_cast<std::int64_t>(std::nearbyint(sum / unit));
  });
}

TEST_P(FloatsOn, AreChainsOfFmaForAnyWindow) {
  std::mt19937 random(31);
  for (int trial = 0; trial < 40; ++trial) {
    const Shape input{1 + random() % 9, 7 + random() % 5, 7 + random() % 5};
    const int minimum = trial % 3 == 0 ? -128 : 0;
    expect_chains_of_fma(
        draw(input, 1 + random() % 14, any_window(random), minimum, trial % 2 ? 127 : 4095, random),
        1 + random() % 32);
    if (HasFatalFailure()) FAIL() << "trial " << trial;
  }
}

TEST_P(FloatsOn, AreChainsOfFmaForLongRows) {
  std::mt19937 random(32);
  for (const std::size_t channels : {191u, 192u, 193u, 1001u})
    expect_chains_of_fma(draw({channels, 1, 1}, 17, Window{}, 0, 255, random), 32);
}

TEST_P(FloatsOn, DoNotOverflowAtTheWorst) {
  for (const float weight : {255.7f, -255.7f}) {
    Drawn d;
    d.network = plain::NetworkBuilder({4096, 1, 1}, 1).quantize(1.0f, 255).dense(1).build();
    d.weights.assign(4096, weight);
    d.codes.reshape(1, {4096, 1, 1}, Window{});
    for (std::size_t c = 0; c < 4096; ++c)
      for (std::size_t lane = 0; lane < kLanes; ++lane)
        d.codes.at(0, c / 2, 0, 0)[2 * lane + c % 2] = 255;
    expect_chains_of_fma(d, 16);
  }
}

/// 411849 x 20857 = 2^33 + 1: the second product lies just above half of the sum's last bit, by too
/// little for the 53 bits of a double.
TEST_P(FloatsOn, RoundOnceWhereDoublesRoundTwice) {
  Drawn d;
  d.network = plain::NetworkBuilder({2, 1, 1}, 1).quantize(1.0f, 20857).dense(1).build();
  d.weights = {1.0f, std::ldexp(411849.0f, -43)};
  d.codes.reshape(1, {2, 1, 1}, Window{});
  d.codes.at(0, 0, 0, 0)[0] = d.codes.at(0, 0, 0, 0)[1] = 20857;
  expect_chains_of_fma(d, 1);
  FloatWeightsEngine engine(d.network, activation_ranges(d.network));
  engine.set_weights(0, d.weights.data());
  ProductBlocks products;
  engine.multiply(0, d.codes, 1, products);
  EXPECT_EQ(static_cast<float>(products.values[0]) * products.unit,
            20857.0f + std::ldexp(1.0f, -9));
}

class BytesOn : public EveryInstructionSet {};
USWIM_ON_EVERY_INSTRUCTION_SET(BytesOn);

/// Codes on both sides of what products within int16 allow, and of how many of them it holds.
TEST_P(BytesOn, AreSumsOfRoundedWeightsForAnyWindow) {
  std::mt19937 random(33);
  const std::pair<int, int> ranges[] = {{0, 1},   {0, 15},   {0, 63},   {0, 127},   {0, 129},
                                        {0, 130}, {0, 255},  {-8, 7},   {-64, 63},  {-128, 127},
                                        {-1, 0},  {-128, 1}, {-3, 126}, {-200, 55}, {0, 31}};
  for (int trial = 0; trial < 60; ++trial) {
    const Shape input{1 + random() % 13, 7 + random() % 5, 7 + random() % 5};
    const auto [minimum, maximum] = ranges[static_cast<std::size_t>(trial) % std::size(ranges)];
    expect_rounded_products(
        draw(input, 1 + random() % 14, any_window(random), minimum, std::max(maximum, 1), random),
        1 + random() % 32);
    if (HasFatalFailure()) FAIL() << "trial " << trial;
  }
}

TEST_P(BytesOn, AreSumsOfRoundedWeightsForLongRows) {
  std::mt19937 random(34);
  for (const std::size_t channels : {767u, 768u, 769u, 2001u})
    for (const int maximum : {15, 63, 255})
      expect_rounded_products(draw({channels, 1, 1}, 17, Window{}, 0, maximum, random), 32);
}

/// Every weight and code at its largest, one sign: where 16 bits would saturate first.
TEST_P(BytesOn, DoNotSaturateAtTheWorst) {
  for (const int maximum : {15, 63, 127, 129, 130, 255}) {
    for (const float weight : {127.0f, -127.0f}) {
      Drawn d;
      d.network = plain::NetworkBuilder({512, 1, 1}, 1).quantize(1.0f, maximum).dense(1).build();
      d.weights.assign(512, weight);
      d.codes.reshape(1, {512, 1, 1}, Window{});
      for (std::size_t c = 0; c < 512; ++c)
        for (std::size_t lane = 0; lane < kLanes; ++lane)
          d.codes.at(0, c / 2, 0, 0)[2 * lane + c % 2] = static_cast<std::int16_t>(maximum);
      expect_rounded_products(d, 16);
    }
  }
}

/// 2^20 times smaller weights than the other output's: no unit finer than 1/256 of the coarsest.
TEST_P(BytesOn, UnitsOfOutputsStayTogether) {
  for (const int maximum : {15, 255}) {
    const Network network =
        plain::NetworkBuilder({2, 1, 1}, 1).quantize(1.0f, maximum).dense(3).build();
    ByteWeightsEngine engine(network, activation_ranges(network));
    const float weights[] = {100.0f, -3.0f, 100.0f / (1 << 20), 0.0f, 0.3f, 0.2f};
    engine.set_weights(0, weights);
    CodeBlocks codes;
    codes.reshape(1, {2, 1, 1}, Window{});
    codes.at(0, 0, 0, 0)[0] = static_cast<std::int16_t>(maximum);
    codes.at(0, 0, 0, 0)[1] = 1;
    ProductBlocks products;
    engine.multiply(0, codes, 1, products);
    EXPECT_EQ(products.unit, std::ldexp(1.0f, -8));
    EXPECT_EQ(products.values[0], (100 * maximum - 3) * 256);
    EXPECT_EQ(products.values[kLanes], 0);
    EXPECT_EQ(products.values[2 * kLanes], 77 * maximum + 51);  // 0.3 and 0.2 in 1/256
  }
}

/// 127 of the coarsest unit over 8192 codes of 255 leaves room for three bits of finer ones.
TEST_P(BytesOn, SumsStayWithin32Bits) {
  const std::size_t rows = 8192;
  const Network network =
      plain::NetworkBuilder({rows, 1, 1}, 1).quantize(1.0f, 255).dense(2).build();
  ByteWeightsEngine engine(network, activation_ranges(network));
  std::vector<float> weights(2 * rows, 127.0f);
  std::fill(weights.begin() + rows, weights.end(), 1.0f);
  engine.set_weights(0, weights.data());
  CodeBlocks codes;
  codes.reshape(1, {rows, 1, 1}, Window{});
  for (std::size_t c = 0; c < rows; ++c) codes.at(0, c / 2, 0, 0)[c % 2] = 255;
  ProductBlocks products;
  engine.multiply(0, codes, 1, products);
  EXPECT_EQ(products.unit, 0.125f);
  EXPECT_EQ(products.values[0], 127 * 255 * 8192 * 8);
  EXPECT_EQ(products.values[kLanes], 255 * 8192 * 8);
}

TEST(Bytes, RefuseCodesOfMoreThan256Values) {
  const auto make = [](int minimum, int maximum) {
    const Network network =
        plain::NetworkBuilder({2, 1, 1}, 1).quantize(1.0f, maximum, minimum).dense(1).build();
    return make_weights_engine(Arithmetic::Integer8, network, activation_ranges(network));
  };
  make(0, 255);
  make(-128, 127);
  EXPECT_THAT([&] { make(0, 256); },
              testing::ThrowsMessage<NetworkError>(testing::AllOf(
                  testing::HasSubstr("codes from 0 to 256"), testing::HasSubstr("integer16"))));
  EXPECT_THROW(make(-129, 127), NetworkError);
}

TEST(Arithmetics, RefuseWhatIsNoNumber) {
  const Network network = plain::NetworkBuilder({2, 1, 1}, 1).quantize(1.0f, 15).dense(1).build();
  for (const auto& [name, arithmetic] : kArithmetics) {
    const auto engine = make_weights_engine(arithmetic, network, activation_ranges(network));
    const float weights[2] = {1.0f, std::numeric_limits<float>::quiet_NaN()};
    EXPECT_THROW(engine->set_weights(0, weights), std::invalid_argument) << name;
  }
}

/// Fused with what follows or not, codes are the same: sums that are rounded differently would
/// show.
class RequantisedOn : public EveryInstructionSet {};
USWIM_ON_EVERY_INSTRUCTION_SET(RequantisedOn);

TEST_P(RequantisedOn, InOnePassAsInTwo) {
  std::mt19937 random(35);
  for (const auto& [name, arithmetic] : kArithmetics) {
    SCOPED_TRACE(name);
    for (const bool pool : {false, true}) {
      const Drawn d = draw({5, 8, 8}, 7, plain::window(3, 1, 1), 0, 63, random);
      const auto engine = make_weights_engine(arithmetic, d.network, activation_ranges(d.network));
      engine->set_weights(0, d.weights.data());
      const std::vector<float> bias{1.0f, -2.0f, 3.0f, 0.5f, 0.1f, -0.3f, 10.0f};
      const float factor = 0.37f, inverse_scale = 0.31f;
      CodeBlocks result;
      result.reshape(2, pool ? Shape{7, 4, 4} : Shape{7, 8, 8}, Window{});
      engine->multiply_requantize(0, d.codes, 32, {factor, bias.data(), inverse_scale, 200, pool},
                                  result);
      ProductBlocks products;
      engine->multiply(0, d.codes, 32, products);
      const auto code = [&](std::size_t image, std::size_t o, std::size_t y, std::size_t x) {
        const std::int32_t product =
            products.values[((image / kLanes * 7 + o) * 64 + y * 8 + x) * kLanes + image % kLanes];
        const float scaled = static_cast<float>(product) * (products.unit * factor);
        const float value = scaled + bias[o];
        return std::min(std::max(std::nearbyint(value * inverse_scale), 0.0f), 200.0f);
      };
      for (std::size_t image = 0; image < 32; ++image)
        for (std::size_t o = 0; o < 7; ++o)
          for (std::size_t y = 0; y < result.shape().height; ++y)
            for (std::size_t x = 0; x < result.shape().width; ++x) {
              const float expected =
                  pool ? std::max({code(image, o, 2 * y, 2 * x), code(image, o, 2 * y, 2 * x + 1),
                                   code(image, o, 2 * y + 1, 2 * x),
                                   code(image, o, 2 * y + 1, 2 * x + 1)})
                       : code(image, o, y, x);
              ASSERT_EQ(static_cast<float>(result.code(image, o, static_cast<std::ptrdiff_t>(y),
                                                       static_cast<std::ptrdiff_t>(x))),
                        expected)
                  << image << " " << o << " " << y << " " << x;
            }
    }
  }
}

}  // namespace
}  // namespace uswim::workloads
