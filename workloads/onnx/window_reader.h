#pragma once
#include <onnx/onnx_pb.h>

#include <cstddef>

#include "workloads/network/network.h"
#include "workloads/onnx/attributes.h"

namespace uswim::workloads::onnx_reader {

/// One image's value may have this many elements, its border included; a larger one is refused
/// instead of exhausting memory.
inline constexpr std::size_t kMaximumElements = std::size_t{1} << 24;

/// a * b * c, or kMaximumElements + 1 where it is larger.
std::size_t bounded_product(std::size_t a, std::size_t b, std::size_t c = 1);

struct WindowedShape {
  Window window;           ///< auto_pad resolved
  std::size_t height = 0;  ///< of the output
  std::size_t width = 0;
};

/// Reads kernel_shape, strides, dilations, pads and auto_pad for a window over `input`. A kernel
/// that is known already (`kernel_height` > 0, from the weights) has to agree with kernel_shape.
/// Throws NetworkError.
WindowedShape read_window(const ::onnx::NodeProto& node, const AttributeReader& attributes,
                          const Shape& input, std::size_t kernel_height, std::size_t kernel_width);

/// Throws NetworkError unless every window of a pooling sees at least one element of the input.
void check_windows_see_input(const ::onnx::NodeProto& node, const WindowedShape& windowed,
                             const Shape& input);

}  // namespace uswim::workloads::onnx_reader
