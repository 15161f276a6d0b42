#include "workloads/onnx/attributes.h"

#include <algorithm>
#include <set>

#include "workloads/onnx/describe.h"

namespace uswim::workloads::onnx_reader {

using ::onnx::AttributeProto;

AttributeReader::AttributeReader(const ::onnx::NodeProto& node,
                                 std::initializer_list<const char*> known)
    : node_(node) {
  std::set<std::string> seen;
  for (const AttributeProto& attribute : node.attribute()) {
    if (std::find(known.begin(), known.end(), attribute.name()) == known.end())
      refuse(node, "attribute {} is not supported", quoted(attribute.name()));
    if (!seen.insert(attribute.name()).second)
      refuse(node, "attribute {} is given twice", quoted(attribute.name()));
  }
}

std::int64_t AttributeReader::integer(const char* name, std::int64_t fallback) const {
  const AttributeProto* attribute = find(name, AttributeProto::INT);
  return attribute ? attribute->i() : fallback;
}

float AttributeReader::real(const char* name, float fallback) const {
  const AttributeProto* attribute = find(name, AttributeProto::FLOAT);
  return attribute ? attribute->f() : fallback;
}

std::string AttributeReader::word(const char* name, const std::string& fallback) const {
  const AttributeProto* attribute = find(name, AttributeProto::STRING);
  return attribute ? attribute->s() : fallback;
}

std::vector<std::int64_t> AttributeReader::integers(const char* name,
                                                    std::vector<std::int64_t> fallback) const {
  const AttributeProto* attribute = find(name, AttributeProto::INTS);
  if (attribute == nullptr) return fallback;
  return {attribute->ints().begin(), attribute->ints().end()};
}

const AttributeProto* AttributeReader::find(const char* name) const {
  for (const AttributeProto& attribute : node_.attribute())
    if (attribute.name() == name) return &attribute;
  return nullptr;
}

const AttributeProto* AttributeReader::find(const char* name,
                                            AttributeProto::AttributeType type) const {
  const AttributeProto* attribute = find(name);
  if (attribute != nullptr && attribute->type() != type)
    refuse(node_, "attribute '{}' has type {}, expected {}", name,
           AttributeProto::AttributeType_Name(attribute->type()),
           AttributeProto::AttributeType_Name(type));
  return attribute;
}

}  // namespace uswim::workloads::onnx_reader
