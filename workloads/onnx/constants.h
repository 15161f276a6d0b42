#pragma once
#include <onnx/onnx_pb.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace uswim::workloads::onnx_reader {

/// Finds the constant that a name stands for; null where it is none.
using FindConstant = std::function<const ::onnx::TensorProto*(const std::string&)>;

/// The value of a node that computes on constants alone: Constant, Identity, Reshape, Flatten,
/// Transpose, Squeeze, Unsqueeze, Concat, Slice, Gather, Shape, ConstantOfShape, Cast, Add, Sub,
/// Mul, Div, QuantizeLinear and DequantizeLinear (of int8, uint8 and int32: a network stored at one
/// byte a weight). Nothing for other nodes and where an input is no constant. Throws NetworkError
/// naming the node.
std::optional<::onnx::TensorProto> fold_constant(const ::onnx::NodeProto& node, std::int64_t opset,
                                                 const FindConstant& find);

/// Whether a node that fold_constant computes leaves the numbers of its first input as they are.
bool only_moves(const ::onnx::NodeProto& node);

/// Folded constants and imported parameters of one file may have this many elements each: a small
/// file that multiplies its constants is refused before it exhausts memory.
inline constexpr std::size_t kMaximumParameters = std::size_t{1} << 25;

/// `axis` counted from the front; negative ones count from the back. Refuses others.
std::size_t normal_axis(const ::onnx::NodeProto& node, std::int64_t axis, std::size_t rank);

/// The axes of Squeeze or Unsqueeze, ascending and counted from the front of `rank` dimensions: an
/// attribute until opset 12, an input after it. Nothing where the node gives none.
std::optional<std::vector<std::size_t>> read_axes(const ::onnx::NodeProto& node, std::int64_t opset,
                                                  const FindConstant& find, std::size_t rank_given,
                                                  bool of_result);

}  // namespace uswim::workloads::onnx_reader
