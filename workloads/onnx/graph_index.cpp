#include "workloads/onnx/graph_index.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <queue>
#include <unordered_set>
#include <utility>

#include "workloads/network/network.h"
#include "workloads/onnx/attributes.h"
#include "workloads/onnx/constants.h"
#include "workloads/onnx/describe.h"
#include "workloads/onnx/tensor.h"

namespace uswim::workloads::onnx_reader {

using ::onnx::GraphProto;
using ::onnx::NodeProto;
using ::onnx::TensorProto;
using ::onnx::ValueInfoProto;

GraphIndex::GraphIndex(const GraphProto& graph, std::int64_t opset) : opset_(opset) {
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
  drop_unread();
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
    if (!take_constant(node)) order_.push_back(&node);
    for (const std::string& value : node.output())
      for (const int reader : waiting_for[value])
        if (--missing[static_cast<std::size_t>(reader)] == 0) ready.push(reader);
  }
  if (sorted < count) refuse_cycle(graph, missing);
}

// Every node that still waits reads a value of another one that does. Going back from any of them
// ends on a cycle, while others may only lie behind it.
void GraphIndex::refuse_cycle(const GraphProto& graph, const std::vector<std::size_t>& missing) {
  std::unordered_map<std::string, int> waiting;  // by what they write
  int at = 0;
  for (int n = 0; n < graph.node_size(); ++n) {
    if (missing[static_cast<std::size_t>(n)] == 0) continue;
    at = n;
    for (const std::string& value : graph.node(n).output()) waiting.emplace(value, n);
  }
  std::vector<int> way;
  std::vector<bool> seen(missing.size(), false);
  while (!seen[static_cast<std::size_t>(at)]) {
    seen[static_cast<std::size_t>(at)] = true;
    way.push_back(at);
    for (const std::string& value : graph.node(at).input()) {
      const auto writer = waiting.find(value);
      if (value.empty() || writer == waiting.end()) continue;
      at = writer->second;
      break;
    }
  }
  std::string text = "the graph has a cycle; each of these nodes waits for the next one:";
  for (auto n = std::find(way.begin(), way.end(), at); n != way.end(); ++n)
    text += "\n  " + describe(graph.node(*n));
  throw NetworkError(text);
}

bool GraphIndex::take_constant(const NodeProto& node) {
  if (node.output_size() != 1) return false;
  std::optional<TensorProto> folded =
      fold_constant(node, opset_, [this](const std::string& value) { return constant(value); });
  if (!folded) return false;
  if (folded->name().empty()) folded->set_name(name_of(node));
  folded_bytes_ += folded->ByteSizeLong();
  if (folded_bytes_ > kMaximumParameters * sizeof(float))
    refuse(node, "the constants computed up to here have more than {} elements",
           kMaximumParameters);
  made_.push_back(std::move(*folded));
  producers_.erase(node.output(0));
  constants_.emplace(node.output(0), &made_.back());
  note_codes(node);
  return true;
}

/// Follows a dimension of `from` through a node that only moves it to `to`; false where it is not
/// one there.
static bool moves_axis(const NodeProto& node, const TensorProto& from, const TensorProto& to,
                       std::size_t& axis) {
  if (node.op_type() == "Identity") return true;
  if (node.op_type() == "Transpose") {
    const auto rank = static_cast<std::size_t>(from.dims_size());
    std::vector<std::int64_t> order = AttributeReader(node, {"perm"}).integers("perm", {});
    for (std::size_t i = 0; order.size() < rank; ++i)
      order.push_back(static_cast<std::int64_t>(rank - 1 - i));
    const auto at = std::find(order.begin(), order.end(), static_cast<std::int64_t>(axis));
    if (at == order.end()) return false;
    axis = static_cast<std::size_t>(at - order.begin());
    return true;
  }
  // Numbers in the same order: the first dimension stays where it is as long.
  return axis == 0 && from.dims_size() > 0 && to.dims_size() > 0 && from.dims(0) == to.dims(0);
}

void GraphIndex::note_codes(const NodeProto& node) {
  if (node.op_type() == "DequantizeLinear") {
    CodeSteps codes{read_tensor<float>(*constant(node.input(1))).values, 0};
    if (codes.steps.size() > 1)
      codes.axis = normal_axis(node, AttributeReader(node, {"axis"}).integer("axis", 1),
                               static_cast<std::size_t>(made_.back().dims_size()));
    code_steps_.emplace(node.output(0), std::move(codes));
  } else if (node.input_size() > 0 && holds_codes(node.input(0)) && only_moves(node)) {
    CodeSteps codes = code_steps_.at(node.input(0));
    if (codes.steps.size() > 1 &&
        !moves_axis(node, *constant(node.input(0)), made_.back(), codes.axis))
      codes.steps.clear();
    code_steps_.emplace(node.output(0), std::move(codes));
  }
}

// Walks backwards: a node comes after all that it reads.
void GraphIndex::drop_unread() {
  std::unordered_set<std::string> read{output_->name()};
  std::vector<const NodeProto*> kept;
  for (auto node = order_.rbegin(); node != order_.rend(); ++node) {
    const auto& outputs = (*node)->output();
    if (std::none_of(outputs.begin(), outputs.end(),
                     [&](const std::string& value) { return read.count(value) != 0; }))
      continue;
    kept.push_back(*node);
    for (const std::string& value : (*node)->input())
      if (!value.empty()) read.insert(value);
  }
  order_.assign(kept.rbegin(), kept.rend());
  for (const NodeProto* node : order_)
    for (const std::string& value : node->input())
      if (!value.empty()) consumers_[value].push_back(node);
}

const TensorProto* GraphIndex::constant(const std::string& value) const {
  const auto found = constants_.find(value);
  return found == constants_.end() ? nullptr : found->second;
}

std::vector<float> GraphIndex::code_steps(const std::string& value, std::size_t axis) const {
  const auto found = code_steps_.find(value);
  if (found == code_steps_.end()) return {};
  const CodeSteps& codes = found->second;
  return codes.steps.size() == 1 || codes.axis == axis ? codes.steps : std::vector<float>();
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
