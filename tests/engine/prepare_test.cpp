// What the executor makes of the pixels before the first layer.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

#include "tests/engine/plain_network.h"
#include "workloads/engine/executor.h"

namespace uswim::workloads {
namespace {

using plain::NetworkBuilder;
using plain::window;

Dataset ramp(Shape shape) {
  Dataset data;
  data.shape = shape;
  data.count = 1;
  for (std::size_t i = 0; i < shape.size(); ++i)
    data.pixels.push_back(static_cast<std::uint8_t>(i));
  data.labels = {0};
  return data;
}

/// Normalisation and quantiser of the input are one table; every pixel there is, on two channels.
TEST(Prepare, NormalisesAndQuantisesPixels) {
  Network network = NetworkBuilder({2, 16, 16}, 1)
                        .scale()
                        .scale()
                        .quantize(0.05f, 15, -16)
                        .flatten()
                        .dense(2)
                        .build();
  network.nodes[0].offset = {-0.5f, 0.2f};
  std::mt19937 random(1);
  const Executor executor(network, plain::random_weights(network, 4, random));
  const PreparedImages images = executor.prepare(ramp(network.input), 0, 1);
  for (std::size_t i = 0; i < network.input.size(); ++i) {
    const std::size_t c = i / 256, pixel = i % 256;
    float x = static_cast<float>(pixel) / 255.0f;
    for (std::size_t n : {0u, 1u}) {
      const float scaled = network.nodes[n].factor[c] * x;
      x = scaled + network.nodes[n].offset[c];
    }
    const float code = std::clamp(std::nearbyint(x * (1.0f / 0.05f)), -16.0f, 15.0f);
    ASSERT_EQ(images.batches[0].code(0, c, static_cast<std::ptrdiff_t>(pixel / 16),
                                     static_cast<std::ptrdiff_t>(pixel % 16)),
              static_cast<int>(code))
        << "channel " << c << ", pixel " << pixel;
  }
}

/// A border around the image lies behind its quantiser, whose codes the executor takes, and is
/// rounded as the image is: 0.33 to 7 steps of 0.05.
TEST(Prepare, LeavesTheBorderOfAnImageToTheExecutor) {
  const auto logits = [](bool quantised_first) {
    NetworkBuilder b({2, 4, 4}, 1);
    b.scale();
    if (quantised_first) b.quantize(0.05f, 31, -32);
    Border border{Border::Kind::Constant, {0, 1, -1}, {0, 0, 2}, {quantised_first ? 0.35f : 0.33f}};
    b.add(Operation::Pad, {2, 5, 5}).border = border;
    if (!quantised_first) b.quantize(0.05f, 31, -32);
    const Network network =
        b.convolution(3, window(3)).quantize(0.1f, 15).flatten().dense(2).build();
    std::mt19937 random(1);
    const auto weights = plain::random_weights(network, 4, random);
    plain::Engine engine(network, weights);
    Executor executor(network, weights);
    const PreparedImages images = executor.prepare(ramp(network.input), 0, 1);
    std::vector<float> found;
    executor.run(engine, images.batches[0], 1, found);
    return found;
  };
  EXPECT_EQ(logits(false), logits(true));
}

/// A block of 16 images takes 2 MiB for each 16 channels of 64 x 64 codes, twice: flattened too.
TEST(Prepare, PutsFewerImagesIntoABatchWhereTheyTakeMuchMemory) {
  std::mt19937 random(1);
  for (const auto& [outputs, blocks] : {std::pair{4u, 4u}, {192u, 2u}, {1024u, 1u}}) {
    const Network network = NetworkBuilder({1, 64, 64}, 1)
                                .quantize(0.05f, 15)
                                .convolution(outputs, window(1))
                                .quantize(0.1f, 15)
                                .flatten()
                                .dense(2)
                                .build();
    Dataset data = ramp(network.input);
    data.count = 70;
    data.pixels.resize(data.count * network.input.size());
    data.labels.resize(data.count);
    const Executor executor(network, plain::random_weights(network, 4, random));
    const PreparedImages images = executor.prepare(data, 0, data.count);
    EXPECT_EQ(images.batches.size(), (70 + 16 * blocks - 1) / (16 * blocks));
    EXPECT_EQ(images.batches[0].blocks(), blocks);
    EXPECT_EQ(images.batches.back().blocks(), 1u);
  }
}

}  // namespace
}  // namespace uswim::workloads
