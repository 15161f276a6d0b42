#include "workloads/onnx/constants.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "workloads/onnx/attributes.h"
#include "workloads/onnx/constant_arithmetic.h"
#include "workloads/onnx/constant_selection.h"
#include "workloads/onnx/describe.h"
#include "workloads/onnx/tensor.h"

namespace uswim::workloads::onnx_reader {
namespace {

using ::onnx::AttributeProto;
using ::onnx::NodeProto;
using ::onnx::TensorProto;
using Dims = std::vector<std::int64_t>;

constexpr std::size_t kMostDimensions = 8;

Dims dims_of(const TensorProto& tensor) { return {tensor.dims().begin(), tensor.dims().end()}; }

std::optional<TensorProto> constant_node(const NodeProto& node) {
  if (node.attribute_size() != 1) return std::nullopt;
  const AttributeProto& attribute = node.attribute(0);
  TensorProto made;
  if (attribute.name() == "value" && attribute.type() == AttributeProto::TENSOR) {
    made = attribute.t();
  } else if (attribute.name() == "value_float") {
    made.set_data_type(TensorProto::FLOAT);
    made.add_float_data(attribute.f());
  } else if (attribute.name() == "value_floats") {
    made.set_data_type(TensorProto::FLOAT);
    made.add_dims(attribute.floats_size());
    *made.mutable_float_data() = attribute.floats();
  } else if (attribute.name() == "value_int") {
    made.set_data_type(TensorProto::INT64);
    made.add_int64_data(attribute.i());
  } else if (attribute.name() == "value_ints") {
    made.set_data_type(TensorProto::INT64);
    made.add_dims(attribute.ints_size());
    *made.mutable_int64_data() = attribute.ints();
  } else {
    return std::nullopt;
  }
  return made;
}

/// Product of dimensions; exact up to 2^53, and larger ones are no constant's.
double product(const std::int64_t* begin, const std::int64_t* end) {
  return std::accumulate(begin, end, 1.0,
                         [](double p, std::int64_t d) { return p * static_cast<double>(d); });
}
double product(const Dims& dims) { return product(dims.data(), dims.data() + dims.size()); }
std::int64_t whole(double count) {
  constexpr double kLargest = 9007199254740992.0;
  return static_cast<std::int64_t>(std::min(count, kLargest));
}

TensorProto with_dims(const NodeProto& node, const TensorProto& tensor, const Dims& dims) {
  if (product(dims) != product(dims_of(tensor)))
    refuse(node, "it makes {} out of the constant {}, which has another number of elements",
           dims_text(dims), dims_text(dims_of(tensor)));
  TensorProto made = tensor;
  made.clear_dims();
  for (const std::int64_t d : dims) made.add_dims(d);
  return made;
}

TensorProto reshaped(const NodeProto& node, const TensorProto& tensor, const TensorProto& shape) {
  const bool zero_copies = AttributeReader(node, {"allowzero"}).integer("allowzero", 0) == 0;
  Dims dims = read_tensor<std::int64_t>(shape).values;
  const Dims old = dims_of(tensor);
  for (std::size_t i = 0; i < dims.size(); ++i)
    if (dims[i] == 0 && zero_copies && i < old.size()) dims[i] = old[i];
  const auto open = std::find(dims.begin(), dims.end(), -1);
  if (open != dims.end()) {
    const double rest = -product(dims);
    *open = rest > 0.0 ? whole(product(old) / rest) : 0;
  }
  if (std::any_of(dims.begin(), dims.end(), [](std::int64_t d) { return d < 0; }))
    refuse(node, "its shape {} has a negative dimension", dims_text(dims));
  return with_dims(node, tensor, dims);
}

TensorProto flattened(const NodeProto& node, const TensorProto& tensor) {
  const Dims dims = dims_of(tensor);
  std::int64_t axis = AttributeReader(node, {"axis"}).integer("axis", 1);
  const auto rank = static_cast<std::int64_t>(dims.size());
  if (axis < -rank || axis > rank)
    refuse(node, "axis {} lies outside of the constant's {}", axis, dims_text(dims));
  if (axis < 0) axis += rank;
  const std::int64_t* middle = dims.data() + axis;
  return with_dims(
      node, tensor,
      {whole(product(dims.data(), middle)), whole(product(middle, dims.data() + rank))});
}

TensorProto squeezed(const NodeProto& node, const TensorProto& tensor, std::int64_t opset,
                     const FindConstant& find) {
  const Dims dims = dims_of(tensor);
  const auto axes = read_axes(node, opset, find, dims.size(), false);
  Dims result;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const bool goes = axes ? std::binary_search(axes->begin(), axes->end(), i) : dims[i] == 1;
    if (!goes) result.push_back(dims[i]);
  }
  return with_dims(node, tensor, result);
}

TensorProto unsqueezed(const NodeProto& node, const TensorProto& tensor, std::int64_t opset,
                       const FindConstant& find) {
  const Dims dims = dims_of(tensor);
  const auto axes = read_axes(node, opset, find, dims.size(), true);
  if (!axes) refuse(node, "it gives no axes");
  Dims result = dims;
  for (const std::size_t axis : *axes)
    result.insert(result.begin() + static_cast<std::ptrdiff_t>(axis), 1);
  return with_dims(node, tensor, result);
}

Tensor<std::int32_t> read_codes(const NodeProto& node, const TensorProto& tensor) {
  const auto widened = [](const auto& narrow) {
    return Tensor<std::int32_t>{narrow.dims, {narrow.values.begin(), narrow.values.end()}};
  };
  switch (tensor.data_type()) {
    case TensorProto::INT8:
      return widened(read_tensor<std::int8_t>(tensor));
    case TensorProto::UINT8:
      return widened(read_tensor<std::uint8_t>(tensor));
    case TensorProto::INT32:
      return read_tensor<std::int32_t>(tensor);
    default:
      refuse(node, "its codes are neither INT8, UINT8 nor INT32");
  }
}

/// Scales and zero points of QuantizeLinear or DequantizeLinear, one each or one per channel.
struct Grid {
  std::vector<float> scale;
  std::vector<std::int32_t> zero;
  std::size_t period = 1;  ///< elements in a row with the same scale
  std::size_t channel(std::size_t element) const {
    return scale.size() == 1 ? 0 : element / period % scale.size();
  }
};

Grid read_grid(const NodeProto& node, const Dims& dims, const TensorProto& steps,
               const TensorProto* zeros) {
  const AttributeReader attributes(node, {"axis"});
  Grid grid;
  grid.scale = read_tensor<float>(steps).values;
  std::size_t channels = 1;
  if (grid.scale.size() != 1) {
    const std::size_t axis = normal_axis(node, attributes.integer("axis", 1), dims.size());
    channels = static_cast<std::size_t>(dims[axis]);
    for (std::size_t i = axis + 1; i < dims.size(); ++i)
      grid.period *= static_cast<std::size_t>(dims[i]);
  }
  if (grid.scale.size() != channels || channels == 0)
    refuse(node, "it has {} scales, expected 1 or {}", grid.scale.size(), channels);
  grid.zero.assign(channels, 0);
  if (zeros != nullptr) grid.zero = read_codes(node, *zeros).values;
  if (grid.zero.size() != channels)
    refuse(node, "it has {} zero points and {} scales", grid.zero.size(), channels);
  return grid;
}

TensorProto dequantized(const NodeProto& node, const TensorProto& source, const TensorProto& steps,
                        const TensorProto* zeros) {
  const Tensor<std::int32_t> codes = read_codes(node, source);
  const Grid grid = read_grid(node, codes.dims, steps, zeros);
  TensorProto made;
  made.set_data_type(TensorProto::FLOAT);
  *made.mutable_dims() = source.dims();
  made.mutable_float_data()->Reserve(static_cast<int>(codes.values.size()));
  for (std::size_t i = 0; i < codes.values.size(); ++i) {
    const std::size_t channel = grid.channel(i);
    const auto code = static_cast<std::int64_t>(codes.values[i]) - grid.zero[channel];
    made.add_float_data(static_cast<float>(code) * grid.scale[channel]);
  }
  return made;
}

/// Weights that a file holds in floats, in front of their quantiser (torch's fake quantisation).
std::optional<TensorProto> quantized(const NodeProto& node, const TensorProto& source,
                                     const TensorProto& steps, const TensorProto* zeros) {
  const bool is_signed = zeros != nullptr && zeros->data_type() == TensorProto::INT8;
  if (!is_signed && zeros != nullptr && zeros->data_type() != TensorProto::UINT8)
    return std::nullopt;
  const Tensor<float> numbers = read_tensor<float>(source);
  const Grid grid = read_grid(node, numbers.dims, steps, zeros);
  const float least = is_signed ? -128.0f : 0.0f, most = is_signed ? 127.0f : 255.0f;
  TensorProto made;
  made.set_data_type(is_signed ? TensorProto::INT8 : TensorProto::UINT8);
  *made.mutable_dims() = source.dims();
  made.mutable_int32_data()->Reserve(static_cast<int>(numbers.values.size()));
  for (std::size_t i = 0; i < numbers.values.size(); ++i) {
    const std::size_t channel = grid.channel(i);
    const float code = std::nearbyint(numbers.values[i] / grid.scale[channel]) +
                       static_cast<float>(grid.zero[channel]);
    if (std::isnan(code))
      refuse(node, "its number {}, {} over a scale of {}, has no code", i, numbers.values[i],
             grid.scale[channel]);
    made.add_int32_data(static_cast<std::int32_t>(std::clamp(code, least, most)));
  }
  return made;
}

}  // namespace

