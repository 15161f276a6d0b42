#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>
#include <vector>

#include "tests/engine/drawn_layer.h"
#include "tests/engine/isa_fixture.h"
#include "tests/engine/plain_network.h"
#include "workloads/engine/byte_weights.h"
#include "workloads/engine/winograd_layer.h"

/// Integer8 of 3 x 3 windows. Where the instruction set multiplies bytes faster, the same is asked
/// of its bytes.
namespace uswim::workloads {
namespace {

bool suits(const Drawn& d) {
  return WinogradLayer::suits(d.network, 0, activation_ranges(d.network)[0]);
}

class WinogradOn : public EveryInstructionSet {};
USWIM_ON_EVERY_INSTRUCTION_SET(WinogradOn);

TEST_P(WinogradOn, ProductsAreSumsOfRoundedWeights) {
  std::mt19937 random(41);
  const std::pair<int, int> ranges[] = {{0, 255}, {0, 15}, {-128, 127}, {-254, 1}, {0, 63}};
  for (int trial = 0; trial < 40; ++trial) {
    Window window = plain::window(3);
    window.pad_top = random() % 3;
    window.pad_bottom = random() % 3;
    window.pad_left = random() % 3;
    window.pad_right = random() % 3;
    const auto size = [&](std::size_t pads) { return 2 * (2 + random() % 3) + pads % 2; };
    const std::size_t height = size(window.pad_top + window.pad_bottom);
    const std::size_t width = size(window.pad_left + window.pad_right);
    const auto [minimum, maximum] = ranges[static_cast<std::size_t>(trial) % std::size(ranges)];
    const Drawn d = draw({8 + random() % 9, height, width}, 8 + random() % 13, window, minimum,
                         maximum, random);
    ASSERT_TRUE(suits(d)) << "trial " << trial;
    expect_rounded_products(d, 1 + random() % 32);
    if (HasFatalFailure()) FAIL() << "trial " << trial;
  }
}

/// More channels than are done at a time.
TEST_P(WinogradOn, ProductsAreSumsOfRoundedWeightsForLongRows) {
  std::mt19937 random(42);
  for (const std::size_t channels : {511u, 512u, 513u, 1100u}) {
    const Drawn d = draw({channels, 4, 2}, 9, plain::window(3, 1, 1), 0, 255, random);
    ASSERT_TRUE(suits(d));
    expect_rounded_products(d, 18);
  }
}

/// A layer of so many channels whose windows see 4 x 4 codes, a code and a weight for each place.
template <class Code, class Weight>
Drawn filled(std::size_t channels, int minimum, int maximum, const Code& code,
             const Weight& weight) {
  constexpr std::size_t kOutputs = 8;
  Drawn d;
  d.network = plain::NetworkBuilder({channels, 4, 4}, 1)
                  .quantize(1.0f, maximum, minimum)
                  .convolution(kOutputs, plain::window(3))
                  .build();
  for (std::size_t o = 0; o < kOutputs; ++o)
    for (std::size_t c = 0; c < channels; ++c)
      for (std::size_t tap = 0; tap < 9; ++tap)
        d.weights.push_back(static_cast<float>(weight(tap / 3, tap % 3)));
  d.codes.reshape(1, {channels, 4, 4}, plain::window(3));
  for (std::size_t c = 0; c < channels; ++c)
    for (std::size_t at = 0; at < 16; ++at)
      for (std::size_t lane = 0; lane < kLanes; ++lane)
        d.codes.at(0, c / 2, static_cast<std::ptrdiff_t>(at / 4),
                   static_cast<std::ptrdiff_t>(at % 4))[2 * lane + c % 2] =
            static_cast<std::int16_t>(code(at / 4, at % 4));
  return d;
}

constexpr std::size_t kMostChannels = 1841;  // of codes to 255: 9 x 1841 x 127 x 4 x 255 < 2^31

/// Every sum at its largest, and one channel more: that goes another way.
TEST_P(WinogradOn, SumsDoNotOverflowAtTheWorst) {
  for (const std::size_t channels : {kMostChannels, kMostChannels + 1})
    for (const int weight : {127, -127}) {
      const Drawn d = filled(
          channels, 0, 255, [](std::size_t, std::size_t) { return 255; },
          [&](std::size_t, std::size_t) { return weight; });
      ASSERT_EQ(suits(d), channels == kMostChannels);
      expect_rounded_products(d, 16);
    }
}

/// Each of the 16 points of the codes and of the weights at its largest, by their signs.
TEST_P(WinogradOn, PointsDoNotOverflowAtTheWorst) {
  const int codes[4][4] = {{1, 1, -1, 1}, {1, 1, 1, 1}, {1, -1, 1, 1}, {1, 1, 1, -1}};
  const int weights[4][3] = {{1, 1, 1}, {1, 1, 1}, {1, -1, 1}, {1, 1, 1}};
  for (std::size_t y = 0; y < 4; ++y)
    for (std::size_t x = 0; x < 4; ++x) {
      const Drawn d = filled(
          64, -128, 127,
          [&](std::size_t i, std::size_t j) { return codes[y][i] * codes[x][j] > 0 ? 127 : -128; },
          [&](std::size_t i, std::size_t j) { return 127 * weights[y][i] * weights[x][j]; });
      ASSERT_TRUE(suits(d));
      expect_rounded_products(d, 16);
      if (HasFatalFailure()) FAIL() << "point " << y << ", " << x;
    }
}

/// Codes of outputs whose units differ; an odd one's partner is zero, and the border stays so.
TEST_P(WinogradOn, CodesAreThoseOfTheProducts) {
  std::mt19937 random(43);
  for (const bool pool : {false, true})
    for (const int minimum : {0, -100})
      for (const std::size_t outputs : {8u, 11u, 13u}) {
        const Drawn d = draw({10, 6, 8}, outputs, plain::window(3, 1, 1), -128, 127, random);
        ASSERT_TRUE(suits(d));
        ByteWeightsEngine engine(d.network, activation_ranges(d.network));
        engine.set_weights(0, d.weights.data());
        ProductBlocks products;
        engine.multiply(0, d.codes, 32, products);
        std::vector<float> bias;
        for (std::size_t o = 0; o < outputs; ++o)
          bias.push_back(static_cast<float>(random() % 64) - 32.0f);
        const float factor = 0.37f, inverse_scale = 0.31f;
        CodeBlocks result;
        Window border;
        border.pad_top = border.pad_left = border.pad_bottom = border.pad_right = 1;
        result.reshape(2, pool ? Shape{outputs, 3, 4} : Shape{outputs, 6, 8}, border);
        engine.multiply_requantize(
            0, d.codes, 32, {factor, bias.data(), inverse_scale, 100, pool, minimum}, result);
        const auto code = [&](std::size_t image, std::size_t o, std::size_t y, std::size_t x) {
          const std::size_t at = ((image / kLanes * outputs + o) * 6 + y) * 8 + x;
          const float scaled = static_cast<float>(products.values[at * kLanes + image % kLanes]) *
                               (products.unit * factor);
          const float value = scaled + bias[o];
          return std::clamp(std::nearbyint(value * inverse_scale), static_cast<float>(minimum),
                            100.0f);
        };
        const auto height = static_cast<std::ptrdiff_t>(result.shape().height);
        const auto width = static_cast<std::ptrdiff_t>(result.shape().width);
        for (std::size_t image = 0; image < 32; ++image)
          for (std::size_t o = 0; o < 2 * result.channel_pairs(); ++o)
            for (std::ptrdiff_t y = -1; y <= height; ++y)
              for (std::ptrdiff_t x = -1; x <= width; ++x) {
                float expected = 0.0f;
                const auto row = static_cast<std::size_t>(y), column = static_cast<std::size_t>(x);
                if (o < outputs && y >= 0 && x >= 0 && y < height && x < width)
                  expected = pool ? std::max({code(image, o, 2 * row, 2 * column),
                                              code(image, o, 2 * row, 2 * column + 1),
                                              code(image, o, 2 * row + 1, 2 * column),
                                              code(image, o, 2 * row + 1, 2 * column + 1)})
                                  : code(image, o, row, column);
                ASSERT_EQ(static_cast<float>(result.code(image, o, y, x)), expected)
                    << image << " " << o << " " << y << " " << x;
              }
      }
}

TEST(Winograd, SuitsPlainWindowsOfManyChannelsAndEvenResults) {
  const auto suited = [](Shape input, std::size_t outputs, const Window& window, int maximum) {
    const Network network = plain::NetworkBuilder(input, 1)
                                .quantize(1.0f, maximum)
                                .convolution(outputs, window)
                                .build();
    return WinogradLayer::suits(network, 0, {0, maximum});
  };
  const Window plain = plain::window(3, 1, 1);
  EXPECT_TRUE(suited({8, 4, 6}, 8, plain, 255));
  EXPECT_FALSE(suited({7, 4, 6}, 8, plain, 255));
  EXPECT_FALSE(suited({8, 4, 6}, 7, plain, 255));
  EXPECT_FALSE(suited({8, 5, 6}, 8, plain, 255));
  EXPECT_FALSE(suited({8, 4, 7}, 8, plain, 255));
  EXPECT_FALSE(suited({8, 4, 6}, 8, plain::window(5, 1, 2), 255));
  EXPECT_FALSE(suited({8, 8, 8}, 8, plain::window(3, 2, 1), 255));
  Window wide = plain;
  wide.dilation_width = 2;
  EXPECT_FALSE(suited({8, 4, 8}, 8, wide, 255));
  EXPECT_FALSE(suited({kMostChannels + 1, 4, 4}, 8, plain, 255));
  EXPECT_TRUE(suited({kMostChannels + 1, 4, 4}, 8, plain, 254));
}

}  // namespace
}  // namespace uswim::workloads
