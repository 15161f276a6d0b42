#include "workloads/engine/effective_weights.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <random>

#include "tests/engine/isa_fixture.h"
#include "tests/engine/plain_network.h"

namespace uswim::workloads {
namespace {

Network one_layer(Shape input, std::size_t outputs, const Window& window,
                  int activation_maximum = 15) {
  return plain::NetworkBuilder(input, 1)
      .quantize(1.0f, activation_maximum)
      .convolution(outputs, window)
      .build();
}

/// Compares all images of `engine`'s products in units of the weight code with the triple loop.
void expect_equal_products(EffectiveWeightsEngine& engine, const Network& network,
                           const std::vector<std::int16_t>& weights, const CodeBlocks& codes,
                           std::size_t images) {
  const MatrixLayer& layer = network.layers[0];
  ProductBlocks products;
  engine.multiply(0, codes, images, products);
  ASSERT_EQ(products.shape, network.nodes[1].shape);
  const std::size_t size = products.shape.size();
  for (std::size_t image = 0; image < images; ++image) {
    const auto expected = plain::multiply(layer, weights.data(), codes.shape(),
                                          plain::image_of(codes, image), products.shape);
    for (std::size_t i = 0; i < size; ++i) {
      const std::int32_t product =
          products.values[(image / kLanes * size + i) * kLanes + image % kLanes];
      ASSERT_EQ(static_cast<double>(product) * static_cast<double>(products.unit),
                static_cast<double>(expected[i]))
          << "image " << image << ", value " << i;
    }
  }
}

class ProductsOn : public EveryInstructionSet {};
USWIM_ON_EVERY_INSTRUCTION_SET(ProductsOn);

TEST_P(ProductsOn, EqualATripleLoopForAnyWindow) {
  std::mt19937 random(7);
  const auto draw = [&](int low, int high) {
    return static_cast<std::size_t>(std::uniform_int_distribution<int>(low, high)(random));
  };
  for (int trial = 0; trial < 60; ++trial) {
    Window w;
    w.kernel_height = draw(1, 4);
    w.kernel_width = draw(1, 4);
    w.stride_height = draw(1, 3);
    w.stride_width = draw(1, 3);
    w.dilation_height = draw(1, 2);
    w.dilation_width = draw(1, 2);
    w.pad_top = draw(0, 2);
    w.pad_left = draw(0, 2);
    w.pad_bottom = draw(0, 2);
    w.pad_right = draw(0, 2);
    const Shape input{draw(1, 9), draw(7, 12), draw(7, 12)};
    const Network network = one_layer(input, draw(1, 14), w, 255);
    const auto weights = plain::random_weights(network, 6, random);
    EffectiveWeightsEngine engine(network, activation_ranges(network));
    engine.set_weights(0, plain::as_floats(weights[0]).data());
    Window border = w;  // wider than this layer needs, as when another layer reads the same codes
    border.pad_top += draw(0, 1);
    border.pad_left += draw(0, 1);
    CodeBlocks codes;
    codes.reshape(2, input, border);
    plain::fill_randomly(codes, 255, random);
    expect_equal_products(engine, network, weights[0].code, codes, draw(1, 32));
    if (HasFatalFailure()) FAIL() << "trial " << trial;
  }
}

TEST_P(ProductsOn, EqualATripleLoopForLongRows) {
  std::mt19937 random(8);
  for (const std::size_t channels : {383u, 384u, 385u, 1001u}) {
    const Network network = one_layer({channels, 1, 1}, 17, Window{});
    const auto weights = plain::random_weights(network, 4, random);
    EffectiveWeightsEngine engine(network, activation_ranges(network));
    engine.set_weights(0, plain::as_floats(weights[0]).data());
    CodeBlocks codes;
    codes.reshape(5, {channels, 1, 1}, Window{});
    plain::fill_randomly(codes, 15, random);
    expect_equal_products(engine, network, weights[0].code, codes, 80);
  }
}

TEST_P(ProductsOn, FollowTheCodesToALayoutOfAnotherBorder) {
  std::mt19937 random(9);
  const Shape input{3, 6, 6};
  const Network network = one_layer(input, 4, plain::window(3, 1, 1));
  const auto weights = plain::random_weights(network, 4, random);
  EffectiveWeightsEngine engine(network, activation_ranges(network));
  engine.set_weights(0, plain::as_floats(weights[0]).data());
  for (const std::size_t pad : {1u, 3u, 2u}) {
    CodeBlocks codes;
    codes.reshape(1, input, plain::window(1, 1, pad));
    plain::fill_randomly(codes, 15, random);
    expect_equal_products(engine, network, weights[0].code, codes, 16);
  }
}

/// Sums up to 2^31 and codes up to 32767 at half of which a float's last bit is 2^-10: an operation
/// that is fused, reordered or approximated shows in the codes.
TEST_P(ProductsOn, AreRequantisedAsTheFormulaSaysToTheLastBit) {
  std::mt19937 random(10);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  const std::size_t outputs = 401;
  const Network network = one_layer({1, 1, 1}, outputs, Window{}, 32767);
  EffectiveWeightsEngine engine(network, activation_ranges(network));
  std::vector<float> weights(outputs), bias(outputs);
  CodeBlocks codes, fused, separate;
  codes.reshape(3, {1, 1, 1}, Window{});
  fused.reshape(3, {outputs, 1, 1}, Window{});
  separate.reshape(3, {outputs, 1, 1}, Window{});
  for (int trial = 0; trial < 20; ++trial) {
    for (float& weight : weights) weight = 40.0f * uniform(random);
    for (float& b : bias) b = 5.0f * uniform(random);
    engine.set_weights(0, weights.data());
    plain::fill_randomly(codes, 32767, random);
    const float factor = 1e-4f * (1.5f + uniform(random)), inverse_scale = 120.0f + uniform(random);
    const int maximum = trial % 2 == 0 ? 32767 : 15;
    ASSERT_TRUE(engine.multiply_requantize(
        0, codes, 48, {factor, bias.data(), inverse_scale, maximum, false}, fused));
    ProductBlocks products;
    engine.multiply(0, codes, 48, products);
    kernel::selected().requantize(
        products.values.data(), 3, outputs, 1, 1,
        {products.unit * factor, bias.data(), inverse_scale, static_cast<float>(maximum)},
        {separate.at(0, 0, 0, 0), static_cast<std::ptrdiff_t>(separate.block_stride()),
         static_cast<std::ptrdiff_t>(separate.pair_stride()),
         static_cast<std::ptrdiff_t>(separate.row_stride())});
    for (std::size_t image = 0; image < 48; ++image) {
      for (std::size_t o = 0; o < outputs; ++o) {
        const auto product = static_cast<float>(
            products.values[(image / kLanes * outputs + o) * kLanes + image % kLanes]);
        const float scaled = product * (products.unit * factor);
        const float value = scaled + bias[o];
        const float code = std::nearbyint(value * inverse_scale);
        const float expected = std::min(std::max(code, 0.0f), static_cast<float>(maximum));
        ASSERT_EQ(static_cast<float>(fused.code(image, o, 0, 0)), expected);
        ASSERT_EQ(static_cast<float>(separate.code(image, o, 0, 0)), expected);
      }
    }
  }
}

TEST_P(ProductsOn, AreRoundedHalfToEven) {
  const Network network = one_layer({1, 1, 1}, 1, Window{});
  EffectiveWeightsEngine engine(network, activation_ranges(network));
  const float weight = 1.0f, bias = 0.5f;
  engine.set_weights(0, &weight);
  CodeBlocks codes, result;
  codes.reshape(1, {1, 1, 1}, Window{});
  result.reshape(1, {1, 1, 1}, Window{});
  for (std::size_t image = 0; image < kLanes; ++image)
    codes.at(0, 0, 0, 0)[2 * image] = static_cast<std::int16_t>(image);
  engine.multiply_requantize(0, codes, kLanes, {1.0f, &bias, 1.0f, 11, false}, result);
  std::vector<int> rounded;
  for (std::size_t image = 0; image < kLanes; ++image)
    rounded.push_back(result.code(image, 0, 0, 0));
  EXPECT_THAT(rounded, testing::ElementsAre(0, 2, 2, 4, 4, 6, 6, 8, 8, 10, 10, 11, 11, 11, 11, 11));
}

/// The finest unit by its definition: the first of 2^-24, 2^-23, ... with which all weights fit 16
/// bits and no sum of magnitudes times the largest activation reaches 2^31.
double finest_unit(const std::vector<float>& weights, std::size_t rows, int activation_maximum) {
  for (int exponent = 24;; --exponent) {
    double largest = 0.0, largest_sum = 0.0, sum = 0.0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const double code =
          std::abs(std::nearbyint(std::ldexp(static_cast<double>(weights[i]), exponent)));
      sum = i % rows == 0 ? code : sum + code;
      largest = std::max(largest, code);
      largest_sum = std::max(largest_sum, sum);
    }
    if (largest <= 32767.0 && largest_sum * activation_maximum < 2147483648.0)
      return std::ldexp(1.0, -exponent);
  }
}

TEST(UnitOfWeights, IsTheFinestThatCannotOverflow) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  for (const std::size_t rows : {2u, 131u, 4096u}) {
    for (const int activation_maximum : {1, 15, 255, 32767}) {
      const Network network = one_layer({rows, 1, 1}, 3, Window{}, activation_maximum);
      EffectiveWeightsEngine engine(network, activation_ranges(network));
      for (const float spread : {1e-4f, 0.5f, 7.0f, 300.0f, 5e4f}) {
        std::vector<float> weights(3 * rows);
        for (float& weight : weights) weight = spread * normal(random);
        engine.set_weights(0, weights.data());
        EXPECT_EQ(static_cast<double>(engine.unit(0)),
                  finest_unit(weights, rows, activation_maximum))
            << rows << " rows, spread " << spread;
      }
    }
  }
}

