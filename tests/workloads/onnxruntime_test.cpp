// Does an imported network compute what ONNX Runtime makes of the same file?
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "reference_models.h"
#include "workloads/sensitivity/sensitivity.h"

namespace uswim::tests {
namespace {

using namespace workloads;

nlohmann::json recorded_logits() {
  std::ifstream in(std::string(USWIM_SOURCE_DIR) + "/tests/workloads/onnxruntime/logits.json");
  return nlohmann::json::parse(in);
}

/// The Softmax or LogSoftmax that a file ends in and a Network leaves out.
void apply_softmax(std::vector<float>& logits, std::size_t classes, bool logarithm) {
  for (std::size_t first = 0; first < logits.size(); first += classes) {
    double sum = 0.0;
    for (std::size_t c = 0; c < classes; ++c)
      sum += std::exp(static_cast<double>(logits[first + c]));
    for (std::size_t c = 0; c < classes; ++c) {
      const double log_p = static_cast<double>(logits[first + c]) - std::log(sum);
      logits[first + c] = static_cast<float>(logarithm ? log_p : std::exp(log_p));
    }
  }
}

TEST(ImportedNetworks, ComputeWhatOnnxRuntimeDoes) {
  const nlohmann::json recorded = recorded_logits();
  const auto models = reference_models();
  EXPECT_EQ(models.size(), recorded.size());
  for (const ReferenceModel& reference : models) {
    SCOPED_TRACE(reference.name);
    Network network;
    std::vector<float> found;
    try {
      network = reference.model.import();
      found = float_logits(network, reference.images, kReferenceImages);
    } catch (const NetworkError& error) {
      ADD_FAILURE() << error.what();
      continue;
    }
    if (reference.name.find("oftmax") != std::string::npos)
      apply_softmax(found, network.classes(), reference.name.find("Log") == 0);
    const auto expected = recorded.value(reference.name, std::vector<float>{});
    ASSERT_EQ(found.size(), expected.size());
    float largest = 0.0f;
    for (const float v : expected) largest = std::max(largest, std::abs(v));
    for (std::size_t i = 0; i < found.size(); ++i)
      EXPECT_NEAR(found[i], expected[i], 1e-4f * largest) << i;
  }
}

}  // namespace
}  // namespace uswim::tests
