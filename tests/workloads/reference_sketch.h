#pragma once
#include <cstdint>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "reference_models.h"

namespace uswim::tests {

using Dims = ModelBuilder::Dims;
using Names = ModelBuilder::Names;
using Ints = std::vector<std::int64_t>;

/// Numbers in [-1, 1): the top bits of a linear congruential generator that starts at the name.
inline std::vector<float> random_numbers(const std::string& name, std::size_t count) {
  std::uint64_t state = 14695981039346656037u;  // FNV-1a
  for (const char c : name) state = (state ^ static_cast<unsigned char>(c)) * 1099511628211u;
  std::vector<float> numbers(count);
  for (float& v : numbers) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    v = static_cast<float>(static_cast<std::int32_t>(state >> 40) - (1 << 23)) / (1 << 23);
  }
  return numbers;
}

inline std::size_t count_of(const Dims& dims) {
  return static_cast<std::size_t>(
      std::accumulate(dims.begin(), dims.end(), std::int64_t{1}, std::multiplies<>()));
}

/// A model builder whose constants are random.
class Sketch : public ModelBuilder {
 public:
  using ModelBuilder::ModelBuilder;
  /// Random numbers of [low, high) under `name`, which is returned.
  std::string random(const std::string& name, const Dims& dims, float low = -1, float high = 1) {
    std::vector<float> values = random_numbers(name, count_of(dims));
    for (float& v : values) v = low + (high - low) * (v + 1) / 2;
    floats(name, dims, values);
    return name;
  }
  std::string number(const std::string& name, float value) {
    floats(name, {}, {value});
    return name;
  }
  std::string ints(const std::string& name, const Ints& values) {
    int64s(name, values);
    return name;
  }
  ::onnx::TensorProto& codes(const std::string& name, const Dims& dims, const Ints& values,
                             ::onnx::TensorProto::DataType type) {
    ::onnx::TensorProto& tensor = int64s(name, {});
    tensor.set_data_type(type);
    tensor.clear_dims();
    for (const std::int64_t d : dims) tensor.add_dims(d);
    for (const std::int64_t v : values) tensor.add_int32_data(static_cast<std::int32_t>(v));
    return tensor;
  }
};

/// Adds nodes that make "x" of "image".
using Fill = std::function<void(Sketch&)>;

class Models {
 public:
  /// `flat`: numbers of x; three classes of random weights follow.
  void add(const std::string& name, const Dims& image, std::int64_t flat, const Fill& fill,
           std::int64_t opset = 13, std::int64_t batch = -1) {
    finish(
        name, image, opset,
        [&](Sketch& s) {
          fill(s);
          s.node("Flatten", "last_flatten", {"x"}, {"last_flat"});
          s.random("last_weight", {flat, 3});
          s.node("MatMul", "last", {"last_flat", "last_weight"}, {"logits"});
        },
        3, batch);
  }
  /// `batch`: images of a run, -1 where the file leaves them open.
  void finish(const std::string& name, const Dims& image, std::int64_t opset, const Fill& fill,
              std::int64_t classes = 3, std::int64_t batch = -1) {
    Sketch s(opset);
    Dims dims{batch};
    dims.insert(dims.end(), image.begin(), image.end());
    s.input("image", dims);
    s.output("logits", {batch, classes});
    fill(s);
    models.push_back(
        {name, s, image, random_numbers("images of " + name, kReferenceImages * count_of(image))});
  }
  std::vector<ReferenceModel> models;
};

/// Pooling, what moves numbers, whole networks: reference_networks.cpp.
void add_pools(Models& models);
void add_shapes(Models& models);
/// Pad, constants beside values, images as columns: reference_borders.cpp.
void add_borders(Models& models);
void add_networks(Models& models);
/// What exporters put around the operators: reference_exports.cpp.
void add_exports(Models& models);

}  // namespace uswim::tests
