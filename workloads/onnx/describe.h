#pragma once
#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "workloads/network/network.h"

namespace uswim::workloads::onnx_reader {

/// A name out of the file between quotes: control characters as \xNN, since a name may hold
/// terminal escapes, and at most 80 of its bytes.
std::string quoted(const std::string& name);

/// "node 'conv1' (Conv)"; an unnamed node is called by its first output.
std::string describe(const ::onnx::NodeProto& node);
/// The node's name, or that of its first output where it has none.
const std::string& name_of(const ::onnx::NodeProto& node);

/// "[16, 3, 3]"
std::string dims_text(const std::vector<std::int64_t>& dims);
/// As ONNX would write it: "[N, 120]" for a vector, "[N, 6, 28, 28]" for an image.
std::string value_text(const Shape& shape, bool vector);

template <class... Args>
[[noreturn]] void refuse(const ::onnx::NodeProto& node, fmt::format_string<Args...> text,
                         Args&&... args) {
  throw NetworkError(describe(node) + ": " + fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace uswim::workloads::onnx_reader
