// The members of NetworkBuilder that read pooling and what moves numbers without changing them; Pad
// and Concat are in border_readers.cpp.
#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "workloads/onnx/constants.h"
#include "workloads/onnx/describe.h"
#include "workloads/onnx/network_builder.h"

namespace uswim::workloads::onnx_reader {

using ::onnx::NodeProto;

// MaxPool and AveragePool.
void NetworkBuilder::read_pool(const NodeProto& node) {
  const bool averages = node.op_type() == "AveragePool";
  const AttributeReader attributes =
      averages ? AttributeReader(node, {"auto_pad", "ceil_mode", "count_include_pad",
                                        "kernel_shape", "pads", "strides"})
               : AttributeReader(node, {"auto_pad", "ceil_mode", "dilations", "kernel_shape",
                                        "pads", "storage_order", "strides"});
  check_inputs(node, 1, 1);
  Value input = image_read_by(node);
  Shape shape = shape_of(input.dims);
  const bool flat = input.dims.size() == 2;
  WindowedShape windowed = read_window(node, attributes, shape, flat ? 1 : 2, 0, 0);
  const bool counts_border = averages && attributes.integer("count_include_pad", 0) != 0;
  if (!counts_border) check_windows_see_input(node, windowed, shape);
  if (counts_border && windowed.rounded_up) {
    // The border counts, what rounding up adds beyond it does not: so the border becomes part of
    // the image.
    Window& w = windowed.window;
    const std::size_t top = std::exchange(w.pad_top, 0), left = std::exchange(w.pad_left, 0);
    w.pad_bottom -= windowed.stated_bottom;
    w.pad_right -= windowed.stated_right;
    shape.height += top + windowed.stated_bottom;
    shape.width += left + windowed.stated_right;
    Node pad = make(Operation::Pad, node, input, shape);
    const auto signed_pad = [](std::size_t p) { return static_cast<std::ptrdiff_t>(p); };
    pad.border.before = {0, signed_pad(top), signed_pad(left)};
    pad.border.after = {0, signed_pad(windowed.stated_bottom), signed_pad(windowed.stated_right)};
    input = add(std::move(pad), flat ? Dims{shape.channels, shape.width}
                                     : Dims{shape.channels, shape.height, shape.width});
  }
  const Shape output{shape.channels, windowed.height, windowed.width};
  Node pool = make(averages ? Operation::AveragePool : Operation::MaxPool, node, input, output);
  pool.window = windowed.window;
  pool.counts_border = counts_border && !windowed.rounded_up;
  bind(node, add(std::move(pool), flat ? Dims{output.channels, output.width}
                                       : Dims{output.channels, output.height, output.width}));
}

// GlobalAveragePool, and ReduceMean over the same axes.
void NetworkBuilder::read_global_pool(const NodeProto& node) {
  const bool reduces = node.op_type() == "ReduceMean";
  const AttributeReader attributes =
      reduces ? AttributeReader(node, {"axes", "keepdims"}) : AttributeReader(node, {});
  check_inputs(node, 1, 1);
  const Value& input = image_read_by(node);
  const Shape shape = shape_of(input.dims);
  if (reduces) {
    const std::size_t rank = input.dims.size() + 1;  // the images included
    const std::vector<std::int64_t> stated = attributes.integers("axes", {});
    std::set<std::size_t> axes;
    for (const std::int64_t axis : stated) axes.insert(normal_axis(node, axis, rank));
    if (axes.size() != rank - 2 || *axes.begin() != 2)
      refuse(node, "its axes are {} of {}, expected all those behind the channels",
             dims_text(stated), text(input));
  }
  Node pool = make(Operation::AveragePool, node, input, {shape.channels, 1, 1});
  pool.window.kernel_height = shape.height;
  pool.window.kernel_width = shape.width;
  const bool keeps_axes = !reduces || attributes.integer("keepdims", 1) != 0;
  Dims dims(keeps_axes ? input.dims.size() : 1, 1);
  dims[0] = shape.channels;
  bind(node, add(std::move(pool), std::move(dims)));
}

void NetworkBuilder::read_flatten(const NodeProto& node) {
  const AttributeReader attributes(node, {"axis"});
  check_inputs(node, 1, 1);
  const Value& input = value_read_by(node);
  const std::int64_t axis = attributes.integer("axis", 1);
  if (axis != 1 && axis != -static_cast<std::int64_t>(input.dims.size()))
    refuse(node, "axis is {}, expected 1: the images stay apart", axis);
  bind(node, reshaped(node, input, {input.size()}));
}

void NetworkBuilder::read_reshape(const NodeProto& node) {
  constexpr std::size_t kMostDimensions = 8;
  const AttributeReader attributes(node, {"allowzero"});
  check_inputs(node, 2, 2);
  const Value& input = value_read_by(node);
  const std::vector<std::int64_t> shape = sizes_read_by(node, 1).values;
  const bool zero_copies = attributes.integer("allowzero", 0) == 0;
  const auto unfit = [&] {
    refuse(node, "it makes {} out of {}, expected N and then {} elements: the images stay apart",
           sizes_text(shape), text(input), input.size());
  };
  if (shape.size() < 2 || shape.size() > kMostDimensions) unfit();
  const auto size = static_cast<std::int64_t>(input.size());
  if (batch_ == 1 && size > 1 && shape.size() == 2 && shape[1] == 1 &&
      (shape[0] == -1 || shape[0] == size)) {  // the one image as a column
    Value column = reshaped(node, input, {input.size()});
    column.images_last = true;
    return bind(node, std::move(column));
  }
  const bool images_open = shape[0] == -1;
  if (!images_open && !(shape[0] == 0 && zero_copies) && !(batch_ > 0 && shape[0] == batch_) &&
      shape[0] != kOpenImages)
    unfit();
  Dims dims;
  std::size_t known = 1, open = shape.size();
  for (std::size_t i = 1; i < shape.size(); ++i) {
    std::int64_t extent = shape[i];
    if (extent == 0 && zero_copies && i <= input.dims.size())
      extent = static_cast<std::int64_t>(input.dims[i - 1]);
    if (extent == -1 && open == shape.size() && !images_open) {
      open = i;
      extent = 1;
    }
    if (extent < 1 || static_cast<std::size_t>(extent) > input.size() / known) unfit();
    dims.push_back(static_cast<std::size_t>(extent));
    known *= dims.back();
  }
  if (open < shape.size()) {
    dims[open - 1] = input.size() / known;
    known *= dims[open - 1];
  }
  if (known != input.size()) unfit();
  bind(node, reshaped(node, input, std::move(dims)));
}

void NetworkBuilder::read_transpose(const NodeProto& node) {
  const AttributeReader attributes(node, {"perm"});
  check_inputs(node, 1, 1);
  const Value& input = value_read_by(node);
  const std::size_t rank = input.dims.size() + 1;  // the images included
  std::vector<std::int64_t> backwards(rank);
  std::iota(backwards.rbegin(), backwards.rend(), 0);
  const auto perm = attributes.integers("perm", backwards);
  std::vector<std::int64_t> sorted = perm;
  std::sort(sorted.rbegin(), sorted.rend());
  if (rank == 2 && perm == backwards) {  // images become columns, or rows again
    Value turned = input;
    turned.images_last = !turned.images_last;
    return bind(node, std::move(turned));
  }
  if (input.images_last && sorted == backwards) return bind(node, input);
  if (sorted != backwards || perm[0] != 0)
    refuse(node, "perm is {}, expected the axes of {} with 0 in front: the images stay apart",
           dims_text(perm), text(input));
  Dims order;
  for (std::size_t i = 1; i < rank; ++i) order.push_back(static_cast<std::size_t>(perm[i]) - 1);
  bind(node, transpose(node, input, order));
}

// Squeeze and Unsqueeze.
void NetworkBuilder::read_squeeze(const NodeProto& node) {
  const bool removes = node.op_type() == "Squeeze";
  check_inputs(node, 1, 2);
  const Value& input = value_read_by(node);
  const std::size_t rank = input.dims.size() + 1;  // the images included
  const auto axes = read_axes(
      node, opset_, [this](const std::string& name) { return graph_.constant(name); }, rank,
      !removes);
  if (!axes) refuse(node, "it gives no axes; expected them, since the number of images is open");
  if (!axes->empty() && axes->front() == 0)
    refuse(node, "its axis 0 is that of the images, which stay apart");
  Dims dims = input.dims;
  for (std::size_t i = 0; i < axes->size(); ++i) {
    if (!removes) {
      dims.insert(dims.begin() + static_cast<std::ptrdiff_t>((*axes)[i] - 1), 1);
      continue;
    }
    const std::size_t at = (*axes)[i] - 1 - i;  // i of them are gone
    if (dims[at] != 1)
      refuse(node, "it removes axis {} of {}, which is not 1", (*axes)[i], text(input));
    dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(at));
  }
  if (dims.empty()) refuse(node, "it leaves no axis beside that of the images");
  constexpr std::size_t kMostDimensions = 8;
  if (dims.size() > kMostDimensions) refuse(node, "it makes {} dimensions", dims.size());
  bind(node, reshaped(node, input, std::move(dims)));
}

