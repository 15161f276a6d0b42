#pragma once
#include <onnx/onnx_pb.h>

#include <cstdint>
#include <optional>
#include <vector>

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

}  // namespace uswim::workloads::onnx_reader
