// Networks with branches and signed codes on the timed models and the hardware engine.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "experiment/hardware_engine.h"
#include "sc_models/accelerator_system.h"
#include "tests/engine/plain_network.h"
#include "workloads/engine/executor.h"
#include "workloads/quantization/post_training.h"

namespace uswim::experiment {
namespace {

using workloads::Border;
using workloads::Network;
using workloads::Operation;
using workloads::Shape;
using workloads::plain::NetworkBuilder;
using workloads::plain::window;

/// A network of random weights on a programmed chip with errors.
struct Chip {
  Network network;
  std::vector<workloads::QuantizedWeights> weights;
  sc_models::Program program;
  tiles::TileConfig tile;
  tiles::Mapping mapping;
  programmer::DeviceModel device;
  std::unique_ptr<programmer::PulseModel> pulses;
  sc_models::AcceleratorSystem system;
  std::vector<std::uint8_t> pixels;

  Chip(Network of, unsigned weight_bits, std::size_t images)
      : network(std::move(of)),
        weights(quantized(network, weight_bits)),
        program{network, weights, activation_ranges(network)},
        mapping(mapped(weight_bits)),
        device(device_config()),
        pulses(programmer::make_pulse_model({}, device)),
        system({}, tile, mapping, device, *pulses, program) {
    system.new_chip(1, 0);
    system.program(programmer::SelectionMask(mapping.weights(), 0));
    for (std::size_t i = 0; i < images * network.input.size(); ++i)
      pixels.push_back(static_cast<std::uint8_t>(i * 7919 % 251));
  }
  static std::vector<workloads::QuantizedWeights> quantized(const Network& network, unsigned bits) {
    std::vector<workloads::QuantizedWeights> all;
    for (const auto& layer : network.layers)
      all.push_back(workloads::quantize_weights(layer, bits));
    return all;
  }
  static programmer::DeviceConfig device_config() {
    programmer::DeviceConfig config;
    config.sigma = 0.1;
    return config;
  }
  tiles::Mapping mapped(unsigned weight_bits) const {
    std::vector<tiles::MappedLayer> layers;
    for (std::size_t l = 0; l < network.layers.size(); ++l)
      layers.push_back({network.layers[l].name, network.layers[l].outputs, network.layers[l].rows,
                        weights[l].code});
    return tiles::Mapping(std::move(layers), {tile.rows, tile.columns, 2, weight_bits});
  }
  std::vector<float> logits(std::size_t images) {
    std::vector<const tiles::CellArray*> cells;
    for (std::size_t a = 0; a < mapping.blocks().size(); ++a) cells.push_back(&system.cells(a));
    HardwareEngine engine(program, mapping, cells, tile.adc.bits);
    workloads::Executor executor(network, weights);
    workloads::Dataset data;
    data.shape = network.input;
    data.count = images;
    data.pixels = pixels;
    data.labels.assign(images, 0);
    std::vector<float> out;
    executor.run(engine, executor.prepare(data, 0, images).batches.front(), images, out);
    return out;
  }
};

/// Residual block, concatenation and gate; the layers' inputs are signed, unsigned and of nine
/// bits.
Network branching() {
  NetworkBuilder b({3, 6, 6}, 4);
  b.scale().quantize(0.05f, 31, -32).convolution(6, window(3, 1, 1)).relu();
  const std::size_t stem = b.value();
  b.quantize(0.2f, 15).convolution(6, window(3, 1, 1));
  const std::size_t main = b.value();
  b.from(stem).quantize(0.2f, 15).convolution(6, window(1));
  b.combine(Operation::Add, {main, b.value()});
  const std::size_t sum = b.value();
  b.add(Operation::Tanh, b.shape());
  b.combine(Operation::Concat, {b.value(), sum});
  b.quantize(0.01f, 255, -256)
      .convolution(5, window(3, 2))
      .quantize(0.3f, 7, -8)
      .flatten()
      .dense(4);
  return b.build();
}

/// Borders of every kind: around the image, of codes that widen their range, of single channels, of
/// numbers that are no codes; rows cut off.
Network bordered() {
  const auto pad = [](NetworkBuilder& b, Border border) {
    const auto extent = [&](std::size_t axis, std::size_t size) {
      return static_cast<std::size_t>(static_cast<std::ptrdiff_t>(size) + border.before[axis] +
                                      border.after[axis]);
    };
    const Shape shape{extent(0, b.shape().channels), extent(1, b.shape().height),
                      extent(2, b.shape().width)};
    b.add(Operation::Pad, shape).border = std::move(border);
  };
  NetworkBuilder b({3, 5, 5}, 4);
  b.scale();
  pad(b, {Border::Kind::Reflect, {0, 1, 2}, {0, 0, 1}});
  pad(b, {Border::Kind::Constant, {0, -1, 0}, {0, 1, 0}, {0.33f}});
  b.quantize(0.05f, 31, -32).convolution(4, window(3, 1, 1)).relu().quantize(0.2f, 15);
  pad(b, {Border::Kind::Constant, {0, 1, 0}, {0, 0, 1}, {-0.4f}});
  pad(b, {Border::Kind::Edge, {0, -1, 1}, {0, 0, 0}});
  b.convolution(3, window(3, 2));
  pad(b, {Border::Kind::Constant, {0, 0, 0}, {1, 0, 0}, std::vector<float>(8, 0.123f)});
  b.quantize(0.3f, 7, -8).flatten().dense(4);
  return b.build();
}

/// An image that a convolution, a sum and pooling read, without quantisers of its own.
Network reading_the_image() {
  NetworkBuilder b({3, 6, 6}, 4);
  b.scale();
  const std::size_t image = b.value();
  b.convolution(3, window(3, 1, 1));
  b.combine(Operation::Add, {b.value(), image}).relu();
  b.max_pool(window(2, 2));
  const std::size_t sum = b.value();
  b.from(image).max_pool(window(2, 2));
  b.combine(Operation::Concat, {sum, b.value()}).flatten().dense(4);
  const Network network = b.build();
  workloads::Dataset images;
  images.shape = network.input;
  images.count = 8;
  for (std::size_t i = 0; i < images.count * network.input.size(); ++i)
    images.pixels.push_back(static_cast<std::uint8_t>(i * 101 % 256));
  images.labels.assign(images.count, 0);
  return workloads::quantize_activations(network, {}, images, images.count);
}

void expect_equal_bits(Network network) {
  const std::size_t images = 3;
  Chip chip(std::move(network), 4, images);
  const sc_models::InferenceReport timed = chip.system.infer(chip.pixels, images);
  const std::vector<float> fast = chip.logits(images);
  float largest = 0.0f;
  for (std::size_t i = 0; i < images; ++i)
    for (std::size_t c = 0; c < 4; ++c) {
      EXPECT_EQ(timed.logits[i][c], fast[i * 4 + c]);
      largest = std::max(largest, std::abs(fast[i * 4 + c]));
    }
  EXPECT_GT(largest, 0.1f);
}

TEST(BranchingNetwork, TimedEqualsTheHardwareEngineBitForBit) { expect_equal_bits(branching()); }
TEST(BorderedNetwork, TimedEqualsTheHardwareEngineBitForBit) { expect_equal_bits(bordered()); }
TEST(ImageReadByMany, TimedEqualsTheHardwareEngineBitForBit) {
  expect_equal_bits(reading_the_image());
}

/// Two equal convolutions of the same codes, added: 36 positions of 4 bits at 100 ns each take 14.4
/// us, and twice that if one waited for the other. What follows is one position.
TEST(BranchingNetwork, BranchesComputeSideBySide) {
  NetworkBuilder b({1, 6, 6}, 4);
  b.quantize(0.1f, 15).convolution(4, window(3, 1, 1));
  const std::size_t one = b.value();
  b.from(1).convolution(4, window(3, 1, 1));
  b.combine(Operation::Add, {one, b.value()}).relu().quantize(0.5f, 15).flatten().dense(2);
  Chip chip(b.build(), 4, 1);
  const double reads = 36 * 4 * 100e-9;
  const double latency = chip.system.infer(chip.pixels, 1).latency.in_seconds();
  EXPECT_GT(latency, reads);
  EXPECT_LT(latency, 1.6 * reads);
}

/// The digital unit's energy: outputs of the layers, and the sum's once more; 32 values a cycle.
TEST(BranchingNetwork, BooksTheEnergyOfDigitalOperations) {
  NetworkBuilder b({1, 6, 6}, 4);
  b.quantize(0.1f, 15).convolution(4, window(3, 1, 1));
  const std::size_t one = b.value();
  b.from(1).convolution(4, window(3, 1, 1));
  b.combine(Operation::Add, {one, b.value()}).relu().quantize(0.5f, 15).flatten().dense(2);
  Chip chip(b.build(), 4, 1);
  const sc_models::InferenceReport report = chip.system.infer(chip.pixels, 1);
  // 144 values: 5 cycles each for two layers and the sum; 2 values: one cycle.
  const double expected = (3 * 5 + 1) * 1.7e-12;
  EXPECT_NEAR(support::in_joules(report.energy.of(sc_models::Component::Digital)), expected,
              1e-9 * expected);
}

}  // namespace
}  // namespace uswim::experiment
