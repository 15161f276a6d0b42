// Networks that branch, and every operation there is, against the plain network.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "tests/engine/isa_fixture.h"
#include "tests/engine/plain_network.h"
#include "tests/engine/random_border.h"
#include "workloads/engine/effective_weights.h"
#include "workloads/engine/executor.h"

namespace uswim::workloads {
namespace {

using plain::NetworkBuilder;
using plain::window;

/// A network of random operations on random values, all of which reach the result.
class RandomGraph {
 public:
  explicit RandomGraph(unsigned seed)
      : random_(seed), builder_({draw(1, 3), draw(3, 6), draw(3, 6)}, seed) {
    if (draw(0, 1) == 0) builder_.scale();
    quantize();
    values_.push_back(builder_.value());
    for (std::size_t i = draw(6, 14); i > 0; --i) {
      builder_.from(values_[draw(0, values_.size() - 1)]);
      append(draw(0, 16));
      values_.push_back(builder_.value());
    }
    std::vector<std::size_t> vectors;
    for (const std::size_t value : values_) {
      builder_.from(value).flatten();
      vectors.push_back(builder_.value());
    }
    builder_.combine(Operation::Concat, vectors);
    quantize();
    builder_.dense(7);
  }
  Network build() const { return builder_.build(); }

 private:
  std::size_t draw(std::size_t low, std::size_t high) {
    return std::uniform_int_distribution<std::size_t>(low, high)(random_);
  }

  void quantize() {
    const int maximum = draw(0, 1) == 0 ? 7 : 200;
    const bool is_signed = draw(0, 1) == 0;
    // Few scales, so that some values share one.
    builder_.quantize(draw(0, 1) == 0 ? 0.25f : 0.07f, maximum, is_signed ? -maximum - 1 : 0);
  }

  Window any_window() {
    Window w = window(draw(1, 3), draw(1, 2), 0, 1);
    w.pad_top = draw(0, w.kernel_height - 1);
    w.pad_left = draw(0, w.kernel_width - 1);
    w.pad_bottom = draw(0, w.kernel_height - 1);
    w.pad_right = draw(0, w.kernel_width - 1);
    const Shape& shape = builder_.shape();
    const bool fits = shape.height + w.pad_top + w.pad_bottom >= w.kernel_height &&
                      shape.width + w.pad_left + w.pad_right >= w.kernel_width;
    return fits ? w : Window{};
  }

  /// Values of the same size as this one, itself included, `count` times.
  std::vector<std::size_t> alike(std::size_t value, std::size_t count) {
    const Network network = builder_.build();
    std::vector<std::size_t> chosen{value}, same;
    for (const std::size_t other : values_)
      if (network.shape_of(other) == network.shape_of(value)) same.push_back(other);
    while (chosen.size() < count) chosen.push_back(same[draw(0, same.size() - 1)]);
    std::shuffle(chosen.begin(), chosen.end(), random_);
    return chosen;
  }

  void residual() {
    const std::size_t shortcut = builder_.value();
    const Shape shape = builder_.shape();
    quantize();
    builder_.convolution(shape.channels, window(3, 1, 1));
    std::vector<std::size_t> both{builder_.value(), shortcut};
    if (draw(0, 1) == 0) std::swap(both[0], both[1]);
    builder_.combine(Operation::Add, both).relu();
    if (draw(0, 1) == 0) quantize();
  }

  void gate() {
    const std::size_t gated = builder_.value();
    const Shape shape = builder_.shape();
    Node& pool = builder_.add(Operation::AveragePool, {shape.channels, 1, 1});
    pool.window.kernel_height = shape.height;
    pool.window.kernel_width = shape.width;
    builder_.add(Operation::Sigmoid, builder_.shape());
    std::vector<std::size_t> both{builder_.value(), gated};
    if (draw(0, 1) == 0) std::swap(both[0], both[1]);
    builder_.combine(Operation::Multiply, both);
  }

