#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "workloads/sensitivity/sensitivity.h"

namespace uswim::workloads {
namespace {

/// One fully connected layer behind an input quantiser: there the one-pass recursion is the exact
/// diagonal.
Network one_layer(std::size_t inputs, std::size_t classes) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  Network n;
  n.input = {inputs, 1, 1};
  MatrixLayer layer;
  layer.name = "fc";
  layer.outputs = classes;
  layer.rows = inputs;
  layer.bias.assign(classes, 0.1f);
  for (std::size_t i = 0; i < inputs * classes; ++i) layer.weight.push_back(0.4f * normal(random));
  n.layers.push_back(layer);
  n.nodes = {
      {Operation::Quantize, "quantize", {0}, {inputs, 1, 1}, 0, {}, true, 1.0f / 255, 0, 255},
      {Operation::Matrix, "fc", {1}, {classes, 1, 1}}};
  return n;
}

double mean_cross_entropy(const Network& n, const Dataset& data) {
  std::vector<float> images(data.pixels.size());
  for (std::size_t i = 0; i < images.size(); ++i)
    images[i] = static_cast<float>(data.pixels[i]) / 255.0f;
  const std::vector<float> logits = float_logits(n, images, data.count);
  const std::size_t classes = n.classes();
  double loss = 0.0;
  for (std::size_t i = 0; i < data.count; ++i) {
    double sum = 0.0;
    for (std::size_t c = 0; c < classes; ++c)
      sum += std::exp(static_cast<double>(logits[i * classes + c]));
    loss += std::log(sum) - static_cast<double>(logits[i * classes + data.labels[i]]);
  }
  return loss / static_cast<double>(data.count);
}

// Independent errors of zero mean raise the loss by 1/2 sum H_ii Var_i: the reason for ranking by
// sensitivity.
TEST(LossIncrease, IsHalfTheSumOfSecondDerivativesTimesVariances) {
  Network n = one_layer(12, 4);
  Dataset data;
  data.shape = n.input;
  data.count = 20;
  std::mt19937 random(5);
  for (std::size_t i = 0; i < data.count * 12; ++i)
    data.pixels.push_back(static_cast<std::uint8_t>(random() % 256));
  for (std::size_t i = 0; i < data.count; ++i)
    data.labels.push_back(static_cast<std::uint8_t>(random() % 4));
  const std::vector<float> second = second_derivative(n, data);

  const std::vector<float> weight = n.layers[0].weight;
  std::vector<double> sigma(weight.size());
  double predicted = 0.0;
  for (std::size_t i = 0; i < weight.size(); ++i) {
    sigma[i] = i % 3 == 0 ? 0.06 : 0.02;
    predicted += 0.5 * second[i] * sigma[i] * sigma[i];
  }
  // Pairs of opposite errors cancel the first and third order; the fourth is below 1 % at these
  // sigmas.
  std::normal_distribution<double> normal;
  const double base = mean_cross_entropy(n, data);
  const int pairs = 60000;
  double sum = 0.0, squares = 0.0;
  for (int p = 0; p < pairs; ++p) {
    double increase = -base;
    std::vector<float> error(weight.size());
    for (std::size_t i = 0; i < error.size(); ++i)
      error[i] = static_cast<float>(sigma[i] * normal(random));
    for (const float sign : {1.0f, -1.0f}) {
      for (std::size_t i = 0; i < weight.size(); ++i)
        n.layers[0].weight[i] = weight[i] + sign * error[i];
      increase += 0.5 * mean_cross_entropy(n, data);
    }
    sum += increase / pairs;
    squares += increase * increase / pairs;
  }
  const double standard_error = std::sqrt((squares - sum * sum) / pairs);
  EXPECT_GT(predicted, 200 * standard_error);
  EXPECT_NEAR(sum, predicted, 4.5 * standard_error + 0.01 * predicted);
}

}  // namespace
}  // namespace uswim::workloads