TEST(UnitOfWeights, HoldsAtTheEdgeOfSixteenBits) {
  const Network network = one_layer({2, 1, 1}, 1, Window{}, 1);
  EffectiveWeightsEngine engine(network, activation_ranges(network));
  const auto unit_of = [&](float weight) {
    const float weights[2] = {weight, 0.0f};
    engine.set_weights(0, weights);
    return engine.unit(0);
  };
  EXPECT_EQ(unit_of(32767.0f), 1.0f);
  EXPECT_EQ(unit_of(32767.25f), 1.0f);
  EXPECT_EQ(unit_of(32767.5f), 2.0f);  // would round to 32768
  EXPECT_EQ(unit_of(0.0f), 1.0f);
}

/// Every weight and every activation at its largest, one sign: the largest sum there is.
TEST_P(ProductsOn, DoNotOverflowAtTheWorst) {
  for (const float weight : {255.0f, -255.0f, 3.99f}) {
    const std::size_t rows = 4096;
    const Network network = one_layer({rows, 1, 1}, 1, Window{}, 255);
    EffectiveWeightsEngine engine(network, activation_ranges(network));
    const std::vector<float> weights(rows, weight);
    engine.set_weights(0, weights.data());
    const auto unit = static_cast<double>(engine.unit(0));
    const auto code = static_cast<std::int16_t>(std::nearbyint(static_cast<double>(weight) / unit));
    CodeBlocks codes;
    codes.reshape(1, {rows, 1, 1}, Window{});
    for (std::size_t c = 0; c < rows; ++c) {
      for (std::size_t lane = 0; lane < kLanes; ++lane)
        codes.at(0, c / 2, 0, 0)[2 * lane + c % 2] = 255;
    }
    ProductBlocks products;
    engine.multiply(0, codes, kLanes, products);
    EXPECT_THAT(products.values,
                testing::Each(std::int64_t{code} * 255 * static_cast<std::int64_t>(rows)));
  }
}