  void append(std::size_t choice) {
    const Shape shape = builder_.shape();
    switch (choice) {
      case 0:
      case 1:
        quantize();
        builder_.convolution(draw(1, 8), any_window());
        break;
      case 2:
        builder_.relu();
        break;
      case 3:
        builder_.add(Operation::LeakyRelu, shape).slope = 0.1f;
        break;
      case 4:
        builder_.clip(-0.3f, 0.9f);
        break;
      case 5:
        builder_.add(Operation::Tanh, shape);
        break;
      case 6:
        quantize();
        break;
      case 7:
        builder_.scale();
        break;
      case 8:
        builder_.combine(Operation::Add, alike(builder_.value(), draw(2, 4)));
        break;
      case 9:
        builder_.combine(Operation::Multiply, alike(builder_.value(), 2));
        break;
      case 10:
        builder_.max_pool(any_window());
        break;
      case 11: {
        const Window w = any_window();
        Node& node =
            builder_.add(Operation::AveragePool, plain::shape_after(w, shape, shape.channels));
        node.window = w;
        node.counts_border = draw(0, 1) == 0;
        break;
      }
      case 12: {
        Node& node =
            builder_.add(Operation::Transpose, {shape.height, shape.width, shape.channels});
        node.axes = {1, 2, 0};
        break;
      }
      case 13: {
        const std::size_t kept = draw(1, shape.channels);
        builder_.add(Operation::Slice, {kept, shape.height, shape.width}).first_channel =
            draw(0, shape.channels - kept);
        break;
      }
      case 14: {
        const auto [padded, border] = tests::random_border(shape, random_);
        builder_.add(Operation::Pad, padded).border = border;
        break;
      }
      case 15:
        residual();
        break;
      case 16:
        gate();
        break;
    }
    if (draw(0, 7) == 0)
      builder_.add(Operation::Reshape,
                   {builder_.shape().width, builder_.shape().channels, builder_.shape().height});
  }

