#pragma once
#include <onnx/onnx_pb.h>

#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "workloads/network/network.h"
#include "workloads/onnx/graph_index.h"
#include "workloads/onnx/tensor.h"

namespace uswim::workloads::onnx_reader {

/// Turns the nodes of an indexed graph into a Network, with shape inference. `opset` is the version
/// that the file states. All operators have been found supported (why_unsupported).
class NetworkBuilder {
 public:
  NetworkBuilder(const GraphIndex& graph, std::int64_t opset) : graph_(graph), opset_(opset) {}
  /// Throws NetworkError naming the node.
  Network build();

 private:
  using NodeProto = ::onnx::NodeProto;
  /// A value of the ONNX graph as a value of the network.
  struct Value {
    std::size_t index = 0;
    bool vector = false;  ///< [N, size] in the file; otherwise [N, channels, height, width]
  };

  void check_single_chain() const;
  void read_input();
  void read_node(const NodeProto& node);
  void check_output() const;

  void read_convolution(const NodeProto& node);
  void read_gemm(const NodeProto& node);
  void read_matmul(const NodeProto& node);
  void read_max_pool(const NodeProto& node);
  void read_flatten(const NodeProto& node);
  void read_reshape(const NodeProto& node);
  void read_dropout(const NodeProto& node);
  void read_softmax(const NodeProto& node);
  void read_quantizer(const NodeProto& first);

  void check_inputs(const NodeProto& node, int least, int most) const;
  const Value& value_read_by(const NodeProto& node, int input = 0) const;
  const Value& vector_read_by(const NodeProto& node) const;
  const Value& image_read_by(const NodeProto& node) const;
  const Shape& shape_of(const Value& value) const { return network_.shape_of(value.index); }
  template <class T>
  Tensor<T> constant(const NodeProto& node, int input, const char* what) const;
  float constant_scalar(const NodeProto& node, int input, const char* what) const;
  float quantizer_scale(const NodeProto& node) const;
  /// Upper end of a Clip whose lower end is 0.
  float clip_limit(const NodeProto& clip) const;

  /// A fully connected layer from `matrix`, [inputs][outputs] or, transposed, [outputs][inputs].
  void add_fully_connected(const NodeProto& node, const NodeProto& last,
                           const Tensor<float>& matrix, bool transposed, std::vector<float> bias);
  void add_matrix_layer(const NodeProto& node, MatrixLayer layer, const Shape& shape, bool vector,
                        const std::string& output);
  /// One value per output from a constant that ONNX broadcasts to [N, outputs].
  std::vector<float> broadcast_bias(const NodeProto& node, const Tensor<float>& bias,
                                    std::size_t outputs) const;
  static Node make(Operation operation, const NodeProto& node, const Value& input,
                   const Shape& shape);
  void add_flatten(const NodeProto& node);
  void add_node(Node node, const std::string& output, bool vector);
  void pass_through(const NodeProto& node) { values_[node.output(0)] = value_read_by(node); }

  const GraphIndex& graph_;
  const std::int64_t opset_;
  Network network_;
  std::int64_t batch_ = -1;  ///< images per run that the file fixes; -1: any
  std::unordered_map<std::string, Value> values_;
  std::unordered_set<const NodeProto*> folded_;  ///< read together with an earlier node
};

}  // namespace uswim::workloads::onnx_reader
