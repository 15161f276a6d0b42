#pragma once
#include <onnx/onnx_pb.h>

#include <string>

#include "workloads/onnx/graph_index.h"

namespace uswim::workloads::onnx_reader {

/// The QuantizeLinear that alone reads a Clip, which then only limits its codes, or null.
const ::onnx::NodeProto* quantizer_after(const ::onnx::NodeProto& clip, const GraphIndex& graph);
/// The Clip of which a QuantizeLinear is quantizer_after, or null.
const ::onnx::NodeProto* clip_before(const ::onnx::NodeProto& quantize, const GraphIndex& graph);

/// The Add of a constant that follows a MatMul and is its bias, one number per entry of the last
/// axis or, where the images are columns of the product, per row; or null.
const ::onnx::NodeProto* bias_after(const ::onnx::NodeProto& matmul, const GraphIndex& graph,
                                    bool images_last);

/// Empty if the importer knows what to do with the node, else a line that names it and says why
/// not.
std::string why_unsupported(const ::onnx::NodeProto& node, const GraphIndex& graph);

/// The supported operators in words, for messages.
std::string supported_operators();

}  // namespace uswim::workloads::onnx_reader
