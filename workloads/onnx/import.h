#pragma once
#include <filesystem>

#include "workloads/network/network.h"

namespace uswim::workloads {

/// Reads a classifier from an ONNX file (opset 7 to 17): one chain of nodes from image to logits.
/// Operators: Conv (one group), Gemm, MatMul (+ Add of a constant bias), Relu, MaxPool, Flatten,
/// Reshape (to a vector), Clip(0, c) + QuantizeLinear + DequantizeLinear as one activation
/// quantiser. Identity, Dropout, Constant and a last Softmax or LogSoftmax leave no node.
/// Throws NetworkError, which names the file: every unsupported operator is listed at once with its
/// node's name; a missing, truncated or damaged file, shapes that do not fit, NaN or infinite
/// weights, data kept in another file are named. Nothing but `file` is opened.
Network import_onnx(const std::filesystem::path& file);

}  // namespace uswim::workloads
