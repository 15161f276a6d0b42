#include "workloads/onnx/operators.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "workloads/onnx/describe.h"

namespace uswim::workloads::onnx_reader {

using ::onnx::NodeProto;

namespace {

constexpr std::array<std::string_view, 9> kEverywhere{
    "Conv", "Gemm", "MatMul", "Relu", "MaxPool", "Flatten", "Reshape", "Identity", "Dropout"};

const NodeProto* reader_of_first_output(const NodeProto& node, const GraphIndex& graph) {
  return node.output_size() > 0 ? graph.only_consumer(node.output(0)) : nullptr;
}

const NodeProto* writer_of_first_input(const NodeProto& node, const GraphIndex& graph) {
  return node.input_size() > 0 ? graph.producer(node.input(0)) : nullptr;
}

/// What is missing around an operator that is supported in some places only.
const char* missing_context(const NodeProto& node, const GraphIndex& graph) {
  const std::string& type = node.op_type();
  if (type == "Add") {
    for (const std::string& value : node.input())
      if (const NodeProto* writer = graph.producer(value))
        if (writer->op_type() == "MatMul" && bias_after(*writer, graph) == &node) return nullptr;
    return "only as the constant bias of a MatMul";
  }
  if (type == "Clip") {
    return quantizer_at(node, graph).dequantize
               ? nullptr
               : "only in front of QuantizeLinear and DequantizeLinear";
  }
  if (type == "QuantizeLinear") {
    return quantizer_at(node, graph).dequantize ? nullptr : "only in front of DequantizeLinear";
  }
  if (type == "DequantizeLinear") {
    const NodeProto* writer = writer_of_first_input(node, graph);
    return writer && writer->op_type() == "QuantizeLinear" ? nullptr : "only behind QuantizeLinear";
  }
  if (type == "Softmax" || type == "LogSoftmax") {
    return node.output_size() == 1 && node.output(0) == graph.output().name()
               ? nullptr
               : "only at the very end";
  }
  return "";
}

}  // namespace

QuantizerNodes quantizer_at(const NodeProto& first, const GraphIndex& graph) {
  QuantizerNodes nodes;
  nodes.clip = first.op_type() == "Clip" ? &first : nullptr;
  nodes.quantize = nodes.clip ? reader_of_first_output(first, graph) : &first;
  if (nodes.quantize == nullptr || nodes.quantize->op_type() != "QuantizeLinear") return {};
  nodes.dequantize = reader_of_first_output(*nodes.quantize, graph);
  if (nodes.dequantize == nullptr || nodes.dequantize->op_type() != "DequantizeLinear") return {};
  return nodes;
}

const NodeProto* bias_after(const NodeProto& matmul, const GraphIndex& graph) {
  const NodeProto* add = reader_of_first_output(matmul, graph);
  if (add == nullptr || add->op_type() != "Add" || add->input_size() != 2) return nullptr;
  const bool has_constant = graph.constant(add->input(0)) || graph.constant(add->input(1));
  return has_constant ? add : nullptr;
}

std::string why_unsupported(const NodeProto& node, const GraphIndex& graph) {
  if (!node.domain().empty() && node.domain() != "ai.onnx")
    return describe(node) + " of domain " + quoted(node.domain());
  if (std::find(kEverywhere.begin(), kEverywhere.end(), node.op_type()) != kEverywhere.end())
    return "";
  const char* missing = missing_context(node, graph);
  if (missing == nullptr) return "";
  return *missing == '\0' ? describe(node) : describe(node) + ": " + missing;
}

const char* supported_operators() {
  return "Conv, Gemm, MatMul (+ Add of a constant bias), Relu, MaxPool, Flatten, Reshape to a "
         "vector, Clip + QuantizeLinear + DequantizeLinear, Identity, Dropout, Constant, and a "
         "last Softmax or LogSoftmax";
}

}  // namespace uswim::workloads::onnx_reader
