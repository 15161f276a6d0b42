#include "workloads/onnx/constant_arithmetic.h"

#include <algorithm>
#include <limits>
#include <type_traits>
#include <utility>

#include "workloads/onnx/attributes.h"
#include "workloads/onnx/constants.h"
#include "workloads/onnx/describe.h"
#include "workloads/onnx/tensor.h"

namespace uswim::workloads::onnx_reader {
namespace {

using ::onnx::NodeProto;
using ::onnx::TensorProto;
using Dims = std::vector<std::int64_t>;

template <class T>
TensorProto stored(const Tensor<T>& tensor) {
  TensorProto made;
  for (const std::int64_t d : tensor.dims) made.add_dims(d);
  if constexpr (std::is_same_v<T, float>) {
    made.set_data_type(TensorProto::FLOAT);
    *made.mutable_float_data() = {tensor.values.begin(), tensor.values.end()};
  } else {
    made.set_data_type(TensorProto::INT64);
    *made.mutable_int64_data() = {tensor.values.begin(), tensor.values.end()};
  }
  return made;
}

template <class T>
T result_of(const NodeProto& node, T a, T b) {
  const char operation = node.op_type()[0];
  if constexpr (std::is_same_v<T, float>) {
    return operation == 'A' ? a + b : operation == 'S' ? a - b : operation == 'M' ? a * b : a / b;
  } else {
    // Whole numbers wrap around, as processors do it.
    const auto x = static_cast<std::uint64_t>(a), y = static_cast<std::uint64_t>(b);
    if (operation == 'A') return static_cast<T>(x + y);
    if (operation == 'S') return static_cast<T>(x - y);
    if (operation == 'M') return static_cast<T>(x * y);
    if (b == 0 || (b == -1 && a == std::numeric_limits<T>::min()))
      refuse(node, "it divides the constant {} by {}", a, b);
    return a / b;
  }
}

template <class T>
TensorProto combined_of(const NodeProto& node, const Tensor<T>& a, const Tensor<T>& b) {
  const std::size_t rank = std::max(a.dims.size(), b.dims.size());
  Tensor<T> result;
  std::vector<std::size_t> step_a(rank, 0), step_b(rank, 0);
  result.dims.assign(rank, 1);
  std::size_t stride_a = 1, stride_b = 1;
  for (std::size_t i = rank; i-- > 0;) {
    // Aligned to the right; a dimension of 1 or none is spread over the other's.
    const auto extent = [&](const Dims& dims) {
      return i + dims.size() < rank ? 1 : dims[i + dims.size() - rank];
    };
    const std::int64_t of_a = extent(a.dims), of_b = extent(b.dims);
    if (of_a != of_b && of_a != 1 && of_b != 1)
      refuse(node, "its constants are {} and {}, which do not spread over each other",
             dims_text(a.dims), dims_text(b.dims));
    result.dims[i] = of_a == 1 ? of_b : of_a;
    step_a[i] = of_a == 1 ? 0 : stride_a;
    step_b[i] = of_b == 1 ? 0 : stride_b;
    stride_a *= static_cast<std::size_t>(of_a);
    stride_b *= static_cast<std::size_t>(of_b);
  }
  const std::size_t count = bounded_count(node, result.dims);
  result.values.reserve(count);
  for (std::size_t n = 0; n < count; ++n) {
    std::size_t rest = n, from_a = 0, from_b = 0;
    for (std::size_t i = rank; i-- > 0;) {
      const auto extent = static_cast<std::size_t>(result.dims[i]);
      from_a += rest % extent * step_a[i];
      from_b += rest % extent * step_b[i];
      rest /= extent;
    }
    result.values.push_back(result_of(node, a.values[from_a], b.values[from_b]));
  }
  return stored(result);
}

template <class T>
TensorProto joined_of(const NodeProto& node, const std::vector<const TensorProto*>& parts) {
  const AttributeReader attributes(node, {"axis"});
  if (!attributes.has("axis")) refuse(node, "it gives no axis");
  Tensor<T> result;
  result.dims.assign(parts.front()->dims().begin(), parts.front()->dims().end());
  const std::size_t axis = normal_axis(node, attributes.integer("axis", 0), result.dims.size());
  result.dims[axis] = 0;
  std::vector<Tensor<T>> tensors;  // those that hold numbers
  std::size_t count = 0;
  for (const TensorProto* part : parts) {
    Tensor<T> tensor = read_tensor<T>(*part);
    Dims expected = tensor.dims;
    if (expected.size() == result.dims.size()) expected[axis] = result.dims[axis];
    if (expected != result.dims)
      refuse(node, "its constants {} and {} do not fit along axis {}", dims_text(result.dims),
             dims_text(tensor.dims), axis);
    result.dims[axis] += tensor.dims[axis];
    // Before the next one is read: a file may join one constant a thousand times.
    count = bounded_count(node, result.dims);
    if (!tensor.values.empty()) tensors.push_back(std::move(tensor));
  }
  if (count == 0) return stored(result);
  std::size_t rows = 1;  // of the axes before; each is a run of every tensor in turn
  for (std::size_t i = 0; i < axis; ++i) rows *= static_cast<std::size_t>(result.dims[i]);
  result.values.reserve(count);
  for (std::size_t row = 0; row < rows; ++row)
    for (const Tensor<T>& tensor : tensors) {
      const auto run = static_cast<std::ptrdiff_t>(tensor.values.size() / rows);
      const auto begin = tensor.values.begin() + static_cast<std::ptrdiff_t>(row) * run;
      result.values.insert(result.values.end(), begin, begin + run);
    }
  return stored(result);
}

}  // namespace

std::size_t bounded_count(const NodeProto& node, const Dims& dims) {
  std::size_t count = 1;
  for (const std::int64_t d : dims) {
    const auto extent = static_cast<std::size_t>(d);
    if (extent != 0 && count > kMaximumParameters / extent)
      refuse(node, "it makes a constant of {}, which has more than {} elements", dims_text(dims),
             kMaximumParameters);
    count *= extent;
  }
  return count;
}

std::optional<Tensor<std::int64_t>> whole_numbers(const TensorProto& tensor) {
  const auto widened = [](const auto& narrow) {
    return Tensor<std::int64_t>{narrow.dims, {narrow.values.begin(), narrow.values.end()}};
  };
  switch (tensor.data_type()) {
    case TensorProto::INT64:
      return read_tensor<std::int64_t>(tensor);
    case TensorProto::INT32:
      return widened(read_tensor<std::int32_t>(tensor));
    case TensorProto::INT8:
      return widened(read_tensor<std::int8_t>(tensor));
    case TensorProto::UINT8:
      return widened(read_tensor<std::uint8_t>(tensor));
    default:
      return std::nullopt;
  }
}

std::optional<TensorProto> combined(const NodeProto& node, const TensorProto& a,
                                    const TensorProto& b) {
  AttributeReader(node, {});
  if (is_floating(a.data_type()) && is_floating(b.data_type()))
    return combined_of(node, read_tensor<float>(a), read_tensor<float>(b));
  if (a.data_type() == TensorProto::INT64 && b.data_type() == TensorProto::INT64)
    return combined_of(node, read_tensor<std::int64_t>(a), read_tensor<std::int64_t>(b));
  return std::nullopt;
}

std::optional<TensorProto> joined(const NodeProto& node,
                                  const std::vector<const TensorProto*>& parts) {
  if (std::all_of(parts.begin(), parts.end(),
                  [](const auto* p) { return is_floating(p->data_type()); }))
    return joined_of<float>(node, parts);
  if (std::all_of(parts.begin(), parts.end(),
                  [](const auto* p) { return p->data_type() == TensorProto::INT64; }))
    return joined_of<std::int64_t>(node, parts);
  return std::nullopt;
}

std::optional<TensorProto> cast(const NodeProto& node, const TensorProto& tensor) {
  const std::int64_t to = AttributeReader(node, {"to"}).integer("to", 0);
  const bool to_floating = to == TensorProto::FLOAT || to == TensorProto::DOUBLE;
  if (to_floating && is_floating(tensor.data_type())) return stored(read_tensor<float>(tensor));
  if (!to_floating && to != TensorProto::INT64) return std::nullopt;
  const std::optional<Tensor<std::int64_t>> whole = whole_numbers(tensor);
  if (!whole) return std::nullopt;
  if (!to_floating) return stored(*whole);
  Tensor<float> result{whole->dims, {}};
  for (const std::int64_t v : whole->values) result.values.push_back(static_cast<float>(v));
  return stored(result);
}

}  // namespace uswim::workloads::onnx_reader
