#pragma once
#include <filesystem>

#include "workloads/network/network.h"

namespace uswim::workloads {

/// Reads a classifier from an ONNX file (opset 7 to 17). Operators: Conv, Gemm, MatMul (+ Add of a
/// constant bias), Relu, MaxPool, Flatten, Reshape (to a vector), Clip(0, c) + QuantizeLinear +
/// DequantizeLinear as one activation quantiser. Throws NetworkError: every unsupported operator is
/// listed at once with its node's name; a truncated or damaged file, shapes that do not fit, NaN or
/// infinite weights are named.
Network import_onnx(const std::filesystem::path& file);

}  // namespace uswim::workloads
