#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "workloads/network/network.h"

namespace uswim::workloads {

/// Networks of known shapes whose weights are drawn at random, for what depends on the shape and
/// the distribution of the weights alone: how long programming takes, how much memory. They have no
/// images, no labels and no sensitivity.
enum class SyntheticNetwork {
  None,
  LenetMnist,
  ConvnetCifar10,
  Resnet18Cifar10,
  Resnet18TinyImagenet
};
inline constexpr std::array<std::pair<std::string_view, SyntheticNetwork>, 5> kSyntheticNetworks{
    {{"none", SyntheticNetwork::None},
     {"lenet_mnist", SyntheticNetwork::LenetMnist},
     {"convnet_cifar10", SyntheticNetwork::ConvnetCifar10},
     {"resnet18_cifar10", SyntheticNetwork::Resnet18Cifar10},
     {"resnet18_tiny_imagenet", SyntheticNetwork::Resnet18TinyImagenet}}};

/// Weights are normal with standard deviation sqrt(2 / rows), keyed by (seed, weight) alone
/// (Stream::SyntheticWeight); biases are 0. Activations are quantised to 8 bits. Not for None.
///   lenet_mnist             105,918 weights
///   convnet_cifar10         6,397,632
///   resnet18_cifar10        11,164,352: 3 x 3 stem without stride or pool, batch norm as Scale
///   resnet18_tiny_imagenet  11,261,632: the same with 200 classes, images of 64 x 64
Network synthetic_network(SyntheticNetwork which, std::uint64_t seed);

/// ResNet-18 as above for images of 3 x `size` x `size`.
Network synthetic_resnet18(std::size_t size, std::size_t classes, std::uint64_t seed);

}  // namespace uswim::workloads
