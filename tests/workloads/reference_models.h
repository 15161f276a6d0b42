#pragma once
#include <string>
#include <vector>

#include "onnx_builder.h"

namespace uswim::tests {

/// A small network with its attributes away from their defaults. Weights and images are numbers of
/// a generator that is part of the name's definition: a model is the same bytes everywhere.
struct ReferenceModel {
  std::string name;
  ModelBuilder model;
  std::vector<std::int64_t> image;  ///< dimensions, without the images' one
  std::vector<float> images;        ///< kReferenceImages of them
};
inline constexpr std::size_t kReferenceImages = 2;

/// Between them: every operator that the importer reads.
std::vector<ReferenceModel> reference_models();

}  // namespace uswim::tests
