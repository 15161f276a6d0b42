#include "workloads/onnx/window_reader.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "workloads/onnx/describe.h"

namespace uswim::workloads::onnx_reader {
namespace {

struct Axis {
  std::size_t input = 1, kernel = 1, stride = 1, dilation = 1, pad_begin = 0, pad_end = 0;
  std::size_t stated_end = 0;  // pad_end without what ceil_mode adds
  std::size_t extent() const { return (kernel - 1) * dilation + 1; }
  std::size_t padded() const { return input + pad_begin + pad_end; }
  std::size_t output() const { return (padded() - extent()) / stride + 1; }
};

/// `count` numbers of [least, kMaximumExtent], so that sums and products of two of them cannot
/// overflow.
std::vector<std::size_t> read_extents(const ::onnx::NodeProto& node,
                                      const AttributeReader& attributes, const char* name,
                                      std::size_t count, std::int64_t least,
                                      std::int64_t fallback) {
  const auto found = attributes.integers(name, std::vector<std::int64_t>(count, fallback));
  if (found.size() != count)
    refuse(node, "{} is {}, expected {} numbers", name, dims_text(found), count);
  std::vector<std::size_t> extents;
  for (const std::int64_t value : found) {
    if (value < least || value > static_cast<std::int64_t>(kMaximumExtent))
      refuse(node, "{} is {}, expected numbers from {} to {}", name, dims_text(found), least,
             kMaximumExtent);
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

// A last window that the stride leaves no room for is added where it begins inside of the input or
// the border in front of it, as in ONNX Runtime and PyTorch.
void round_up(Axis& axis) {
  if ((axis.padded() - axis.extent()) % axis.stride == 0) return;
  const std::size_t start = axis.output() * axis.stride;
  if (start < axis.input + axis.pad_begin)
    axis.pad_end = start + axis.extent() - axis.input - axis.pad_begin;
}

}  // namespace

std::size_t bounded_product(const std::vector<std::size_t>& factors) {
  std::size_t product = 1;
  for (const std::size_t factor : factors) {
    if (factor == 0) return 0;
    if (product > kMaximumElements / factor) return kMaximumElements + 1;
    product *= factor;
  }
  return product;
}

WindowedShape read_window(const ::onnx::NodeProto& node, const AttributeReader& attributes,
                          const Shape& input, std::size_t axes, std::size_t kernel_height,
                          std::size_t kernel_width) {
  if (kernel_height == 0 && !attributes.has("kernel_shape")) refuse(node, "it has no kernel_shape");
  std::vector<std::size_t> kernel{kernel_height, kernel_width};
  kernel.erase(kernel.begin(), kernel.end() - static_cast<std::ptrdiff_t>(axes));
  if (attributes.has("kernel_shape")) {
    const auto stated = read_extents(node, attributes, "kernel_shape", axes, 1, 1);
    if (kernel_height != 0 && stated != kernel)
      refuse(node, "kernel_shape is [{}], but its weights are {}", fmt::join(stated, ", "),
             fmt::join(kernel, " x "));
    kernel = stated;
  }
  const auto strides = read_extents(node, attributes, "strides", axes, 1, 1);
  const auto dilations = read_extents(node, attributes, "dilations", axes, 1, 1);
  const auto pads = read_extents(node, attributes, "pads", 2 * axes, 0, 0);
  const std::string auto_pad = attributes.word("auto_pad", "NOTSET");
  if (auto_pad != "NOTSET" && auto_pad != "VALID" && auto_pad != "SAME_UPPER" &&
      auto_pad != "SAME_LOWER")
    refuse(node, "auto_pad is {}, expected NOTSET, VALID, SAME_UPPER or SAME_LOWER",
           quoted(auto_pad));
  if (auto_pad != "NOTSET" &&
      std::any_of(pads.begin(), pads.end(), [](std::size_t p) { return p != 0; }))
    refuse(node, "it gives both pads and auto_pad {}, expected one of them", auto_pad);

  std::array<Axis, 2> both{};  // rows and columns; pads are stored as [top, left, bottom, right]
  for (std::size_t i = 0; i < axes; ++i) {
    Axis& axis = both[2 - axes + i];
    axis = {i + 1 == axes ? input.width : input.height,
            kernel[i],
            strides[i],
            dilations[i],
            pads[i],
            pads[axes + i],
            pads[axes + i]};
    if (auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER")
      resolve_auto_pad(axis, auto_pad == "SAME_UPPER");
  }
  const auto check_size = [&] {
    if (bounded_product({input.channels, both[0].padded(), both[1].padded()}) > kMaximumElements)
      refuse(node, "its padded input, {} x {} x {}, has more than {} elements", input.channels,
             both[0].padded(), both[1].padded(), kMaximumElements);
  };
  check_size();
  if (both[0].extent() > both[0].padded() || both[1].extent() > both[1].padded())
    refuse(node, "its window covers {} x {}, more than the padded input of {} x {}",
           both[0].extent(), both[1].extent(), both[0].padded(), both[1].padded());
  const bool ceils = attributes.has("ceil_mode") && attributes.integer("ceil_mode", 0) != 0;
  for (Axis& axis : both) {
    axis.stated_end = axis.pad_end;
    if (ceils) round_up(axis);
  }
  check_size();

  WindowedShape result;
  result.window = {both[0].kernel,   both[1].kernel,   both[0].stride,    both[1].stride,
                   both[0].dilation, both[1].dilation, both[0].pad_begin, both[1].pad_begin,
                   both[0].pad_end,  both[1].pad_end};
  result.height = both[0].output();
  result.width = both[1].output();
  result.stated_bottom = both[0].stated_end;
  result.stated_right = both[1].stated_end;
  result.rounded_up = both[0].pad_end > both[0].stated_end || both[1].pad_end > both[1].stated_end;
  return result;
}

void check_windows_see_input(const ::onnx::NodeProto& node, const WindowedShape& windowed,
                             const Shape& input) {
  const auto check = [&](std::size_t outputs, std::size_t stride, std::size_t dilation,
                         std::size_t kernel, std::size_t pad, std::size_t size) {
    const auto check_one = [&](std::size_t o) {
      const std::size_t start = o * stride;  // counted from the border's corner
      const std::size_t first = start >= pad ? 0 : (pad - start + dilation - 1) / dilation;
      if (first >= kernel || start + first * dilation >= pad + size)
        refuse(node, "window {} of an axis lies in the border alone, where it sees no element", o);
    };
    // A window that begins in the input sees its first element.
    for (std::size_t o = 0; o < outputs && o * stride < pad; ++o) check_one(o);
    check_one(outputs - 1);
  };
  const Window& w = windowed.window;
  check(windowed.height, w.stride_height, w.dilation_height, w.kernel_height, w.pad_top,
        input.height);
  check(windowed.width, w.stride_width, w.dilation_width, w.kernel_width, w.pad_left, input.width);
}

}  // namespace uswim::workloads::onnx_reader
