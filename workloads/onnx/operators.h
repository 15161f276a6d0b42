#pragma once
#include <onnx/onnx_pb.h>

#include <string>

#include "workloads/onnx/graph_index.h"

namespace uswim::workloads::onnx_reader {

/// The nodes that make one activation quantiser. `clip` is null where QuantizeLinear's own
/// saturation is the limit.
struct QuantizerNodes {
  const ::onnx::NodeProto* clip = nullptr;
  const ::onnx::NodeProto* quantize = nullptr;
  const ::onnx::NodeProto* dequantize = nullptr;
};
/// The quantiser that begins at a Clip or QuantizeLinear; `dequantize` is null where `first` begins
/// none.
QuantizerNodes quantizer_at(const ::onnx::NodeProto& first, const GraphIndex& graph);

/// The Add of a constant that follows a MatMul and is its bias, or null.
const ::onnx::NodeProto* bias_after(const ::onnx::NodeProto& matmul, const GraphIndex& graph);

/// Empty if the importer knows what to do with the node, else a line that names it and says why
/// not.
std::string why_unsupported(const ::onnx::NodeProto& node, const GraphIndex& graph);

/// The supported operators in words, for messages.
const char* supported_operators();

}  // namespace uswim::workloads::onnx_reader
