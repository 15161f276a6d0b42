#pragma once
#include <onnx/onnx_pb.h>

#include <cstdint>
#include <limits>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "workloads/network/network.h"
#include "workloads/onnx/attributes.h"
#include "workloads/onnx/graph_index.h"
#include "workloads/onnx/tensor.h"
#include "workloads/onnx/window_reader.h"

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
  using Dims = std::vector<std::size_t>;
  /// A value of the ONNX graph as a value of the network.
  struct Value {
    std::size_t index = 0;
    Dims dims = {};            ///< as the file has them, without the images' dimension in front
    float code_scale = 0.0f;   ///< above 0: integer codes, which only DequantizeLinear may read
    bool images_last = false;  ///< the file has [size, N]: the images are columns of a matrix
    std::size_t size() const;
  };
  /// A constant brought to the shape of a value: one number per channel or per element.
  struct Broadcast {
    std::vector<float> values;
    bool per_channel = false;
  };

  /// What Shape gives, and nodes make of it.
  struct Sizes {
    std::vector<std::int64_t> values = {};  ///< kOpenImages: the number of images
    bool scalar = false;                    ///< one number without an axis
  };
  /// Stands for a number of images that the file leaves open; no other value reaches so far.
  static constexpr std::int64_t kOpenImages = std::numeric_limits<std::int64_t>::min();

  void read_input();
  void read_node(const NodeProto& node);
  void check_output() const;

  // matrix_readers.cpp
  void read_convolution(const NodeProto& node);
  void read_gemm(const NodeProto& node);
  void read_matmul(const NodeProto& node);
  // arithmetic_readers.cpp
  void read_relu(const NodeProto& node);
  void read_leaky_relu(const NodeProto& node);
  void read_squashing(const NodeProto& node);
  void read_clip(const NodeProto& node);
  void read_sum(const NodeProto& node);
  void read_product(const NodeProto& node);
  void read_batch_normalization(const NodeProto& node);
  void read_quantize(const NodeProto& node);
  void read_dequantize(const NodeProto& node);
  // border_readers.cpp
  void read_pad(const NodeProto& node);
  void read_concat(const NodeProto& node);
  /// Refuses an input of Concat whose dimensions differ in another axis (1 is the channels).
  void check_joined(const NodeProto& node, int input, Dims dims, const Dims& expected,
                    std::size_t axis) const;
  /// A constant beside values, for one image, with the axis in front along which it is joined.
  std::vector<float> joined_constant(const NodeProto& node, int input, const Dims& expected,
                                     std::size_t axis);
  /// The value with channels of constants before and behind its own.
  Value with_constants(const NodeProto& node, const Value& input, std::vector<float> in_front,
                       const std::vector<float>& behind);
  // shape_readers.cpp
  void read_pool(const NodeProto& node);
  void read_global_pool(const NodeProto& node);
  void read_flatten(const NodeProto& node);
  void read_reshape(const NodeProto& node);
  void read_transpose(const NodeProto& node);
  void read_squeeze(const NodeProto& node);
  void read_dropout(const NodeProto& node);
  void read_cast(const NodeProto& node);
  void read_softmax(const NodeProto& node);
  // size_readers.cpp
  bool computes_sizes(const NodeProto& node) const;
  void read_sizes(const NodeProto& node);
  Sizes shape_sizes(const NodeProto& node) const;
  Sizes gathered_sizes(const NodeProto& node) const;
  Sizes sliced_sizes(const NodeProto& node) const;
  Sizes multiplied_sizes(const NodeProto& node) const;
  /// Sizes computed before, or a constant.
  Sizes sizes_read_by(const NodeProto& node, int input) const;
  static void check_count(const NodeProto& node, const Sizes& sizes);
  static Sizes cut(const Sizes& sizes, std::int64_t start, std::int64_t end);
  static std::string sizes_text(const std::vector<std::int64_t>& sizes);

  void check_inputs(const NodeProto& node, int least, int most) const;
  /// The value that holds the weights of a layer.
  const std::string& weights_of(const NodeProto& node) const;
  bool is_constant(const NodeProto& node, int input) const {
    return graph_.constant(node.input(input)) != nullptr;
  }
  const Value& value_read_by(const NodeProto& node, int input = 0) const;
  /// A value of [N, channels, height, width] or [N, channels, length].
  const Value& image_read_by(const NodeProto& node) const;
  template <class T>
  Tensor<T> constant(const NodeProto& node, int input, const char* what) const;
  float constant_scalar(const NodeProto& node, int input, const char* what) const;
  /// One value per output from a constant that ONNX broadcasts to [N, outputs] or, where the images
  /// are columns, to [outputs, N].
  std::vector<float> broadcast_bias(const NodeProto& node, const Tensor<float>& bias,
                                    std::size_t outputs, bool images_last) const;
  Broadcast broadcast(const NodeProto& node, int input, const Dims& dims) const;
  float quantizer_scale(const NodeProto& node) const;
  /// Whether the codes are signed bytes; the zero point has to be 0.
  bool signed_codes(const NodeProto& node) const;
  struct Limits {
    float low, high;
  };
  Limits clip_limits(const NodeProto& clip) const;

  /// Whether all dimensions behind the channels are 1.
  static bool one_per_channel(const Value& value);
  /// Shape of a value with these dimensions: [C], [C, L], [C, H, W]; further ones join the last.
  static Shape shape_of(const Dims& dims);
  static Node make(Operation operation, const NodeProto& node, const Value& input,
                   const Shape& shape);
  Value add(Node node, Dims dims);
  /// Of a node that works number by number.
  Value add_alike(Node node, const Value& input);
  Value add_matrix(const NodeProto& node, MatrixLayer layer, const Value& input, Dims dims);
  /// A matrix of [inputs][outputs] or, transposed, [outputs][inputs] on one axis of a value.
  Value add_fully_connected(const NodeProto& node, const Value& input, std::size_t axis,
                            const Tensor<float>& matrix, bool transposed, std::vector<float> bias);
  /// factor * x + offset; either may be empty.
  Value add_scale(const NodeProto& node, const Value& input, Broadcast factor, Broadcast offset);
  Value reshaped(const NodeProto& node, const Value& input, Dims dims);
  /// Axis i of the result is axis order[i] of the input.
  Value transpose(const NodeProto& node, const Value& input, const Dims& order);
  /// Counts what a node adds to the network's numbers, and refuses too many of them.
  void charge(const NodeProto& node, std::size_t numbers);
  void check_finite(const NodeProto& node, const std::vector<float>& values,
                    const char* what) const;
  void bind(const NodeProto& node, Value value) { values_[node.output(0)] = std::move(value); }
  static std::string text(const Value& value);

  const GraphIndex& graph_;
  const std::int64_t opset_;
  Network network_;
  std::int64_t batch_ = -1;  ///< images per run that the file fixes; -1: any
  std::size_t numbers_ = 0;  ///< weights, biases, factors, offsets
  std::unordered_map<std::string, Value> values_;
  std::unordered_map<std::string, Sizes> sizes_;
  std::unordered_set<const NodeProto*> folded_;  ///< read together with an earlier node
};

}  // namespace uswim::workloads::onnx_reader
