#pragma once
#include <cstdint>
#include <vector>

#include "workloads/data/dataset.h"
#include "workloads/network/network.h"

namespace uswim::tests {

/// A small network with all operations, whose values are whole multiples of powers of two, so that
/// float and double agree exactly in every comparison and rounding.
workloads::Network random_network(std::uint32_t seed);
/// A small network of branches, several readers of a value and every operation, with normally
/// distributed weights. A value that overflows is unlikely but possible after many products.
workloads::Network branching_network(std::uint32_t seed);
workloads::Dataset random_images(const workloads::Shape& shape, std::size_t count,
                                 std::uint32_t seed);
/// Nodes appended to a network; each reads the value before it.
void append_matrix(workloads::Network& network, std::size_t outputs,
                   const workloads::Window& window, std::vector<float> weight,
                   std::vector<float> bias);
void append(workloads::Network& network, workloads::Operation operation);
void append_quantize(workloads::Network& network, float scale, int maximum);
void append_max_pool(workloads::Network& network, const workloads::Window& window);
std::size_t windows_along(std::size_t size, std::size_t pads, std::size_t kernel,
                          std::size_t stride, std::size_t dilation);

}  // namespace uswim::tests
