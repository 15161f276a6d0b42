#include "workloads/onnx/describe.h"

namespace uswim::workloads::onnx_reader {

std::string quoted(const std::string& name) {
  constexpr std::size_t kLongest = 80;
  std::string text = "'";
  for (std::size_t i = 0; i < name.size() && i < kLongest; ++i) {
    const auto byte = static_cast<unsigned char>(name[i]);
    if (byte < 0x20 || byte >= 0x7f || byte == '\'' || byte == '\\')
      text += fmt::format("\\x{:02x}", byte);
    else
      text += name[i];
  }
  return text + (name.size() > kLongest ? "...'" : "'");
}

const std::string& name_of(const ::onnx::NodeProto& node) {
  if (!node.name().empty() || node.output_size() == 0) return node.name();
  return node.output(0);
}

std::string describe(const ::onnx::NodeProto& node) {
  const std::string type = quoted(node.op_type());
  return fmt::format("node {} ({})", quoted(name_of(node)), type.substr(1, type.size() - 2));
}

std::string dims_text(const std::vector<std::int64_t>& dims) {
  return fmt::format("[{}]", fmt::join(dims, ", "));
}

std::string value_text(const Shape& shape, bool vector) {
  return vector ? fmt::format("[N, {}]", shape.size())
                : fmt::format("[N, {}, {}, {}]", shape.channels, shape.height, shape.width);
}

}  // namespace uswim::workloads::onnx_reader