TEST(EffectiveWeights, AreRoundedToTheirUnit) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  const Network network = one_layer({6, 1, 1}, 7, Window{});
  EffectiveWeightsEngine engine(network, activation_ranges(network));
  std::vector<float> weights(42);
  for (float& weight : weights) weight = 5.0f * normal(random);
  engine.set_weights(0, weights.data());
  CodeBlocks codes;
  codes.reshape(1, {6, 1, 1}, Window{});
  for (std::size_t c = 0; c < 6; ++c)
    codes.at(0, c / 2, 0, 0)[2 * c + c % 2] = 1;  // image c has channel c alone
  ProductBlocks products;
  engine.multiply(0, codes, 6, products);
  for (std::size_t o = 0; o < 7; ++o) {
    for (std::size_t c = 0; c < 6; ++c) {
      EXPECT_EQ(products.values[o * kLanes + c],
                std::nearbyint(weights[o * 6 + c] / products.unit));
    }
  }
}

TEST(EffectiveWeights, RefuseWhatIsNoNumber) {
  const Network network = one_layer({2, 1, 1}, 1, Window{});
  EffectiveWeightsEngine engine(network, activation_ranges(network));
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    const float weights[2] = {1.0f, bad};
    EXPECT_THROW(engine.set_weights(0, weights), std::invalid_argument);
  }
}

TEST(ActivationRanges, FollowTheQuantiserOfEachLayersInput) {
  const Network network = plain::NetworkBuilder({1, 4, 4}, 1)
                              .quantize(1.0f, 255)
                              .convolution(2, plain::window(3, 1, 1))
                              .relu()
                              .quantize(1.0f, 15)
                              .max_pool(plain::window(2, 2))
                              .flatten()
                              .dense(3)
                              .build();
  EXPECT_THAT(activation_ranges(network),
              testing::ElementsAre(CodeRange{0, 255}, CodeRange{0, 15}));
}

TEST(InstructionSet, IsRefusedByNameIfUnknown) {
  const ForcedInstructionSet forced("mmx");
  EXPECT_THAT([] { kernel::selected(); },
              testing::ThrowsMessage<std::invalid_argument>(
                  testing::HasSubstr("'mmx' is none of generic, avx2, avx512")));
}

}  // namespace
}  // namespace uswim::workloads
