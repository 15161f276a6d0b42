#include "workloads/engine/executor.h"

#include <gmock/gmock.h>

#include <random>

#include "tests/engine/isa_fixture.h"
#include "tests/engine/plain_network.h"
#include "workloads/engine/effective_weights.h"

namespace uswim::workloads {
namespace {

using plain::NetworkBuilder;
using plain::window;

struct NamedNetwork {
  const char* name;
  Network network;
};

/// Every way in which a step can take in the nodes after a matrix layer, and every step that stands
/// alone.
std::vector<NamedNetwork> networks() {
  const auto start = [](Shape input, int maximum = 15) {
    return NetworkBuilder(input, 11).quantize(0.1f, maximum);
  };
  std::vector<NamedNetwork> all;
  all.push_back({"LeNet", start({1, 12, 12})
                              .convolution(6, window(3, 1, 1))
                              .relu()
                              .quantize(0.3f, 15)
                              .max_pool(window(2, 2))
                              .convolution(5, window(3, 1, 1))
                              .relu()
                              .quantize(0.3f, 15)
                              .max_pool(window(2, 2))
                              .flatten()
                              .dense(21)
                              .relu()
                              .quantize(0.3f, 15)
                              .dense(10)
                              .build()});
  all.push_back({"pool before quantising, odd size", start({3, 9, 7})
                                                         .convolution(5, window(3, 1, 1))
                                                         .relu()
                                                         .max_pool(window(2, 2))
                                                         .quantize(0.2f, 255)
                                                         .flatten()
                                                         .dense(4)
                                                         .build()});
  all.push_back({"overlapping padded pool", start({2, 11, 11})
                                                .convolution(7, window(3, 2, 1))
                                                .quantize(0.2f, 15)
                                                .relu()
                                                .max_pool(window(3, 2, 1))
                                                .convolution(3, window(2, 1, 1, 2))
                                                .max_pool(window(3, 1, 1))
                                                .quantize(0.2f, 15)
                                                .flatten()
                                                .dense(4)
                                                .build()});
  all.push_back({"two pools", start({2, 12, 12})
                                  .convolution(4, window(1))
                                  .max_pool(window(2, 2))
                                  .quantize(0.2f, 15)
                                  .max_pool(window(2, 2))
                                  .flatten()
                                  .dense(4)
                                  .build()});
  all.push_back({"quantised twice", start({2, 6, 6})
                                        .convolution(4, window(3))
                                        .quantize(0.125f, 15)
                                        .quantize(0.25f, 6)  // odd codes lie between two
                                        .quantize(0.25f, 4)
                                        .flatten()
                                        .dense(4)
                                        .build()});
  all.push_back({"floats to the end", start({3, 9, 9})
                                          .convolution(4, window(3, 1, 1))
                                          .relu()
                                          .max_pool(window(3, 2, 1))
                                          .flatten()
                                          .build()});
  all.push_back({"ends in a quantiser",
                 start({3, 4, 4}).convolution(3, window(3)).quantize(0.1f, 15).build()});
  all.push_back(
      {"pooled input", start({3, 8, 8}, 255).max_pool(window(2, 2)).flatten().dense(3).build()});

  Network branching = start({2, 6, 6})
                          .convolution(4, window(3, 1, 1))
                          .quantize(0.2f, 15)
                          .max_pool(window(2, 2))
                          .flatten()
                          .dense(3)
                          .relu()
                          .quantize(0.2f, 15)
                          .dense(3)
                          .build();
  Node second_reader = branching.nodes[3];  // reads the unpooled codes too, and is read by no one
  second_reader.inputs = {3};
  branching.nodes.insert(branching.nodes.end() - 1, second_reader);
  all.push_back({"a second reader", branching});
  Network floats_twice = start({2, 6, 6})
                             .convolution(4, window(3, 1, 1))
                             .quantize(0.2f, 15)
                             .flatten()
                             .dense(3)
                             .build();
  floats_twice.nodes[2].inputs = {2};
  Node other = floats_twice.nodes[2];
  other.scale = 0.7f;
  floats_twice.nodes.insert(floats_twice.nodes.end() - 2,
                            other);  // two quantisers of the same floats
  floats_twice.nodes[4].inputs = {4};
  floats_twice.nodes[5].inputs = {5};
  all.push_back({"floats with two readers", floats_twice});
  return all;
}

class ExecutorOn : public EveryInstructionSet {};
USWIM_ON_EVERY_INSTRUCTION_SET(ExecutorOn);

TEST_P(ExecutorOn, GivesTheBytesOfThePlainNetworkWithAnyEngine) {
  std::mt19937 random(21);
  for (const auto& [name, network] : networks()) {
    SCOPED_TRACE(name);
    const auto weights = plain::random_weights(network, 4, random);
    Executor executor(network, weights);
    plain::Engine unfused(network, weights);
    CodeBlocks batch;
    batch.reshape(2, network.input, plain::window(1, 1, 2));
    plain::fill_randomly(batch, network.nodes[0].maximum, random);
    const std::size_t images = 19;
    std::vector<float> from_fused, from_unfused;
    executor.run(unfused, batch, images, from_unfused);
    for (const auto& [arithmetic_name, arithmetic] : kArithmetics) {
      SCOPED_TRACE(arithmetic_name);  // all are exact for weights of 4 bits
      const auto fused = make_weights_engine(arithmetic, network, activation_ranges(network));
      for (std::size_t l = 0; l < weights.size(); ++l)
        fused->set_weights(l, plain::as_floats(weights[l]).data());
      executor.run(*fused, batch, images, from_fused);
      ASSERT_EQ(from_fused.size(), images * network.classes());
      EXPECT_EQ(from_fused, from_unfused);
    }
    for (std::size_t image = 0; image < images; ++image) {
      const auto expected = plain::logits(network, weights, plain::image_of(batch, image));
      const std::vector<float> logits(
          from_fused.begin() + static_cast<std::ptrdiff_t>(image * network.classes()),
          from_fused.begin() + static_cast<std::ptrdiff_t>((image + 1) * network.classes()));
      ASSERT_EQ(logits, expected) << "image " << image;
    }
  }
}

TEST(Executor, FollowsABatchOfAnotherBorder) {
  std::mt19937 random(25);
  const Network network =
      NetworkBuilder({3, 3, 3}, 1).quantize(0.1f, 15).flatten().dense(3).build();
  const auto weights = plain::random_weights(network, 4, random);
  Executor executor(network, weights);
  plain::Engine engine(network, weights);
  for (const std::size_t pad : {0u, 2u, 1u}) {
    CodeBlocks batch;
    batch.reshape(1, network.input, window(1, 1, pad));
    plain::fill_randomly(batch, 15, random);
    std::vector<float> logits;
    executor.run(engine, batch, 1, logits);
    EXPECT_EQ(logits, plain::logits(network, weights, plain::image_of(batch, 0))) << pad;
  }
}

/// Weights with noise: whatever the ISA, fused or not, the engine's own integers go in and the same
/// bytes come out.
TEST(Executor, GivesTheSameBytesOnEveryInstructionSet) {
  std::mt19937 random(22);
  std::normal_distribution<float> normal;
  const Network network = networks().front().network;
  const auto weights = plain::random_weights(network, 4, random);
  std::vector<std::vector<float>> noisy;
  for (const auto& layer : weights) {
    noisy.push_back(plain::as_floats(layer));
    for (float& weight : noisy.back()) weight += normal(random);
  }
  CodeBlocks batch;
  batch.reshape(4, network.input, plain::window(1, 1, 1));
  plain::fill_randomly(batch, 15, random);
  for (const auto& [arithmetic_name, arithmetic] : kArithmetics) {
    SCOPED_TRACE(arithmetic_name);
    std::vector<std::vector<float>> results;
    for (const char* isa : {"generic", "avx2", "avx512"}) {
      const ForcedInstructionSet forced(isa);
      try {
        kernel::selected();
      } catch (const std::invalid_argument&) {
        continue;
      }
      Executor executor(network, weights);
      const auto engine = make_weights_engine(arithmetic, network, activation_ranges(network));
      for (std::size_t l = 0; l < noisy.size(); ++l) engine->set_weights(l, noisy[l].data());
      std::vector<float> logits;
      executor.run(*engine, batch, 64, logits);
      results.push_back(logits);
    }
    EXPECT_THAT(results, testing::Each(results.front()));
  }
}

Dataset random_images(Shape shape, std::size_t count, std::mt19937& random) {
  Dataset data;
  data.shape = shape;
  data.count = count;
  data.pixels.resize(count * shape.size());
  for (auto& pixel : data.pixels) pixel = static_cast<std::uint8_t>(random());
  data.labels.resize(count);
  for (auto& label : data.labels) label = static_cast<std::uint8_t>(random() % 10);
  return data;
}

TEST(Executor, CountsEveryImageOfAnIncompleteBatchOnce) {
  std::mt19937 random(23);
  const Network network = networks().front().network;
  const auto weights = plain::random_weights(network, 4, random);
  Executor executor(network, weights);
  EffectiveWeightsEngine engine(network, activation_ranges(network));
  for (std::size_t l = 0; l < weights.size(); ++l)
    engine.set_weights(l, plain::as_floats(weights[l]).data());
  const Dataset data = random_images(network.input, 140, random);
  std::vector<bool> correct;
  for (std::size_t i = 0; i < data.count; ++i) {
    std::vector<std::int16_t> codes;
    for (std::size_t p = 0; p < 144; ++p) {
      const float pixel = static_cast<float>(data.pixels[i * 144 + p]) / 255.0f;
      codes.push_back(
          static_cast<std::int16_t>(std::min(std::nearbyint(pixel * (1.0f / 0.1f)), 15.0f)));
    }
    const auto logits = plain::logits(network, weights, codes);
    correct.push_back(std::max_element(logits.begin(), logits.end()) - logits.begin() ==
                      data.labels[i]);
  }
  ASSERT_THAT(std::count(correct.begin(), correct.end(), true),
              testing::AllOf(testing::Gt(3), testing::Lt(60)));
  for (const std::size_t first : {0u, 3u}) {
    for (const std::size_t count : {0u, 1u, 15u, 16u, 17u, 63u, 64u, 65u, 128u, 137u}) {
      const auto begin = correct.begin() + static_cast<std::ptrdiff_t>(first);
      const auto expected = std::count(begin, begin + static_cast<std::ptrdiff_t>(count), true);
      EXPECT_EQ(executor.count_correct(engine, executor.prepare(data, first, count)),
                static_cast<std::size_t>(expected))
          << count << " images from " << first;
    }
  }
}

TEST(Executor, TakesTheFirstOfEqualLogits) {
  Network network = NetworkBuilder({1, 1, 1}, 1).quantize(1.0f, 1).dense(3).build();
  network.layers[0].bias = {1.0f, 2.0f, 2.0f};
  QuantizedWeights zero;
  zero.bits = 4;
  zero.scale = 1.0;
  zero.code = {0, 0, 0};
  Executor executor(network, {zero});
  EffectiveWeightsEngine engine(network, activation_ranges(network));
  engine.set_weights(0, plain::as_floats(zero).data());
  Dataset data;
  data.shape = {1, 1, 1};
  data.count = 4;
  data.pixels = {0, 1, 2, 3};
  data.labels = {0, 1, 1, 2};
  EXPECT_EQ(executor.count_correct(engine, executor.prepare(data, 0, 4)), 2u);
}

/// A batch of a large network takes seconds; who waits may end it between two steps.
TEST(Executor, CanBeEndedBetweenTheStepsOfABatch) {
  struct Ended {};
  std::mt19937 random(1);
  const Network network = networks().front().network;
  const auto weights = plain::random_weights(network, 4, random);
  Executor executor(network, weights);
  plain::Engine engine(network, weights);
  const PreparedImages images = executor.prepare(random_images(network.input, 4, random), 0, 4);
  std::size_t calls = 0;
  const std::size_t correct = executor.count_correct(engine, images, [&] { ++calls; });
  EXPECT_EQ(calls, executor.steps());
  EXPECT_GT(calls, 1u);
  for (std::size_t end = 1; end <= executor.steps(); ++end) {
    calls = 0;
    EXPECT_THROW(executor.count_correct(engine, images,
                                        [&] {
                                          if (++calls == end) throw Ended();
                                        }),
                 Ended);
  }
  EXPECT_EQ(executor.count_correct(engine, images), correct);
}

TEST(Executor, RefusesANetworkWithoutQuantisers) {
  const auto refuse = [](const Network& network, const char* with) {
    std::mt19937 random(1);
    const auto weights = plain::random_weights(network, 4, random);
    EXPECT_THAT([&] { Executor(network, weights); },
                testing::ThrowsMessage<NetworkError>(testing::HasSubstr(with)));
  };
  refuse(NetworkBuilder({1, 4, 4}, 1).convolution(2, window(3)).build(),
         "must begin with Quantize");
  refuse(NetworkBuilder({1, 4, 4}, 1).quantize(1.0f, 15).flatten().dense(2).relu().dense(2).build(),
         "layer1: its input is no integer activation");
  refuse(NetworkBuilder({1, 4, 4}, 1).quantize(0.0f, 15).flatten().dense(2).build(), "scale");
  refuse(NetworkBuilder({1, 4, 4}, 1).quantize(1.0f, 40000).flatten().dense(2).build(),
         "[1, 32767]");
  const Network network = networks().front().network;
  EXPECT_THROW(Executor(network, {}), NetworkError);
}

TEST(Executor, RefusesImagesThatAreNotThere) {
  std::mt19937 random(1);
  const Network network = networks().front().network;
  Executor executor(network, plain::random_weights(network, 4, random));
  const Dataset data = random_images(network.input, 4, random);
  EXPECT_THROW(executor.prepare(data, 2, 3), std::invalid_argument);
  EXPECT_THROW(executor.prepare(random_images({1, 2, 2}, 4, random), 0, 1), std::invalid_argument);
  EffectiveWeightsEngine engine(network, activation_ranges(network));
  CodeBlocks batch;
  std::vector<float> logits;
  batch.reshape(1, network.input, window(1, 1, 1));
  EXPECT_THROW(executor.run(engine, batch, 17, logits), std::invalid_argument);
  batch.reshape(1, network.input, Window{});  // the first layer's windows would leave the buffer
  EXPECT_THROW(executor.run(engine, batch, 1, logits), std::invalid_argument);
}

/// A requantising pass never writes the border: the next layer's windows read zeros there.
TEST_P(ExecutorOn, FusedStepWritesInsideTheBorderOnly) {
  std::mt19937 random(24);
  const Shape input{3, 8, 10};
  const Network network =
      NetworkBuilder(input, 1).quantize(1.0f, 15).convolution(5, window(3, 1, 1)).build();
  const auto weights = plain::random_weights(network, 4, random);
  EffectiveWeightsEngine engine(network, activation_ranges(network));
  engine.set_weights(0, plain::as_floats(weights[0]).data());
  CodeBlocks codes;
  codes.reshape(2, input, window(1, 1, 1));
  plain::fill_randomly(codes, 15, random);
  for (const bool pool : {false, true}) {
    CodeBlocks result;
    const Shape shape = pool ? Shape{5, 4, 5} : Shape{5, 8, 10};
    result.reshape(2, shape, window(1, 1, 2));
    const std::vector<float> bias(5, 100.0f);  // every code is large
    ASSERT_TRUE(
        engine.multiply_requantize(0, codes, 32, {0.0f, bias.data(), 1.0f, 15, pool}, result));
    for (std::ptrdiff_t y = -2; y < static_cast<std::ptrdiff_t>(shape.height) + 2; ++y) {
      for (std::ptrdiff_t x = -2; x < static_cast<std::ptrdiff_t>(shape.width) + 2; ++x) {
        const bool inside = y >= 0 && x >= 0 && y < static_cast<std::ptrdiff_t>(shape.height) &&
                            x < static_cast<std::ptrdiff_t>(shape.width);
        for (std::size_t channel = 0; channel < 6; ++channel) {
          ASSERT_EQ(result.code(31, channel, y, x), inside && channel < 5 ? 15 : 0)
              << channel << " " << y << " " << x;
        }
      }
    }
  }
}

}  // namespace
}  // namespace uswim::workloads
