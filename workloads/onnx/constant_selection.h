#pragma once
#include <onnx/onnx_pb.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace uswim::workloads::onnx_reader {

// Nodes that pick numbers out of constants, of any type that networks hold. They throw
// NetworkError, and give nothing where the elements are of another type.

/// Transpose.
std::optional<::onnx::TensorProto> transposed(const ::onnx::NodeProto& node,
                                              const ::onnx::TensorProto& source);
/// Slice: bounds are attributes until opset 9, `inputs` behind the first one after it. An input
/// that is left out is null.
std::optional<::onnx::TensorProto> sliced(const ::onnx::NodeProto& node, std::int64_t opset,
                                          const std::vector<const ::onnx::TensorProto*>& inputs);
/// Gather: the numbers at `indices` along an axis.
std::optional<::onnx::TensorProto> gathered(const ::onnx::NodeProto& node,
                                            const ::onnx::TensorProto& source,
                                            const ::onnx::TensorProto& indices);
/// ConstantOfShape.
std::optional<::onnx::TensorProto> filled(const ::onnx::NodeProto& node,
                                          const ::onnx::TensorProto& shape);
/// Shape of a constant.
::onnx::TensorProto shape_of(const ::onnx::NodeProto& node, const ::onnx::TensorProto& source);

}  // namespace uswim::workloads::onnx_reader
