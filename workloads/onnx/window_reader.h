#pragma once
#include <onnx/onnx_pb.h>

#include <cstddef>
#include <vector>

#include "workloads/network/network.h"
#include "workloads/onnx/attributes.h"

namespace uswim::workloads::onnx_reader {

/// One image's value may have this many elements, its border included; a larger one is refused
/// instead of exhausting memory.
inline constexpr std::size_t kMaximumElements = std::size_t{1} << 22;
/// All values of one image together: sensitivities keep them, of 16 images at once.
inline constexpr std::size_t kMaximumOfAllValues = std::size_t{1} << 25;

/// Kernels, strides, dilations and pads may be this large; more is damage.
inline constexpr std::size_t kMaximumExtent = std::size_t{1} << 15;

/// The product of the factors, or kMaximumElements + 1 where it is larger.
std::size_t bounded_product(const std::vector<std::size_t>& factors);

struct WindowedShape {
  Window window;           ///< auto_pad and ceil_mode resolved
  std::size_t height = 0;  ///< of the output
  std::size_t width = 0;
  bool rounded_up = false;  ///< ceil_mode made bottom and right pads larger than the stated ones
  std::size_t stated_bottom = 0, stated_right = 0;  ///< pads before ceil_mode
};

/// Reads kernel_shape, strides, dilations, pads, auto_pad and ceil_mode for a window over `input`,
/// in two dimensions or along the width alone (`axes` 1, of [N, channels, length]). A kernel that
/// is known already (`kernel_height` > 0, from the weights) has to agree with kernel_shape. Throws
/// NetworkError.
WindowedShape read_window(const ::onnx::NodeProto& node, const AttributeReader& attributes,
                          const Shape& input, std::size_t axes, std::size_t kernel_height,
                          std::size_t kernel_width);

/// Throws NetworkError unless every window of a pooling sees at least one element of the input.
void check_windows_see_input(const ::onnx::NodeProto& node, const WindowedShape& windowed,
                             const Shape& input);

}  // namespace uswim::workloads::onnx_reader
