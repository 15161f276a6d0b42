#include "workloads/onnx/window_reader.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "workloads/onnx/describe.h"

namespace uswim::workloads::onnx_reader {
namespace {

struct Axis {
  std::size_t input = 0, kernel = 0, stride = 1, dilation = 1, pad_begin = 0, pad_end = 0;
  std::size_t extent() const { return (kernel - 1) * dilation + 1; }
  std::size_t padded() const { return input + pad_begin + pad_end; }
  std::size_t output() const { return (padded() - extent()) / stride + 1; }
};

/// `count` numbers of [least, kMaximumElements], so that sums and products of two of them cannot
/// overflow.
std::vector<std::size_t> read_extents(const ::onnx::NodeProto& node,
                                      const AttributeReader& attributes, const char* name,
                                      std::size_t count, std::int64_t least,
                                      std::int64_t fallback) {
  const auto found = attributes.integers(name, std::vector<std::int64_t>(count, fallback));
  if (found.size() != count)
    refuse(node, "{} is {}, expected {} numbers (two-dimensional windows)", name, dims_text(found),
           count);
  std::vector<std::size_t> extents;
  for (const std::int64_t value : found) {
    if (value < least || value > static_cast<std::int64_t>(kMaximumElements))
      refuse(node, "{} is {}, expected numbers from {} to {}", name, dims_text(found), least,
             kMaximumElements);
    extents.push_back(static_cast<std::size_t>(value));
  }
  return extents;
}

void resolve_auto_pad(Axis& axis, bool upper) {
  const std::size_t output = (axis.input + axis.stride - 1) / axis.stride;
  const std::size_t needed = (output - 1) * axis.stride + axis.extent();
  const std::size_t total = needed > axis.input ? needed - axis.input : 0;
  axis.pad_begin = upper ? total / 2 : total - total / 2;
  axis.pad_end = total - axis.pad_begin;
}

}  // namespace

std::size_t bounded_product(std::size_t a, std::size_t b, std::size_t c) {
  std::size_t product = 1;
  for (const std::size_t factor : {a, b, c}) {
    if (factor == 0) return 0;
    if (product > kMaximumElements / factor) return kMaximumElements + 1;
    product *= factor;
  }
  return product;
}

WindowedShape read_window(const ::onnx::NodeProto& node, const AttributeReader& attributes,
                          const Shape& input, std::size_t kernel_height, std::size_t kernel_width) {
  if (kernel_height == 0 && !attributes.has("kernel_shape")) refuse(node, "it has no kernel_shape");
  std::array<std::size_t, 2> kernel{kernel_height, kernel_width};
  if (attributes.has("kernel_shape")) {
    const auto stated = read_extents(node, attributes, "kernel_shape", 2, 1, 1);
    if (kernel_height != 0 && (stated[0] != kernel_height || stated[1] != kernel_width))
      refuse(node, "kernel_shape is [{}, {}], but its weights are {} x {}", stated[0], stated[1],
             kernel_height, kernel_width);
    kernel = {stated[0], stated[1]};
  }
  const auto strides = read_extents(node, attributes, "strides", 2, 1, 1);
  const auto dilations = read_extents(node, attributes, "dilations", 2, 1, 1);
  const auto pads = read_extents(node, attributes, "pads", 4, 0, 0);
  const std::string auto_pad = attributes.word("auto_pad", "NOTSET");
  if (auto_pad != "NOTSET" && auto_pad != "VALID" && auto_pad != "SAME_UPPER" &&
      auto_pad != "SAME_LOWER")
    refuse(node, "auto_pad is {}, expected NOTSET, VALID, SAME_UPPER or SAME_LOWER",
           quoted(auto_pad));
  if (auto_pad != "NOTSET" && (pads[0] | pads[1] | pads[2] | pads[3]) != 0)
    refuse(node, "it gives both pads and auto_pad {}, expected one of them", auto_pad);

  // Pads are stored as [top, left, bottom, right].
  std::array<Axis, 2> axes{
      Axis{input.height, kernel[0], strides[0], dilations[0], pads[0], pads[2]},
      Axis{input.width, kernel[1], strides[1], dilations[1], pads[1], pads[3]}};
  for (Axis& axis : axes)
    if (auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER")
      resolve_auto_pad(axis, auto_pad == "SAME_UPPER");
  if (bounded_product(input.channels, axes[0].padded(), axes[1].padded()) > kMaximumElements)
    refuse(node, "its padded input, {} x {} x {}, has more than {} elements", input.channels,
           axes[0].padded(), axes[1].padded(), kMaximumElements);
  if (axes[0].extent() > axes[0].padded() || axes[1].extent() > axes[1].padded())
    refuse(node, "its window covers {} x {}, more than the padded input of {} x {}",
           axes[0].extent(), axes[1].extent(), axes[0].padded(), axes[1].padded());

  WindowedShape result;
  result.window = {axes[0].kernel,   axes[1].kernel,   axes[0].stride,    axes[1].stride,
                   axes[0].dilation, axes[1].dilation, axes[0].pad_begin, axes[1].pad_begin,
                   axes[0].pad_end,  axes[1].pad_end};
  result.height = axes[0].output();
  result.width = axes[1].output();
  return result;
}

void check_windows_see_input(const ::onnx::NodeProto& node, const WindowedShape& windowed,
                             const Shape& input) {
  const auto check = [&](std::size_t outputs, std::size_t stride, std::size_t dilation,
                         std::size_t kernel, std::size_t pad, std::size_t size) {
    for (std::size_t o = 0; o < outputs; ++o) {
      const std::size_t start = o * stride;  // counted from the border's corner
      const std::size_t first = start >= pad ? 0 : (pad - start + dilation - 1) / dilation;
      if (first >= kernel || start + first * dilation >= pad + size)
        refuse(node, "window {} of an axis lies in the border alone, so it has no largest element",
               o);
    }
  };
  const Window& w = windowed.window;
  check(windowed.height, w.stride_height, w.dilation_height, w.kernel_height, w.pad_top,
        input.height);
  check(windowed.width, w.stride_width, w.dilation_width, w.kernel_width, w.pad_left, input.width);
}

}  // namespace uswim::workloads::onnx_reader
