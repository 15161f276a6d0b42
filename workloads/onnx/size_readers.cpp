// The members of NetworkBuilder that compute sizes: what begins with Shape and ends as the shape of
// a Reshape. PyTorch's x.view(x.size(0), -1) becomes such a chain.
#include <algorithm>
#include <utility>

#include "workloads/onnx/constants.h"
#include "workloads/onnx/describe.h"
#include "workloads/onnx/network_builder.h"

namespace uswim::workloads::onnx_reader {

using ::onnx::NodeProto;

bool NetworkBuilder::computes_sizes(const NodeProto& node) const {
  if (node.op_type() == "Shape") return true;
  const auto is_size = [&](const std::string& name) { return sizes_.count(name) != 0; };
  if (node.op_type() == "Reshape") return node.input_size() > 0 && is_size(node.input(0));
  return std::any_of(node.input().begin(), node.input().end(), is_size);
}

void NetworkBuilder::read_sizes(const NodeProto& node) {
  const std::string& type = node.op_type();
  Sizes result;
  if (type == "Shape") {
    result = shape_sizes(node);
  } else if (type == "Gather") {
    result = gathered_sizes(node);
  } else if (type == "Slice") {
    result = sliced_sizes(node);
  } else if (type == "Concat") {
    AttributeReader(node, {"axis"});
    for (int i = 0; i < node.input_size(); ++i) {
      const Sizes part = sizes_read_by(node, i);
      if (part.scalar) refuse(node, "its input {} has no axis to join", quoted(node.input(i)));
      result.values.insert(result.values.end(), part.values.begin(), part.values.end());
      check_count(node, result);
    }
  } else if (type == "Mul") {
    check_inputs(node, 2, 2);
    result = multiplied_sizes(node);
  } else if (type == "Squeeze" || type == "Unsqueeze" || type == "Reshape") {
    result = sizes_read_by(node, 0);
    if (result.values.size() != 1)
      refuse(node, "it is given {} sizes, expected one", result.values.size());
    result.scalar = type == "Squeeze";
  } else if (type == "Cast" || type == "Identity") {
    result = sizes_read_by(node, 0);
  } else {
    refuse(node,
           "its input is made of the sizes that Shape gives; of these are read Gather, Slice, "
           "Concat, Mul, Squeeze, Unsqueeze, Reshape, Cast and Identity, in a Reshape's shape");
  }
  check_count(node, result);
  sizes_[node.output(0)] = std::move(result);
}

void NetworkBuilder::check_count(const NodeProto& node, const Sizes& sizes) {
  constexpr std::size_t kMostSizes = 64;
  if (sizes.values.size() > kMostSizes)
    refuse(node, "it makes {} sizes, expected at most {}", sizes.values.size(), kMostSizes);
}

NetworkBuilder::Sizes NetworkBuilder::sizes_read_by(const NodeProto& node, int input) const {
  check_inputs(node, input + 1, node.input_size());
  const auto found = sizes_.find(node.input(input));
  if (found != sizes_.end()) return found->second;
  const Tensor<std::int64_t> tensor = constant<std::int64_t>(node, input, "operand");
  if (tensor.dims.size() > 1)
    refuse(node, "its operand {} has shape {}, expected one axis at most",
           quoted(node.input(input)), dims_text(tensor.dims));
  return {tensor.values, tensor.dims.empty()};
}

NetworkBuilder::Sizes NetworkBuilder::shape_sizes(const NodeProto& node) const {
  const AttributeReader attributes(node, {"start", "end"});
  check_inputs(node, 1, 1);
  Sizes sizes;
  sizes.values.push_back(batch_ > 0 ? batch_ : kOpenImages);
  for (const std::size_t extent : value_read_by(node).dims)
    sizes.values.push_back(static_cast<std::int64_t>(extent));
  const auto rank = static_cast<std::int64_t>(sizes.values.size());
  return cut(sizes, attributes.integer("start", 0), attributes.integer("end", rank));
}

// As Slice counts: from the end where negative, and never beyond either end.
NetworkBuilder::Sizes NetworkBuilder::cut(const Sizes& sizes, std::int64_t start,
                                          std::int64_t end) {
  const auto count = static_cast<std::int64_t>(sizes.values.size());
  const auto place = [&](std::int64_t i) {
    return std::clamp<std::int64_t>(i < 0 ? std::max(i, -count) + count : i, 0, count);
  };
  const auto begin = sizes.values.begin();
  const std::int64_t first = place(start), last = std::max(first, place(end));
  return {{begin + first, begin + last}, false};
}

NetworkBuilder::Sizes NetworkBuilder::gathered_sizes(const NodeProto& node) const {
  const AttributeReader attributes(node, {"axis"});
  check_inputs(node, 2, 2);
  const Sizes sizes = sizes_read_by(node, 0);
  if (sizes.scalar) refuse(node, "it is given one size without an axis");
  normal_axis(node, attributes.integer("axis", 0), 1);
  const Tensor<std::int64_t> indices = constant<std::int64_t>(node, 1, "index");
  if (indices.dims.size() > 1)
    refuse(node, "its indices have shape {}, expected one axis at most", dims_text(indices.dims));
  Sizes result{{}, indices.dims.empty()};
  for (const std::int64_t index : indices.values)
    result.values.push_back(sizes.values[normal_axis(node, index, sizes.values.size())]);
  return result;
}

NetworkBuilder::Sizes NetworkBuilder::sliced_sizes(const NodeProto& node) const {
  constexpr std::int64_t kBoundsAreInputs = 10;
  Sizes sizes = sizes_read_by(node, 0);
  std::vector<std::int64_t> bounds[4] = {{}, {}, {0}, {1}};  // starts, ends, axes, steps
  if (opset_ < kBoundsAreInputs) {
    const AttributeReader attributes(node, {"starts", "ends", "axes"});
    bounds[0] = attributes.integers("starts", {});
    bounds[1] = attributes.integers("ends", {});
    bounds[2] = attributes.integers("axes", {0});
  } else {
    AttributeReader(node, {});
    check_inputs(node, 3, 5);
    const char* names[] = {"starts", "ends", "axes", "steps"};
    for (int i = 1; i < node.input_size(); ++i)
      if (!node.input(i).empty())
        bounds[i - 1] = constant<std::int64_t>(node, i, names[i - 1]).values;
  }
  for (const auto& numbers : bounds)
    if (numbers.size() != 1) refuse(node, "it cuts {} axes, expected one", numbers.size());
  normal_axis(node, bounds[2][0], 1);
  if (bounds[3][0] != 1) refuse(node, "its step is {}, expected 1", bounds[3][0]);
  return cut(sizes, bounds[0][0], bounds[1][0]);
}

NetworkBuilder::Sizes NetworkBuilder::multiplied_sizes(const NodeProto& node) const {
  Sizes a = sizes_read_by(node, 0), b = sizes_read_by(node, 1);
  if (a.values.size() != 1) std::swap(a, b);
  if (a.values.size() != 1) refuse(node, "it multiplies lists of sizes, expected single ones");
  Sizes result{{}, a.scalar && b.scalar};
  for (const std::int64_t size : b.values) {
    const std::int64_t factor = a.values.front();
    if (size == kOpenImages || factor == kOpenImages)
      refuse(node, "it multiplies the number of images: the images stay apart");
    const auto in_range = [](std::int64_t v) {
      return v >= -1 && v <= static_cast<std::int64_t>(kMaximumElements);
    };
    if (!in_range(size) || !in_range(factor))
      refuse(node, "it multiplies {} by {}, which are no sizes", size, factor);
    result.values.push_back(size * factor);
  }
  return result;
}

std::string NetworkBuilder::sizes_text(const std::vector<std::int64_t>& sizes) {
  std::string text;
  for (const std::int64_t size : sizes)
    text += (text.empty() ? "" : ", ") + (size == kOpenImages ? "N" : fmt::format("{}", size));
  return "[" + text + "]";
}

}  // namespace uswim::workloads::onnx_reader