bool only_moves(const NodeProto& node) {
  const std::string& type = node.op_type();
  return type == "Identity" || type == "Reshape" || type == "Flatten" || type == "Transpose" ||
         type == "Squeeze" || type == "Unsqueeze";
}

std::size_t normal_axis(const NodeProto& node, std::int64_t axis, std::size_t rank) {
  const auto count = static_cast<std::int64_t>(rank);
  if (axis < -count || axis >= count)
    refuse(node, "axis {} lies outside of its {} dimensions", axis, rank);
  return static_cast<std::size_t>(axis < 0 ? axis + count : axis);
}

std::optional<std::vector<std::size_t>> read_axes(const NodeProto& node, std::int64_t opset,
                                                  const FindConstant& find, std::size_t rank_given,
                                                  bool of_result) {
  constexpr std::int64_t kAxesAreInput = 13;
  Dims axes;
  if (opset < kAxesAreInput) {
    const AttributeReader attributes(node, {"axes"});
    if (!attributes.has("axes")) return std::nullopt;
    axes = attributes.integers("axes", {});
  } else {
    AttributeReader(node, {});
    if (node.input_size() < 2 || node.input(1).empty()) return std::nullopt;
    const TensorProto* tensor = find(node.input(1));
    if (tensor == nullptr) refuse(node, "its axes are computed, expected a constant");
    axes = read_tensor<std::int64_t>(*tensor).values;
  }
  if (axes.size() > kMostDimensions)
    refuse(node, "it has {} axes, expected at most {}", axes.size(), kMostDimensions);
  const std::size_t rank = rank_given + (of_result ? axes.size() : 0);
  std::vector<std::size_t> result;
  for (const std::int64_t axis : axes) result.push_back(normal_axis(node, axis, rank));
  std::sort(result.begin(), result.end());
  if (std::adjacent_find(result.begin(), result.end()) != result.end())
    refuse(node, "its axes {} name one twice", dims_text(axes));
  return result;
}

