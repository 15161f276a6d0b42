#pragma once
#include <onnx/onnx_pb.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "workloads/onnx/tensor.h"

namespace uswim::workloads::onnx_reader {

// Nodes that compute new numbers out of constants alone. They throw NetworkError, and give nothing
// where the elements' types are none of those that occur in networks.

/// Add, Sub, Mul or Div of two tensors of floating point or of INT64, spread over each other.
std::optional<::onnx::TensorProto> combined(const ::onnx::NodeProto& node,
                                            const ::onnx::TensorProto& a,
                                            const ::onnx::TensorProto& b);
/// Concat of tensors of floating point or of INT64.
std::optional<::onnx::TensorProto> joined(const ::onnx::NodeProto& node,
                                          const std::vector<const ::onnx::TensorProto*>& parts);
/// Cast of any number to FLOAT or DOUBLE, both of which are kept as FLOAT, and of whole ones to
/// INT64.
std::optional<::onnx::TensorProto> cast(const ::onnx::NodeProto& node,
                                        const ::onnx::TensorProto& tensor);

/// The numbers of a tensor of whole ones, wide enough for any; nothing of another type.
std::optional<Tensor<std::int64_t>> whole_numbers(const ::onnx::TensorProto& tensor);
/// Elements of a constant with these dimensions, none of them negative. Refuses more than
/// kMaximumParameters.
std::size_t bounded_count(const ::onnx::NodeProto& node, const std::vector<std::int64_t>& dims);

}  // namespace uswim::workloads::onnx_reader
