#include "workloads/onnx/tensor.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "workloads/network/network.h"
#include "workloads/onnx/describe.h"

namespace uswim::workloads::onnx_reader {
namespace {

using ::onnx::TensorProto;

template <class... Args>
[[noreturn]] void refuse_tensor(const TensorProto& tensor, fmt::format_string<Args...> text,
                                Args&&... args) {
  throw NetworkError(fmt::format("tensor {}: ", quoted(tensor.name())) +
                     fmt::format(text, std::forward<Args>(args)...));
}

std::string type_name(int type) {
  return TensorProto::DataType_IsValid(type)
             ? TensorProto::DataType_Name(static_cast<TensorProto::DataType>(type))
             : fmt::format("number {}", type);
}

std::uint64_t element_count(const TensorProto& tensor, const std::vector<std::int64_t>& dims) {
  std::uint64_t count = 1;
  for (const std::int64_t dim : dims) {
    if (dim < 0) refuse_tensor(tensor, "its shape {} has a negative dimension", dims_text(dims));
    const auto extent = static_cast<std::uint64_t>(dim);
    if (extent != 0 && count > std::numeric_limits<std::uint64_t>::max() / extent)
      refuse_tensor(tensor, "its shape {} has more elements than 64 bits can count",
                    dims_text(dims));
    count *= extent;
  }
  return count;
}

/// `typed` is the field that ONNX provides for T beside raw_data.
template <class T, class Field>
Tensor<T> read(const TensorProto& tensor, TensorProto::DataType type, const Field& typed) {
  if (tensor.data_location() == TensorProto::EXTERNAL || tensor.external_data_size() > 0)
    refuse_tensor(tensor, "its data lie in another file; only models in one file are read");
  if (tensor.data_type() != type)
    refuse_tensor(tensor, "its elements are {}, expected {}", type_name(tensor.data_type()),
                  type_name(type));
  if (tensor.has_segment()) refuse_tensor(tensor, "it is stored in segments, expected one piece");

  Tensor<T> result;
  result.dims.assign(tensor.dims().begin(), tensor.dims().end());
  const std::uint64_t count = element_count(tensor, result.dims);
  const auto check = [&](std::uint64_t found, const char* unit, std::uint64_t expected) {
    if (found != expected)
      refuse_tensor(tensor, "it holds {} {}, but its shape {} needs {}", found, unit,
                    dims_text(result.dims), expected);
  };
  if (tensor.has_raw_data()) {
    check(static_cast<std::uint64_t>(typed.size()), "elements beside its raw data", 0);
    const std::string& raw = tensor.raw_data();
    // raw.size() / sizeof(T) first: count * sizeof(T) may not fit 64 bits.
    if (raw.size() / sizeof(T) != count || raw.size() % sizeof(T) != 0)
      refuse_tensor(tensor, "it holds {} bytes of data, but its shape {} needs {} elements of {}",
                    raw.size(), dims_text(result.dims), count, sizeof(T));
    result.values.resize(static_cast<std::size_t>(count));
    if (count > 0) std::memcpy(result.values.data(), raw.data(), raw.size());
  } else {
    check(static_cast<std::uint64_t>(typed.size()), "elements", count);
    result.values.reserve(static_cast<std::size_t>(count));
    for (const auto value : typed) {
      const T converted = static_cast<T>(value);
      if (std::numeric_limits<T>::is_integer && static_cast<std::int64_t>(converted) != value)
        refuse_tensor(tensor, "the value {} does not fit {}", value, type_name(type));
      result.values.push_back(converted);
    }
  }
  return result;
}

/// IEEE 754 binary16: a sign, 5 bits of exponent, 10 of the mantissa.
float from_half(std::uint16_t bits) {
  const unsigned exponent = bits >> 10 & 0x1f, mantissa = bits & 0x3ff;
  float magnitude;
  if (exponent == 0)
    magnitude = std::ldexp(static_cast<float>(mantissa), -24);
  else if (exponent < 31)
    magnitude = std::ldexp(static_cast<float>(mantissa | 0x400), static_cast<int>(exponent) - 25);
  else
    magnitude = mantissa == 0 ? std::numeric_limits<float>::infinity()
                              : std::numeric_limits<float>::quiet_NaN();
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

}  // namespace

template <>
Tensor<float> read_tensor(const TensorProto& tensor) {
  Tensor<float> result;
  const auto convert = [&](const auto& stored, auto&& number) {
    result.dims = stored.dims;
    result.values.reserve(stored.values.size());
    for (const auto value : stored.values) result.values.push_back(number(value));
  };
  switch (tensor.data_type()) {
    case TensorProto::FLOAT16:
      convert(read<std::uint16_t>(tensor, TensorProto::FLOAT16, tensor.int32_data()), from_half);
      return result;
    case TensorProto::DOUBLE:
      convert(read<double>(tensor, TensorProto::DOUBLE, tensor.double_data()),
              [](double v) { return static_cast<float>(v); });
      return result;
    default:
      return read<float>(tensor, TensorProto::FLOAT, tensor.float_data());
  }
}

bool is_floating(int data_type) {
  return data_type == TensorProto::FLOAT || data_type == TensorProto::FLOAT16 ||
         data_type == TensorProto::DOUBLE;
}

template <>
Tensor<std::int64_t> read_tensor(const TensorProto& tensor) {
  return read<std::int64_t>(tensor, TensorProto::INT64, tensor.int64_data());
}

template <>
Tensor<std::uint8_t> read_tensor(const TensorProto& tensor) {
  return read<std::uint8_t>(tensor, TensorProto::UINT8, tensor.int32_data());
}

template <>
Tensor<std::int8_t> read_tensor(const TensorProto& tensor) {
  return read<std::int8_t>(tensor, TensorProto::INT8, tensor.int32_data());
}

template <>
Tensor<std::int32_t> read_tensor(const TensorProto& tensor) {
  return read<std::int32_t>(tensor, TensorProto::INT32, tensor.int32_data());
}

}  // namespace uswim::workloads::onnx_reader
