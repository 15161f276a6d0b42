#pragma once
#include <functional>
#include <stdexcept>
#include <string>

#include "onnx_builder.h"

namespace uswim::tests {

/// The fault of the small model after `damage`.
inline std::string fault_after(const std::function<void(ModelBuilder&)>& damage) {
  ModelBuilder model = small_model();
  damage(model);
  return model.fault();
}

inline ::onnx::NodeProto& node(ModelBuilder& model, const std::string& name) {
  for (auto& n : *model.graph().mutable_node())
    if (n.name() == name) return n;
  throw std::logic_error("no node " + name);
}

inline ::onnx::TensorProto& tensor(ModelBuilder& model, const std::string& name) {
  for (auto& t : *model.graph().mutable_initializer())
    if (t.name() == name) return t;
  throw std::logic_error("no tensor " + name);
}

}  // namespace uswim::tests