std::optional<TensorProto> fold_constant(const NodeProto& node, std::int64_t opset,
                                         const FindConstant& find) {
  if (!node.domain().empty() && node.domain() != "ai.onnx") return std::nullopt;
  const std::string& type = node.op_type();
  if (type == "Constant") return constant_node(node);
  std::vector<const TensorProto*> inputs;
  for (const std::string& name : node.input()) {
    inputs.push_back(name.empty() ? nullptr : find(name));
    if (!name.empty() && inputs.back() == nullptr) return std::nullopt;
    // A walk over the numbers passes every dimension for each of them.
    if (!name.empty() && static_cast<std::size_t>(inputs.back()->dims_size()) > kMostDimensions)
      refuse(node, "its constant {} has {} dimensions, expected at most {}", quoted(name),
             inputs.back()->dims_size(), kMostDimensions);
  }
  if (inputs.empty() || inputs[0] == nullptr) return std::nullopt;
  try {
    if (type == "Identity" && inputs.size() == 1) return *inputs[0];
    if (type == "Reshape" && inputs.size() == 2 && inputs[1] != nullptr)
      return reshaped(node, *inputs[0], *inputs[1]);
    if (type == "Flatten" && inputs.size() == 1) return flattened(node, *inputs[0]);
    if (type == "Transpose" && inputs.size() == 1) return transposed(node, *inputs[0]);
    if (type == "Squeeze") return squeezed(node, *inputs[0], opset, find);
    if (type == "Unsqueeze") return unsqueezed(node, *inputs[0], opset, find);
    const bool has_grid = inputs.size() >= 2 && inputs[1] != nullptr;
    const TensorProto* zeros = inputs.size() > 2 ? inputs[2] : nullptr;
    if (type == "DequantizeLinear" && has_grid)
      return dequantized(node, *inputs[0], *inputs[1], zeros);
    if (type == "QuantizeLinear" && has_grid && is_floating(inputs[0]->data_type()))
      return quantized(node, *inputs[0], *inputs[1], zeros);
    if (type == "Cast" && inputs.size() == 1) return cast(node, *inputs[0]);
    const bool all_given =
        std::none_of(inputs.begin(), inputs.end(), [](const auto* t) { return t == nullptr; });
    if (type == "Concat" && all_given) return joined(node, inputs);
    if (type == "Slice") return sliced(node, opset, inputs);
    if (type == "Gather" && inputs.size() == 2 && all_given)
      return gathered(node, *inputs[0], *inputs[1]);
    if (type == "ConstantOfShape" && inputs.size() == 1) return filled(node, *inputs[0]);
    if (type == "Shape" && inputs.size() == 1) return shape_of(node, *inputs[0]);
    if ((type == "Add" || type == "Sub" || type == "Mul" || type == "Div") && inputs.size() == 2 &&
        all_given)
      return combined(node, *inputs[0], *inputs[1]);
  } catch (const NetworkError& error) {
    const std::string text = error.what();
    if (text.rfind(describe(node), 0) == 0) throw;
    refuse(node, "{}", text);
  }
  return std::nullopt;
}

}  // namespace uswim::workloads::onnx_reader
