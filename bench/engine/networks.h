#pragma once
#include <cstddef>
#include <vector>

#include "workloads/data/dataset.h"
#include "workloads/engine/executor.h"
#include "workloads/engine/integer_values.h"
#include "workloads/network/network.h"

namespace uswim::bench {

/// A quantised network, ready to run on so many images.
struct QuantizedCase {
  workloads::Network network;
  std::vector<workloads::QuantizedWeights> weights;
  std::vector<workloads::CodeRange> activations;
  workloads::Dataset images;
};

/// The committed LeNet (4 bits) on MNIST.
QuantizedCase lenet(std::size_t images);
/// The committed ConvNet, 6 bits for weights and activations as in configs/convnet_cifar10.yaml; on
/// CIFAR-10 where `tools/get-data cifar10` has brought it, else on random images.
QuantizedCase convnet(std::size_t images);
/// ResNet-18 for 3 x 32 x 32, 8 bits, random weights and images.
QuantizedCase resnet18_cifar(std::size_t images);

/// Multiply-accumulates of the matrix layers for one image.
double multiply_accumulates(const workloads::Network& network);
/// Seconds that oneDNN takes for all matrix layers of a network, each in its best of `rounds`.
double one_dnn_f32_seconds(const workloads::Network& network, std::size_t images, int rounds);
double one_dnn_u8s8_seconds(const workloads::Network& network, std::size_t images, int rounds);

}  // namespace uswim::bench
