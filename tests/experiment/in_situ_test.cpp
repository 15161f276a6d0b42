#include "experiment/in_situ.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>

namespace uswim::experiment {
namespace {

using programmer::DeviceMask;

/// Two inputs, two classes, weights on a grid of 15 steps; the chip has no errors.
struct Fixture : TrainableChip {
  workloads::Network network;
  std::vector<workloads::QuantizedWeights> quantized;
  std::unique_ptr<tiles::Mapping> mapping;
  workloads::Dataset images;
  std::vector<std::vector<std::int16_t>> codes;
  std::vector<std::size_t> written;

  Fixture() {
    network.input = {2, 1, 1};
    workloads::MatrixLayer layer;
    layer.name = "fc";
    layer.outputs = layer.rows = 2;
    layer.weight = {1.0f, -0.2f, 0.4f, 0.6f};
    layer.bias = {0.0f, 0.0f};
    network.layers.push_back(layer);
    network.nodes = {{workloads::Operation::Matrix, "fc", {0}, {2, 1, 1}}};
    quantized = {workloads::quantize_weights(layer, 4)};
    codes = {quantized[0].code};
    mapping = std::make_unique<tiles::Mapping>(
        std::vector<tiles::MappedLayer>{{"fc", 2, 2, quantized[0].code}},
        tiles::MappingConfig{64, 64, 2, 4});
    images.shape = network.input;
    images.count = 3;
    images.pixels = {255, 0, 51, 204, 102, 255};
    images.labels = {1, 0, 0};
  }
  WriteCost write_open_loop() override { return {{1000, 1.0}, 10, 0}; }
  WriteCost rewrite(const DeviceMask& devices,
                    const std::vector<std::vector<std::int16_t>>& now) override {
    codes = now;
    written.push_back(devices.count());
    return {{100, 0.1}, 10, 0};
  }
  LayerWeights weights() override {
    LayerWeights w(1);
    for (const std::int16_t c : codes[0])
      w[0].push_back(static_cast<float>(c * quantized[0].step()));
    return w;
  }
  std::uint64_t count_test_correct() override { return written.size(); }
};

// Softmax regression by hand: gradient (p - y) x, averaged over the batch.
TEST(InSituTraining, DescendsTheMeanGradientAndWritesTheNearestCodes) {
  Fixture f;
  InSituConfig config;
  config.iterations = 2;
  config.batch = 2;
  config.learning_rate = 0.7;
  config.rewriting = Rewriting::Changed;
  const auto steps = train_in_situ(f, config, *f.mapping, f.network, f.quantized, f.images);

  std::vector<double> copy;
  for (const std::int16_t c : f.quantized[0].code) copy.push_back(c / 15.0);
  std::vector<int> code(f.quantized[0].code.begin(), f.quantized[0].code.end());
  std::size_t image = 0;
  for (int iteration = 0; iteration < 2; ++iteration) {
    double gradient[4] = {};
    for (int i = 0; i < 2; ++i, image = (image + 1) % 3) {
      const double x[2] = {f.images.pixels[2 * image] / 255.0,
                           f.images.pixels[2 * image + 1] / 255.0};
      double z[2];
      for (int o = 0; o < 2; ++o) z[o] = (code[2 * o] * x[0] + code[2 * o + 1] * x[1]) / 15.0;
      for (int o = 0; o < 2; ++o) {
        const double p = 1 / (1 + std::exp(z[1 - o] - z[o]));
        for (int r = 0; r < 2; ++r)
          gradient[2 * o + r] += (p - (f.images.labels[image] == o ? 1 : 0)) * x[r] / 2;
      }
    }
    for (int i = 0; i < 4; ++i) {
      copy[static_cast<std::size_t>(i)] -= 0.7 * gradient[i];
      code[static_cast<std::size_t>(i)] = static_cast<int>(
          std::clamp(std::nearbyint(copy[static_cast<std::size_t>(i)] * 15), -15.0, 15.0));
    }
  }
  EXPECT_EQ(std::vector<int>(f.codes[0].begin(), f.codes[0].end()), code);
  EXPECT_NE(code, std::vector<int>(f.quantized[0].code.begin(), f.quantized[0].code.end()));
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_EQ(steps[0].devices, 16u);
  EXPECT_EQ(steps[0].write.programming.time_ps, 1000);
  EXPECT_EQ(steps[2].devices, f.written[1]);
  EXPECT_EQ(steps[2].correct, 2u);
}

TEST(InSituTraining, WritesEveryDeviceOrOnlyWhatHasChanged) {
  Fixture all, changed;
  InSituConfig config;
  config.iterations = 1;
  config.batch = 3;
  config.learning_rate = 1e-6;
  train_in_situ(all, config, *all.mapping, all.network, all.quantized, all.images);
  ASSERT_EQ(all.written.size(), 1u);
  EXPECT_EQ(all.written[0], 16u);
  config.rewriting = Rewriting::Changed;  // so small a step changes no code
  train_in_situ(changed, config, *changed.mapping, changed.network, changed.quantized,
                changed.images);
  EXPECT_TRUE(changed.written.empty());
}

}  // namespace
}  // namespace uswim::experiment
