#include "workloads/onnx/operators.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "workloads/onnx/describe.h"

namespace uswim::workloads::onnx_reader {

using ::onnx::NodeProto;

namespace {

constexpr std::array<std::string_view, 30> kEverywhere{"Conv",
                                                       "Gemm",
                                                       "MatMul",
                                                       "Add",
                                                       "Sub",
                                                       "Mul",
                                                       "Div",
                                                       "Relu",
                                                       "LeakyRelu",
                                                       "Clip",
                                                       "Sigmoid",
                                                       "Tanh",
                                                       "MaxPool",
                                                       "AveragePool",
                                                       "GlobalAveragePool",
                                                       "ReduceMean",
                                                       "Flatten",
                                                       "Reshape",
                                                       "Transpose",
                                                       "Squeeze",
                                                       "Unsqueeze",
                                                       "Concat",
                                                       "Pad",
                                                       "Identity",
                                                       "Dropout",
                                                       "Cast",
                                                       "Shape",
                                                       "Constant",
                                                       "QuantizeLinear",
                                                       "BatchNormalization"};

/// Whether the output is what the node writes, handed on by Identity or Dropout alone.
bool is_last(const NodeProto& node, const GraphIndex& graph) {
  const NodeProto* last = &node;
  while (last->output_size() > 0 && last->output(0) != graph.output().name()) {
    last = graph.only_consumer(last->output(0));
    if (last == nullptr || (last->op_type() != "Identity" && last->op_type() != "Dropout"))
      return false;
  }
  return last->output_size() > 0;
}

/// Whether the node takes its sizes, by way of others that do, from a Shape.
bool comes_from_shape(const NodeProto& node, const GraphIndex& graph) {
  constexpr int kLongestChain = 64;  // one of thousands would be walked once for each of them
  const NodeProto* at = &node;
  for (int steps = 0; at != nullptr && steps < kLongestChain; ++steps) {
    if (at->op_type() == "Shape") return true;
    const NodeProto* writer = nullptr;
    for (const std::string& value : at->input())
      if (writer == nullptr) writer = graph.producer(value);
    at = writer;
  }
  return false;
}

/// What is missing around an operator that is supported in some places only; null: nothing.
const char* missing_context(const NodeProto& node, const GraphIndex& graph) {
  const std::string& type = node.op_type();
  if (type == "DequantizeLinear") {
    const NodeProto* writer = node.input_size() > 0 ? graph.producer(node.input(0)) : nullptr;
    return writer && writer->op_type() == "QuantizeLinear"
               ? nullptr
               : "only behind QuantizeLinear and of constants";
  }
  if (type == "Softmax" || type == "LogSoftmax")
    return is_last(node, graph) ? nullptr : "only at the very end";
  if (type == "Gather" || type == "Slice")
    return comes_from_shape(node, graph) ? nullptr
                                         : "only of constants and of the sizes that Shape gives";
  if (type == "ConstantOfShape") return "only of constants";
  return "";
}

}  // namespace

const NodeProto* quantizer_after(const NodeProto& clip, const GraphIndex& graph) {
  const NodeProto* reader = clip.output_size() > 0 ? graph.only_consumer(clip.output(0)) : nullptr;
  return reader != nullptr && reader->op_type() == "QuantizeLinear" ? reader : nullptr;
}

const NodeProto* clip_before(const NodeProto& quantize, const GraphIndex& graph) {
  const NodeProto* writer = quantize.input_size() > 0 ? graph.producer(quantize.input(0)) : nullptr;
  return writer != nullptr && writer->op_type() == "Clip" &&
                 quantizer_after(*writer, graph) == &quantize
             ? writer
             : nullptr;
}

const NodeProto* bias_after(const NodeProto& matmul, const GraphIndex& graph, bool images_last) {
  const NodeProto* add = matmul.output_size() > 0 ? graph.only_consumer(matmul.output(0)) : nullptr;
  if (add == nullptr || add->op_type() != "Add" || add->input_size() != 2) return nullptr;
  for (const std::string& name : add->input()) {
    const auto* constant = graph.constant(name);
    if (constant == nullptr) continue;
    const int rank = constant->dims_size();
    if (images_last ? rank == 2 && constant->dims(1) == 1
                    : rank < 2 || (rank == 2 && constant->dims(0) == 1))
      return add;
  }
  return nullptr;
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

std::string supported_operators() {
  return fmt::format(
      "{}, DequantizeLinear of constants and behind QuantizeLinear, Gather and Slice of constants "
      "and of the sizes that Shape gives, ConstantOfShape of constants, and a last Softmax or "
      "LogSoftmax",
      fmt::join(kEverywhere, ", "));
}

}  // namespace uswim::workloads::onnx_reader
