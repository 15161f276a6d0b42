#pragma once
#include <onnx/onnx_pb.h>

#include <cstdint>
#include <vector>

namespace uswim::workloads::onnx_reader {

/// A constant of the graph (initializer or Constant node), its data checked against its dimensions.
template <class T>
struct Tensor {
  std::vector<std::int64_t> dims;  ///< none for a scalar; each >= 0
  std::vector<T> values;
};

/// T: float, which FLOAT16 and DOUBLE are converted to, or an integer of 64, 32 or 8 bits. Throws
/// NetworkError naming the tensor: another element type, data kept outside of the file, an element
/// count that is not the product of the dimensions.
template <class T>
Tensor<T> read_tensor(const ::onnx::TensorProto& tensor);

/// Whether read_tensor<float> takes elements of this type.
bool is_floating(int data_type);

}  // namespace uswim::workloads::onnx_reader
