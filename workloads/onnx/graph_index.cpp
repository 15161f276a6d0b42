#include "workloads/onnx/graph_index.h"

#include <algorithm>
#include <functional>
#include <queue>

#include "workloads/network/network.h"
#include "workloads/onnx/describe.h"

namespace uswim::workloads::onnx_reader {

using ::onnx::AttributeProto;
using ::onnx::GraphProto;
using ::onnx::NodeProto;
using ::onnx::TensorProto;
using ::onnx::ValueInfoProto;

GraphIndex::GraphIndex(const GraphProto& graph) {
  if (graph.sparse_initializer_size() > 0)
    throw NetworkError("sparse initializers are not supported; store them densely");
  for (const TensorProto& tensor : graph.initializer())
    if (!constants_.emplace(tensor.name(), &tensor).second)
      throw NetworkError(
          fmt::format("two initializers have the same name {}", quoted(tensor.name())));
  find_ends(graph);
  for (const NodeProto& node : graph.node()) {
    for (const std::string& value : node.output()) {
      if (value.empty()) continue;  // an optional output that is left out
      if (constants_.count(value) != 0 || value == input_->name() ||
          !producers_.emplace(value, &node).second)
        refuse(node, "it writes {}, a value that is written elsewhere too", quoted(value));
    }
  }
  sort(graph);
}

void GraphIndex::find_ends(const GraphProto& graph) {
  std::vector<const ValueInfoProto*> inputs;
  for (const ValueInfoProto& value : graph.input())
    // Until IR version 4 every initializer had to be listed as an input as well.
    if (constants_.count(value.name()) == 0) inputs.push_back(&value);
  const auto names = [](const auto& values) {
    std::string text;
    for (const ValueInfoProto* value : values)
      text += (text.empty() ? " (" : ", ") + quoted(value->name());
    return text.empty() ? text : text + ")";
  };
  if (inputs.size() != 1)
    throw NetworkError(fmt::format("the graph has {} inputs{}, expected one: the image",
                                   inputs.size(), names(inputs)));
  std::vector<const ValueInfoProto*> outputs;
  for (const ValueInfoProto& value : graph.output()) outputs.push_back(&value);
  if (outputs.size() != 1)
    throw NetworkError(fmt::format("the graph has {} outputs{}, expected one: the logits",
                                   outputs.size(), names(outputs)));
  input_ = inputs.front();
  output_ = outputs.front();
}

// Kahn's algorithm; among the nodes that are ready, the first in the file is taken.
void GraphIndex::sort(const GraphProto& graph) {
  const int count = graph.node_size();
  std::unordered_map<std::string, std::vector<int>> waiting_for;
  std::vector<std::size_t> missing(static_cast<std::size_t>(count), 0);
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  for (int n = 0; n < count; ++n) {
    const NodeProto& node = graph.node(n);
    for (const std::string& value : node.input()) {
      if (value.empty()) continue;  // an optional input that is left out
      if (producers_.count(value) != 0) {
        waiting_for[value].push_back(n);
        ++missing[static_cast<std::size_t>(n)];
      } else if (constants_.count(value) == 0 && value != input_->name()) {
        refuse(node, "it reads {}, which no node writes and the graph does not get", quoted(value));
      }
    }
    if (missing[static_cast<std::size_t>(n)] == 0) ready.push(n);
  }
  int sorted = 0;
  for (; !ready.empty(); ++sorted) {
    const NodeProto& node = graph.node(ready.top());
    ready.pop();
    if (!take_constant(node)) {
      order_.push_back(&node);
      for (const std::string& value : node.input())
        if (!value.empty()) consumers_[value].push_back(&node);
    }
    for (const std::string& value : node.output())
      for (const int reader : waiting_for[value])
        if (--missing[static_cast<std::size_t>(reader)] == 0) ready.push(reader);
  }
  if (sorted == count) return;
  std::string text = "the graph has a cycle; these nodes wait for each other:";
  for (int n = 0; n < count; ++n)
    if (missing[static_cast<std::size_t>(n)] > 0) text += "\n  " + describe(graph.node(n));
  throw NetworkError(text);
}

bool GraphIndex::take_constant(const NodeProto& node) {
  if (!node.domain().empty() && node.domain() != "ai.onnx") return false;
  const TensorProto* tensor = nullptr;
  if (node.op_type() == "Identity" && node.input_size() == 1) {
    // Exporters copy an initializer that several nodes share.
    tensor = constant(node.input(0));
  } else if (node.op_type() == "Constant" && node.attribute_size() == 1) {
    const AttributeProto& attribute = node.attribute(0);
    TensorProto made;
    made.set_name(name_of(node));
    if (attribute.name() == "value" && attribute.type() == AttributeProto::TENSOR) {
      tensor = &attribute.t();
    } else if (attribute.name() == "value_float") {
      made.set_data_type(TensorProto::FLOAT);
      made.add_float_data(attribute.f());
    } else if (attribute.name() == "value_floats") {
      made.set_data_type(TensorProto::FLOAT);
      made.add_dims(attribute.floats_size());
      *made.mutable_float_data() = attribute.floats();
    } else if (attribute.name() == "value_int") {
      made.set_data_type(TensorProto::INT64);
      made.add_int64_data(attribute.i());
    } else if (attribute.name() == "value_ints") {
      made.set_data_type(TensorProto::INT64);
      made.add_dims(attribute.ints_size());
      *made.mutable_int64_data() = attribute.ints();
    }
    if (tensor == nullptr && made.has_data_type()) {
      made_.push_back(std::move(made));
      tensor = &made_.back();
    }
  }
  if (tensor == nullptr || node.output_size() != 1) return false;
  producers_.erase(node.output(0));
  constants_.emplace(node.output(0), tensor);
  return true;
}

const TensorProto* GraphIndex::constant(const std::string& value) const {
  const auto found = constants_.find(value);
  return found == constants_.end() ? nullptr : found->second;
}

const NodeProto* GraphIndex::producer(const std::string& value) const {
  const auto found = producers_.find(value);
  return found == producers_.end() ? nullptr : found->second;
}

const std::vector<const NodeProto*>& GraphIndex::consumers(const std::string& value) const {
  static const std::vector<const NodeProto*> kNone;
  const auto found = consumers_.find(value);
  return found == consumers_.end() ? kNone : found->second;
}

const NodeProto* GraphIndex::only_consumer(const std::string& value) const {
  const auto& readers = consumers(value);
  return readers.size() == 1 && value != output_->name() ? readers.front() : nullptr;
}

}  // namespace uswim::workloads::onnx_reader
