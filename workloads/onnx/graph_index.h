#pragma once
#include <onnx/onnx_pb.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

namespace uswim::workloads::onnx_reader {

/// Who writes and reads each value of an ONNX graph. Refers to the graph, which must outlive it.
class GraphIndex {
 public:
  /// Throws NetworkError: a value written twice, an input that nothing writes, a cycle, not exactly
  /// one input and one output.
  GraphIndex(const ::onnx::GraphProto& graph, std::int64_t opset);

  /// Nodes that compute on values, in an order in which every input is written before it is read.
  /// Nodes that compute on constants (fold_constant) and nodes that the output does not depend on
  /// are not among them.
  const std::vector<const ::onnx::NodeProto*>& order() const { return order_; }
  const ::onnx::ValueInfoProto& input() const { return *input_; }
  const ::onnx::ValueInfoProto& output() const { return *output_; }
  /// Null unless `value` is an initializer or what a node makes of constants.
  const ::onnx::TensorProto* constant(const std::string& value) const;
  /// Whether a constant is what DequantizeLinear makes of integer codes, moved or not.
  bool holds_codes(const std::string& value) const { return code_steps_.count(value) != 0; }
  /// The steps of these codes: one, or one for each index of dimension `axis`. None where they are
  /// steps along another dimension, or not known any more.
  std::vector<float> code_steps(const std::string& value, std::size_t axis) const;
  /// Null for constants and the graph's input.
  const ::onnx::NodeProto* producer(const std::string& value) const;
  /// Once for each time that a node reads it.
  const std::vector<const ::onnx::NodeProto*>& consumers(const std::string& value) const;
  /// The node that alone reads `value`, or null.
  const ::onnx::NodeProto* only_consumer(const std::string& value) const;

 private:
  void find_ends(const ::onnx::GraphProto& graph);
  void sort(const ::onnx::GraphProto& graph);
  /// Throws, naming the nodes of one cycle. `missing`: inputs that each node waits for.
  [[noreturn]] static void refuse_cycle(const ::onnx::GraphProto& graph,
                                        const std::vector<std::size_t>& missing);
  /// True if the node was a constant and needs no computing.
  bool take_constant(const ::onnx::NodeProto& node);
  void note_codes(const ::onnx::NodeProto& node);
  void drop_unread();

  struct CodeSteps {
    std::vector<float> steps;
    std::size_t axis = 0;  ///< dimension of the constant, where there are several
  };

  const std::int64_t opset_;
  const ::onnx::ValueInfoProto* input_ = nullptr;
  const ::onnx::ValueInfoProto* output_ = nullptr;
  std::unordered_map<std::string, const ::onnx::TensorProto*> constants_;
  std::deque<::onnx::TensorProto> made_;                   ///< by fold_constant
  std::unordered_map<std::string, CodeSteps> code_steps_;  ///< of constants that hold codes
  std::size_t folded_bytes_ = 0;
  std::unordered_map<std::string, const ::onnx::NodeProto*> producers_;
  std::unordered_map<std::string, std::vector<const ::onnx::NodeProto*>> consumers_;
  std::vector<const ::onnx::NodeProto*> order_;
};

}  // namespace uswim::workloads::onnx_reader