  std::mt19937 random_;
  NetworkBuilder builder_;
  std::vector<std::size_t> values_;  // that may be read
};

/// The bytes of a network's logits under every engine and order, against the plain network.
void expect_plain_logits(const Network& network, std::mt19937& random) {
  const auto weights = plain::random_weights(network, 4, random);
  const auto with_weights = [&](Arithmetic arithmetic) {
    auto engine = make_weights_engine(arithmetic, network, activation_ranges(network));
    for (std::size_t l = 0; l < weights.size(); ++l)
      engine->set_weights(l, plain::as_floats(weights[l]).data());
    return engine;
  };
  const auto engine = with_weights(Arithmetic::Integer16);
  MatrixEngine& fused = *engine;
  plain::Engine unfused(network, weights);
  const std::size_t images = 18;
  CodeBlocks batch;
  batch.reshape(2, network.input, window(1, 1, 3));
  const auto quantizer =
      std::find_if(network.nodes.begin(), network.nodes.end(),
                   [](const Node& node) { return node.operation == Operation::Quantize; });
  plain::fill_randomly(batch, quantizer->maximum, random, quantizer->minimum);
  std::vector<float> logits, unfused_logits, parallel_logits;
  Executor executor(network, weights);
  executor.run(fused, batch, images, logits);
  executor.run(unfused, batch, images, unfused_logits);
  EXPECT_EQ(logits, unfused_logits);
  executor.run(fused, batch, images, unfused_logits);  // memory that held another run's values
  EXPECT_EQ(logits, unfused_logits);
  std::vector<Arithmetic> others{Arithmetic::Float32};
  const std::vector<CodeRange> ranges = activation_ranges(network);
  if (std::all_of(ranges.begin(), ranges.end(),
                  [](const CodeRange& r) { return r.maximum - r.minimum < 256; }))
    others.push_back(Arithmetic::Integer8);
  for (const Arithmetic other : others) {
    executor.run(*with_weights(other), batch, images, unfused_logits);
    EXPECT_EQ(logits, unfused_logits);
  }

  // Any order in which needed steps come first.
  Executor parallel(network, weights, Executor::Order::SideBySide);
  parallel.begin(batch, images);
  std::vector<bool> done(parallel.steps(), false);
  for (std::size_t left = parallel.steps(); left > 0;) {
    const std::size_t step = random() % parallel.steps();
    const auto& needed = parallel.needs(step);
    if (done[step] ||
        !std::all_of(needed.begin(), needed.end(), [&](std::size_t n) { return done[n]; }))
      continue;
    ProductBlocks products;
    parallel.take(step, fused, products);
    done[step] = true;
    --left;
  }
  parallel.read_logits(parallel_logits);
  EXPECT_EQ(logits, parallel_logits);

  for (const std::size_t image : {std::size_t{0}, images - 1}) {
    const auto begin = logits.begin() + static_cast<std::ptrdiff_t>(image * network.classes());
    const std::vector<float> of_image(begin,
                                      begin + static_cast<std::ptrdiff_t>(network.classes()));
    ASSERT_EQ(of_image, plain::logits(network, weights, plain::image_of(batch, image)));
  }
}

class GraphsOn : public EveryInstructionSet {};
USWIM_ON_EVERY_INSTRUCTION_SET(GraphsOn);

TEST_P(GraphsOn, GiveTheBytesOfThePlainNetwork) {
  std::map<Operation, int> seen;
  for (unsigned seed = 0; seed < 150; ++seed) {
    SCOPED_TRACE(seed);
    const Network network = RandomGraph(seed).build();
    for (const Node& node : network.nodes) ++seen[node.operation];
    std::mt19937 random(seed);
    expect_plain_logits(network, random);
    if (testing::Test::HasFailure()) return;
  }
  for (int o = 0; o <= static_cast<int>(Operation::Pad); ++o)
    EXPECT_GT(seen[static_cast<Operation>(o)], 20) << "operation " << o;
}

/// A stage of ResNet: an identity and a convolution on the way past, a stem whose floats are both
/// quantised and added.
Network residual_network(std::size_t blocks) {
  NetworkBuilder b({3, 8, 8}, 5);
  b.scale().quantize(0.05f, 63, -64).convolution(8, window(3, 1, 1)).relu();
  for (std::size_t block = 0; block < blocks; ++block) {
    const std::size_t in = b.value();
    const bool widens = block % 2 == 1;
    const std::size_t outputs = widens ? 2 * b.shape().channels : b.shape().channels;
    std::size_t shortcut = in;
    if (widens) {
      b.quantize(0.1f, 31).convolution(outputs, window(1, 2));
      shortcut = b.value();
    }
    b.from(in)
        .quantize(0.1f, 31)
        .convolution(outputs, window(3, widens ? 2 : 1, 1))
        .relu()
        .quantize(0.1f, 31)
        .convolution(outputs, window(3, 1, 1));
    b.combine(Operation::Add, {b.value(), shortcut}).relu();
  }
  b.quantize(0.1f, 31).flatten().dense(10);
  return b.build();
}

TEST_P(GraphsOn, OfResidualBlocksGiveTheBytesOfThePlainNetwork) {
  std::mt19937 random(3);
  expect_plain_logits(residual_network(3), random);
}

/// Values die, so a network twice as deep needs no more memory.
TEST(ValuesOfAGraph, ShareMemory) {
  std::mt19937 random(4);
  const auto bytes = [&](std::size_t blocks) {
    NetworkBuilder b({4, 8, 8}, 1);
    b.quantize(0.1f, 15).convolution(4, window(3, 1, 1)).relu();
    for (std::size_t i = 0; i < blocks; ++i) {
      const std::size_t in = b.value();
      b.quantize(0.1f, 15).convolution(4, window(3, 1, 1));
      b.combine(Operation::Add, {b.value(), in}).relu();
    }
    const Network network = b.build();
    const auto weights = plain::random_weights(network, 4, random);
    Executor executor(network, weights);
    plain::Engine engine(network, weights);
    CodeBlocks batch;
    batch.reshape(1, network.input, window(1, 1, 1));
    std::vector<float> logits;
    executor.run(engine, batch, 1, logits);
    return executor.bytes();
  };
  EXPECT_EQ(bytes(8), bytes(4));
}

/// Adding, scaling and averaging cost time in digital logic; what rides on a layer's outputs and
/// moving do not.
TEST(DigitalValues, AreThoseOfOperationsOfTheirOwn) {
  struct Counting : plain::Engine {
    using plain::Engine::Engine;
    void compute_digitally(std::size_t n) override { values += n; }
    std::size_t values = 0;
  };
  const auto count = [](const Network& network) {
    std::mt19937 random(1);
    const auto weights = plain::random_weights(network, 4, random);
    Counting engine(network, weights);
    Executor executor(network, weights);
    CodeBlocks batch;
    batch.reshape(1, network.input, window(1, 1, 1));
    std::vector<float> logits;
    executor.run(engine, batch, 1, logits);
    return engine.values;
  };
  const auto start = [] { return NetworkBuilder({2, 4, 4}, 1).quantize(0.1f, 15); };
  EXPECT_EQ(count(start()
                      .convolution(3, window(3, 1, 1))
                      .relu()
                      .quantize(0.1f, 15)
                      .max_pool(window(2, 2))
                      .flatten()
                      .dense(2)
                      .build()),
            0u);
  NetworkBuilder sum = start().convolution(3, window(3, 1, 1));
  sum.combine(Operation::Add, {2, 2, 2}).scale();
  EXPECT_EQ(count(sum.build()), 3u * 16 * 2 + 3u * 16);
  NetworkBuilder average = start().convolution(3, window(3, 1, 1));
  average.add(Operation::AveragePool, {3, 1, 1}).window = window(4);
  EXPECT_EQ(count(average.build()), 3u * 16);
}

}  // namespace
}  // namespace uswim::workloads
