#pragma once
#include <filesystem>

#include "workloads/network/network.h"

namespace uswim::workloads {

/// Reads a classifier from an ONNX file (opset 7 to 17) with one image as input and logits as
/// output; values may be read by several nodes. Operators: workloads/onnx/operators.cpp. A grouped
/// convolution becomes one per group between Slice and Concat; batch norm and arithmetic with
/// constants become Scale, constants beside values Pad; Clip + QuantizeLinear + DequantizeLinear
/// one activation quantiser. Identity, Dropout, Cast, what works on constants or sizes alone and a
/// last Softmax or LogSoftmax leave no node, nor does what the output does not depend on. Throws
/// NetworkError, which names the file: every unsupported operator is listed at once with its node's
/// name; a missing, truncated or damaged file, shapes that do not fit, NaN or infinite weights,
/// data kept in another file are named. Nothing but `file` is opened.
Network import_onnx(const std::filesystem::path& file);

}  // namespace uswim::workloads
