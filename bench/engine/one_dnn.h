#pragma once
#include <cstddef>
#include <functional>

#include "workloads/network/network.h"

namespace uswim::bench {

enum class OneDnnType { F32, U8S8 };

/// One call of oneDNN's convolution (inner product for a 1 x 1 image) without bias, in the layouts
/// that it prefers, with f32 or s32 results.
std::function<void()> one_dnn_layer(OneDnnType type, std::size_t images,
                                    const workloads::Shape& input, std::size_t outputs,
                                    const workloads::Window& window,
                                    const workloads::Shape& result);

}  // namespace uswim::bench
