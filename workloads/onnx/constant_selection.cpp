#include "workloads/onnx/constant_selection.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "workloads/onnx/attributes.h"
#include "workloads/onnx/constant_arithmetic.h"
#include "workloads/onnx/constants.h"
#include "workloads/onnx/describe.h"
#include "workloads/onnx/tensor.h"

namespace uswim::workloads::onnx_reader {
namespace {

using ::onnx::AttributeProto;
using ::onnx::NodeProto;
using ::onnx::TensorProto;
using Dims = std::vector<std::int64_t>;

/// What make(a Tensor<T>) gives, as a constant of the same type of number.
template <class Make>
std::optional<TensorProto> of_its_type(const TensorProto& source, Make&& make) {
  TensorProto made;
  const auto take = [&](const auto& tensor, int type, auto* numbers) {
    const auto result = make(tensor);
    made.set_data_type(type);
    for (const std::int64_t d : result.dims) made.add_dims(d);
    numbers->Reserve(static_cast<int>(result.values.size()));
    for (const auto value : result.values) numbers->Add(value);
    return made;
  };
  const int type = source.data_type();
  switch (type) {
    case TensorProto::INT64:
      return take(read_tensor<std::int64_t>(source), type, made.mutable_int64_data());
    case TensorProto::INT32:
      return take(read_tensor<std::int32_t>(source), type, made.mutable_int32_data());
    case TensorProto::INT8:
      return take(read_tensor<std::int8_t>(source), type, made.mutable_int32_data());
    case TensorProto::UINT8:
      return take(read_tensor<std::uint8_t>(source), type, made.mutable_int32_data());
    default:
      if (!is_floating(type)) return std::nullopt;
      return take(read_tensor<float>(source), TensorProto::FLOAT, made.mutable_float_data());
  }
}

/// Numbers at even distances along each axis.
struct View {
  Dims dims;
  std::ptrdiff_t first = 0;
  std::vector<std::ptrdiff_t> step;  ///< in elements of the source
};

template <class T>
Tensor<T> seen(const Tensor<T>& source, const View& view) {
  std::size_t count = 1;
  for (const std::int64_t d : view.dims) count *= static_cast<std::size_t>(d);
  Tensor<T> result{view.dims, {}};
  result.values.reserve(count);
  std::vector<std::int64_t> at(view.dims.size(), 0);
  std::ptrdiff_t from = view.first;
  for (std::size_t n = 0; n < count; ++n) {
    result.values.push_back(source.values[static_cast<std::size_t>(from)]);
    for (std::size_t i = view.dims.size(); i-- > 0;) {
      from += view.step[i];
      if (++at[i] < view.dims[i]) break;
      from -= view.step[i] * view.dims[i];
      at[i] = 0;
    }
  }
  return result;
}

/// The whole constant. Its data have been read, so the product of its dimensions is one of memory.
View whole_view(const Dims& dims) {
  View view{dims, 0, std::vector<std::ptrdiff_t>(dims.size(), 1)};
  for (std::size_t i = dims.size(); i-- > 1;) view.step[i - 1] = view.step[i] * dims[i];
  return view;
}

Dims numbers_of(const NodeProto& node, const TensorProto& tensor, const char* what) {
  const auto whole = whole_numbers(tensor);
  if (!whole || whole->dims.size() > 1) refuse(node, "its {} are no list of whole numbers", what);
  return whole->values;
}

/// Of Slice, one number per axis that is cut.
struct Cuts {
  Dims starts, ends;
  std::optional<Dims> axes, steps;
};

Cuts read_cuts(const NodeProto& node, std::int64_t opset,
               const std::vector<const TensorProto*>& inputs) {
  constexpr std::int64_t kBoundsAreInputs = 10;
  Cuts cuts;
  if (opset < kBoundsAreInputs) {
    const AttributeReader attributes(node, {"starts", "ends", "axes"});
    cuts.starts = attributes.integers("starts", {});
    cuts.ends = attributes.integers("ends", {});
    if (attributes.has("axes")) cuts.axes = attributes.integers("axes", {});
  } else {
    AttributeReader(node, {});
    if (inputs.size() < 3 || inputs.size() > 5 || inputs[1] == nullptr || inputs[2] == nullptr)
      refuse(node, "it has {} inputs, expected 3 to 5, with starts and ends", inputs.size());
    cuts.starts = numbers_of(node, *inputs[1], "starts");
    cuts.ends = numbers_of(node, *inputs[2], "ends");
    if (inputs.size() > 3 && inputs[3] != nullptr) cuts.axes = numbers_of(node, *inputs[3], "axes");
    if (inputs.size() > 4 && inputs[4] != nullptr)
      cuts.steps = numbers_of(node, *inputs[4], "steps");
  }
  const std::size_t count = cuts.starts.size();
  if (cuts.ends.size() != count || (cuts.axes && cuts.axes->size() != count) ||
      (cuts.steps && cuts.steps->size() != count))
    refuse(node, "its starts, ends, axes and steps differ in number");
  return cuts;
}

/// Counts from the end where negative; beyond either end is that end.
std::int64_t place(std::int64_t index, std::int64_t extent, std::int64_t lowest,
                   std::int64_t highest) {
  return std::clamp(index < 0 ? index + extent : index, lowest, highest);
}

View cut(const NodeProto& node, const Dims& dims, const Cuts& cuts) {
  View view = whole_view(dims);
  std::vector<bool> done(dims.size(), false);
  for (std::size_t i = 0; i < cuts.starts.size(); ++i) {
    const std::int64_t stated = cuts.axes ? (*cuts.axes)[i] : static_cast<std::int64_t>(i);
    const std::size_t axis = normal_axis(node, stated, dims.size());
    if (done[axis]) refuse(node, "it cuts axis {} twice", axis);
    done[axis] = true;
    const std::int64_t extent = dims[axis];
    if (extent == 0) continue;
    // A longer step takes the first number alone, as this one does.
    const std::int64_t step =
        std::clamp(cuts.steps ? (*cuts.steps)[i] : 1, -extent - 1, extent + 1);
    if (step == 0) refuse(node, "its step along axis {} is 0", axis);
    const bool forward = step > 0;
    const std::int64_t lowest = forward ? 0 : -1, highest = forward ? extent : extent - 1;
    const std::int64_t first =
        place(cuts.starts[i], extent, std::max<std::int64_t>(lowest, 0), highest);
    const std::int64_t last = place(cuts.ends[i], extent, lowest, highest);
    const std::int64_t away = forward ? last - first : first - last;
    const std::int64_t stride = forward ? step : -step;
    view.dims[axis] = away <= 0 ? 0 : (away + stride - 1) / stride;
    view.first += view.step[axis] * first;
    view.step[axis] *= step;
  }
  return view;
}

}  // namespace

std::optional<TensorProto> transposed(const NodeProto& node, const TensorProto& source) {
  return of_its_type(source, [&](const auto& tensor) {
    const std::size_t rank = tensor.dims.size();
    Dims backwards(rank);
    for (std::size_t i = 0; i < rank; ++i) backwards[i] = static_cast<std::int64_t>(rank - 1 - i);
    const Dims perm = AttributeReader(node, {"perm"}).integers("perm", backwards);
    Dims sorted = perm;
    std::sort(sorted.rbegin(), sorted.rend());
    if (sorted != backwards)
      refuse(node, "perm is {}, expected the axes of {}", dims_text(perm), dims_text(tensor.dims));
    const View whole = whole_view(tensor.dims);
    View view = whole;
    for (std::size_t i = 0; i < rank; ++i) {
      const auto axis = static_cast<std::size_t>(perm[i]);
      view.dims[i] = whole.dims[axis];
      view.step[i] = whole.step[axis];
    }
    return seen(tensor, view);
  });
}

std::optional<TensorProto> sliced(const NodeProto& node, std::int64_t opset,
                                  const std::vector<const TensorProto*>& inputs) {
  const Cuts cuts = read_cuts(node, opset, inputs);
  return of_its_type(
      *inputs[0], [&](const auto& tensor) { return seen(tensor, cut(node, tensor.dims, cuts)); });
}

std::optional<TensorProto> gathered(const NodeProto& node, const TensorProto& source,
                                    const TensorProto& indices) {
  const AttributeReader attributes(node, {"axis"});
  const auto places = whole_numbers(indices);
  if (!places) refuse(node, "its indices are no whole numbers");
  return of_its_type(source, [&](auto tensor) {
    const std::size_t axis = normal_axis(node, attributes.integer("axis", 0), tensor.dims.size());
    const auto begin = tensor.dims.begin();
    const auto at = begin + static_cast<std::ptrdiff_t>(axis);
    Dims dims(begin, at);
    dims.insert(dims.end(), places->dims.begin(), places->dims.end());
    dims.insert(dims.end(), at + 1, tensor.dims.end());
    const auto extent = static_cast<std::size_t>(*at);
    std::size_t run = 1, rows = 1;
    for (auto d = at + 1; d != tensor.dims.end(); ++d) run *= static_cast<std::size_t>(*d);
    for (auto d = begin; d != at; ++d) rows *= static_cast<std::size_t>(*d);
    auto result = decltype(tensor){dims, {}};
    result.values.reserve(bounded_count(node, dims));
    for (std::size_t row = 0; row < rows; ++row)
      for (const std::int64_t index : places->values) {
        const std::size_t from = (row * extent + normal_axis(node, index, extent)) * run;
        const auto first = tensor.values.begin() + static_cast<std::ptrdiff_t>(from);
        result.values.insert(result.values.end(), first, first + static_cast<std::ptrdiff_t>(run));
      }
    return result;
  });
}

std::optional<TensorProto> filled(const NodeProto& node, const TensorProto& shape) {
  AttributeReader(node, {"value"});
  const Dims dims = numbers_of(node, shape, "dimensions");
  if (std::any_of(dims.begin(), dims.end(), [](std::int64_t d) { return d < 0; }))
    refuse(node, "its shape {} has a negative dimension", dims_text(dims));
  const std::size_t count = bounded_count(node, dims);
  TensorProto value;  // 0 where the node gives none
  value.set_data_type(TensorProto::FLOAT);
  value.add_float_data(0.0f);
  if (node.attribute_size() > 0) {
    if (node.attribute(0).type() != AttributeProto::TENSOR) refuse(node, "its value is no tensor");
    value = node.attribute(0).t();
  }
  return of_its_type(value, [&](auto tensor) {
    if (tensor.values.size() != 1)
      refuse(node, "its value has {} numbers, expected one", tensor.values.size());
    tensor.dims = dims;
    tensor.values.assign(count, tensor.values.front());
    return tensor;
  });
}

TensorProto shape_of(const NodeProto& node, const TensorProto& source) {
  const AttributeReader attributes(node, {"start", "end"});
  const auto rank = static_cast<std::int64_t>(source.dims_size());
  const std::int64_t first = place(attributes.integer("start", 0), rank, 0, rank);
  const std::int64_t last = place(attributes.integer("end", rank), rank, first, rank);
  TensorProto made;
  made.set_data_type(TensorProto::INT64);
  made.add_dims(last - first);
  for (std::int64_t i = first; i < last; ++i) made.add_int64_data(source.dims(static_cast<int>(i)));
  return made;
}

}  // namespace uswim::workloads::onnx_reader
