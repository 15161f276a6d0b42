#include "bench/engine/networks.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "bench/engine/cpu_time.h"
#include "bench/engine/one_dnn.h"
#include "bench/random_images.h"
#include "workloads/network/normalization.h"
#include "workloads/onnx/import.h"
#include "workloads/quantization/post_training.h"
#include "workloads/synthetic/synthetic_network.h"

namespace uswim::bench {
namespace {

namespace fs = std::filesystem;
using workloads::Network;
using workloads::Node;

const fs::path kWorkloads = fs::path(USWIM_SOURCE_DIR) / "workloads";

QuantizedCase with_codes(Network network, unsigned weight_bits, workloads::Dataset images) {
  workloads::QuantizedNetwork quantized =
      workloads::quantize_weights(std::move(network), weight_bits, {});
  QuantizedCase c{std::move(quantized.network), std::move(quantized.weights), {}, {}};
  c.activations = workloads::activation_ranges(c.network);
  c.images = std::move(images);
  return c;
}

double one_dnn_seconds(OneDnnType type, const Network& network, std::size_t images, int rounds) {
  double sum = 0.0;
  for (const Node& node : network.nodes) {
    if (node.operation != workloads::Operation::Matrix) continue;
    const workloads::MatrixLayer& layer = network.layers[node.layer];
    const auto run = one_dnn_layer(type, images, network.shape_of(node.input()), layer.outputs,
                                   layer.window, node.shape);
    double best = 1e9;
    for (int i = 0; i < rounds; ++i) best = std::min(best, seconds_per_call(run));
    sum += best;
  }
  return sum;
}

}  // namespace

QuantizedCase lenet(std::size_t images) {
  const fs::path mnist = kWorkloads / "datasets" / "mnist";
  workloads::DataSource source;
  source.images = mnist / "t10k-images-idx3-ubyte.gz";
  source.labels = mnist / "t10k-labels-idx1-ubyte.gz";
  source.limit = images;
  return with_codes(workloads::import_onnx(kWorkloads / "networks" / "lenet_mnist_4bit.onnx"), 4,
                    workloads::read_dataset(source, {10, 1}));
}

QuantizedCase convnet(std::size_t images) {
  Network network = workloads::import_onnx(kWorkloads / "networks" / "convnet_cifar10_6bit.onnx");
  workloads::normalize_input(network, {{0.4914, 0.4822, 0.4465}, {0.2470, 0.2435, 0.2616}});
  workloads::DataSource source;
  source.format = workloads::DataFormat::Cifar10;
  source.images = kWorkloads / "datasets" / "cifar10" / "test_batch.bin";
  source.limit = images;
  workloads::Dataset data = fs::exists(source.images) ? workloads::read_dataset(source, {10, 3})
                                                      : random_images(network.input, images);
  workloads::QuantizationConfig bits;
  bits.activation_bits = 6;
  network = workloads::quantize_activations(std::move(network), bits, data, 16);
  return with_codes(std::move(network), 6, std::move(data));
}

QuantizedCase resnet18_cifar(std::size_t images) {
  Network network = workloads::synthetic_resnet18(32, 10, 1);
  workloads::Dataset data = random_images(network.input, images);
  return with_codes(std::move(network), 8, std::move(data));
}

double multiply_accumulates(const Network& network) {
  double sum = 0.0;
  for (const Node& node : network.nodes)
    if (node.operation == workloads::Operation::Matrix)
      sum += static_cast<double>(node.shape.size() * network.layers[node.layer].rows);
  return sum;
}

double one_dnn_f32_seconds(const Network& network, std::size_t images, int rounds) {
  return one_dnn_seconds(OneDnnType::F32, network, images, rounds);
}

double one_dnn_u8s8_seconds(const Network& network, std::size_t images, int rounds) {
  return one_dnn_seconds(OneDnnType::U8S8, network, images, rounds);
}

}  // namespace uswim::bench