// Dropout and Identity.
void NetworkBuilder::read_dropout(const NodeProto& node) {
  AttributeReader(node, {"ratio", "seed"});
  check_inputs(node, 1, 3);
  if (node.input_size() > 2 && !node.input(2).empty()) {
    const auto* training = graph_.constant(node.input(2));
    const bool off = training != nullptr && training->data_type() == ::onnx::TensorProto::BOOL &&
                     (training->has_raw_data()
                          ? training->raw_data() == std::string(1, '\0')
                          : training->int32_data_size() == 1 && training->int32_data(0) == 0);
    if (!off) refuse(node, "training_mode is not the constant false");
  }
  bind(node, value_read_by(node));
}

// The network computes in float32 and then in integers, whatever type of number its file names.
void NetworkBuilder::read_cast(const NodeProto& node) {
  const std::int64_t to = AttributeReader(node, {"to"}).integer("to", 0);
  check_inputs(node, 1, 1);
  if (!is_floating(static_cast<int>(to)))
    refuse(node, "it casts to type {}, expected FLOAT, FLOAT16 or DOUBLE", to);
  bind(node, value_read_by(node));
}

// It changes neither the order of the logits nor, since the loss applies it itself, their
// derivatives.
void NetworkBuilder::read_softmax(const NodeProto& node) {
  const AttributeReader attributes(node, {"axis"});
  check_inputs(node, 1, 1);
  const std::int64_t axis = attributes.integer("axis", opset_ < 13 ? 1 : -1);
  const Value& input = value_read_by(node);
  const bool over_classes = axis == 1 || axis == -static_cast<std::int64_t>(input.dims.size());
  if (!one_per_channel(input) || !over_classes)
    refuse(node, "axis is {} on {}, expected the classes of [N, classes]", axis, text(input));
  bind(node, input);
}

}  // namespace uswim::workloads::onnx_reader
