#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace uswim::workloads {

/// A network file that cannot be used: one sentence with file, node and what was expected.
class NetworkError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Size of one image's value: channels x height x width (a vector has height = width = 1).
struct Shape {
  std::size_t channels = 0;
  std::size_t height = 1;
  std::size_t width = 1;
  std::size_t size() const { return channels * height * width; }
  bool operator==(const Shape& o) const {
    return channels == o.channels && height == o.height && width == o.width;
  }
};

/// Where a convolution or pooling window lies. A fully connected layer is the 1 x 1 window on a 1 x
/// 1 image.
struct Window {
  std::size_t kernel_height = 1, kernel_width = 1;
  std::size_t stride_height = 1, stride_width = 1;
  std::size_t dilation_height = 1, dilation_width = 1;
  std::size_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
};

/// What a Pad node puts around its input, and cuts off from it. The axes are channels, rows,
/// columns.
struct Border {
  enum class Kind { Constant, Edge, Reflect };  ///< the last two repeat what is left of the input
  Kind kind = Kind::Constant;
  std::array<std::ptrdiff_t, 3> before{}, after{};  ///< of each axis; negative: cut off
  /// Constant: of every place of the border, or of each in the order of the result; none: zeros.
  std::vector<float> values = {};
};

/// The matrix of a convolution or fully connected layer: what goes onto crossbars. Row r of the
/// crossbar is input (channel, ky, kx) in that order, r = (channel * kernel_height + ky) *
/// kernel_width + kx.
struct MatrixLayer {
  std::string name;         ///< of the ONNX node
  std::size_t outputs = 0;  ///< columns of the crossbar, before slicing
  std::size_t rows = 0;     ///< input channels * kernel_height * kernel_width
  Window window;
  std::vector<float> weight;  ///< outputs x rows, row-major (ONNX order OIHW)
  std::vector<float> bias;    ///< outputs; digital, never programmed
  /// The file holds the weights as integer codes (DequantizeLinear): training found them on that
  /// grid.
  bool stored_as_codes = false;
  std::vector<float> code_steps = {};  ///< of these codes: one, or one per output; none: not known
};

/// Integer form of a layer's weights: weight = scale * code / (2^bits - 1), |code| <= 2^bits - 1.
struct QuantizedWeights {
  unsigned bits = 0;               ///< of the magnitude; the sign comes on top
  double scale = 0.0;              ///< magnitude of the largest code
  std::vector<std::int16_t> code;  ///< outputs x rows
  double step() const { return scale / static_cast<double>((1u << bits) - 1); }
};
/// Rounds to the nearest code, halves to even; magnitudes above `scale` are clipped. A network
/// trained on this grid passes unchanged; a scale of 0 gives codes 0. Throws NetworkError naming
/// the layer: a weight that is no finite number, `bits` outside [1, 15].
QuantizedWeights quantize_weights(const MatrixLayer& layer, unsigned bits, double scale);
/// With the layer's largest magnitude as scale.
QuantizedWeights quantize_weights(const MatrixLayer& layer, unsigned bits);
/// Whether the weights are whole codes of `bits` bits already, up to the rounding of a float, the
/// largest magnitude being the largest code: they were trained so, or are codes of the file.
bool lies_on_grid(const MatrixLayer& layer, unsigned bits);

/// What a node computes of its inputs x (x0, x1 ... where there are several).
enum class Operation {
  Matrix,       ///< weights times windows of x, plus bias: what goes onto crossbars
  Relu,         ///< max(x, 0)
  LeakyRelu,    ///< x > 0 ? x : slope * x
  Clip,         ///< clamp(x, low, high); ReLU6 is Clip to [0, 6]
  Sigmoid,      ///< 1 / (1 + exp(-x))
  Tanh,         ///< tanh(x)
  Quantize,     ///< scale * code, code = clamp(round_half_even(x / scale), minimum, maximum)
  Scale,        ///< factor[c] * x + offset[c], channel by channel (batch norm, constants)
  Add,          ///< factor[0] * x0 + factor[1] * x1 + ...
  Multiply,     ///< x0 * x1; an input of height and width 1 is spread over the other
  MaxPool,      ///< largest of each window
  AveragePool,  ///< sum of each window over its size; see Node::counts_border
  Flatten,      ///< a vector in the order of x's numbers (channels, rows, columns)
  Reshape,      ///< another shape, the numbers in the same order
  Transpose,    ///< axes (channels, rows, columns) permuted
  Concat,       ///< inputs behind each other along the channels
  Slice,        ///< channels [first_channel, first_channel + shape.channels)
  Pad,          ///< x with a border around it; see Border
};

/// One operation. Values are numbered: value 0 is the network's input, node i writes value i + 1.
struct Node {
  Operation operation = Operation::Matrix;
  std::string name = {};
  std::vector<std::size_t> inputs = {};  ///< values
  Shape shape = {};                      ///< of what it writes
  std::size_t layer = 0;                 ///< Matrix: index into Network::layers
  Window window = {};                    ///< MaxPool, AveragePool
  bool counts_border = true;       ///< AveragePool: whether zeros of the border count as numbers
  float scale = 0.0f;              ///< Quantize: of a code
  int minimum = 0, maximum = 0;    ///< Quantize: codes; a signed one has minimum -maximum - 1
  float slope = 0.0f;              ///< LeakyRelu
  float low = 0.0f, high = 0.0f;   ///< Clip; either may be infinite
  std::vector<float> factor = {};  ///< Scale: per channel; Add: per input
  std::vector<float> offset = {};  ///< Scale: per channel
  std::array<std::size_t, 3> axes{0, 1, 2};  ///< Transpose: axis of x that becomes axis 0, 1, 2
  std::size_t first_channel = 0;             ///< Slice
  Border border = {};                        ///< Pad

  /// Of operations with one input.
  std::size_t input() const { return inputs.front(); }
};

/// A network as imported: nodes in an order in which every input is written before it is read. The
/// last node's value holds the logits.
struct Network {
  Shape input;
  std::vector<Node> nodes;
  std::vector<MatrixLayer> layers;
  std::string content_hash;  ///< of the file it came from and of what was put before it
  std::size_t weights() const;
  std::size_t classes() const { return nodes.back().shape.size(); }
  const Shape& shape_of(std::size_t value) const {
    return value == 0 ? input : nodes[value - 1].shape;
  }
};

}  // namespace uswim::workloads
