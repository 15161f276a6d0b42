#pragma once
#include <onnx/onnx_pb.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace uswim::workloads::onnx_reader {

/// The attributes of one node, typed. An attribute that the operator's reader does not know is
/// refused, because ignoring it could change what the node computes.
class AttributeReader {
 public:
  AttributeReader(const ::onnx::NodeProto& node, std::initializer_list<const char*> known);

  bool has(const char* name) const { return find(name) != nullptr; }
  std::int64_t integer(const char* name, std::int64_t fallback) const;
  float real(const char* name, float fallback) const;
  std::string word(const char* name, const std::string& fallback) const;
  std::vector<std::int64_t> integers(const char* name, std::vector<std::int64_t> fallback) const;

 private:
  const ::onnx::AttributeProto* find(const char* name) const;
  const ::onnx::AttributeProto* find(const char* name,
                                     ::onnx::AttributeProto::AttributeType type) const;

  const ::onnx::NodeProto& node_;
};

}  // namespace uswim::workloads::onnx_reader
