#include "experiment/correlation.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <utility>

#include "experiment/measures.h"
#include "experiment/result_files.h"
#include "support/random.h"
#include "support/results.h"
#include "workloads/sensitivity/sensitivity.h"
#include "workloads/sensitivity/softmax.h"

namespace uswim::experiment {
namespace {

using workloads::MatrixLayer;
using workloads::Network;

/// Accuracy and mean cross entropy over the first images.
class FloatEvaluation {
 public:
  FloatEvaluation(const workloads::Dataset& data, std::size_t count,
                  workloads::ComputeOptions options)
      : data_(data), count_(std::min(count, data.count)), options_(std::move(options)) {
    images_.reserve(count_ * data.shape.size());
    for (std::size_t i = 0; i < count_ * data.shape.size(); ++i)
      images_.push_back(static_cast<float>(data.pixels[i]) / 255.0f);
  }
  struct Outcome {
    double accuracy = 0.0, loss = 0.0;
  };
  Outcome of(const Network& network) const {
    const std::vector<float> all =
        workloads::float_logits(network, images_, count_, true, options_);
    const std::size_t classes = network.classes();
    Outcome sum;
    for (std::size_t n = 0; n < count_; ++n) {
      const auto first = all.begin() + static_cast<std::ptrdiff_t>(n * classes);
      const std::vector<float> logits(first, first + static_cast<std::ptrdiff_t>(classes));
      const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
      sum.accuracy += best == data_.labels[n] ? 1.0 : 0.0;
      sum.loss += workloads::cross_entropy(logits, data_.labels[n]);
    }
    const auto images = static_cast<double>(count_);
    return {sum.accuracy / images, sum.loss / images};
  }

 private:
  const workloads::Dataset& data_;
  const std::size_t count_;
  const workloads::ComputeOptions options_;
  std::vector<float> images_;
};

/// `count` of `weights` numbers without replacement, ascending.
std::vector<std::size_t> sample(std::size_t weights, std::size_t count, std::uint64_t seed) {
  std::vector<std::size_t> order(weights);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::vector<std::uint64_t> word;
  for (std::size_t w = 0; w < weights; ++w)
    word.push_back(support::uniform_word({seed, 0, support::Stream::CorrelationSample}, w));
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return word[a] != word[b] ? word[a] < word[b] : a < b;
  });
  order.resize(std::min(count, weights));
  std::sort(order.begin(), order.end());
  return order;
}

std::vector<double> ranks(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> rank(values.size());
  for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    for (std::size_t i = begin; i < end; ++i)
      rank[order[i]] = 0.5 * static_cast<double>(begin + end - 1);
  }
  return rank;
}

/// The network that an ideal chip holds.
Network quantized(const Workload& workload) {
  Network network = workload.network;
  for (std::size_t l = 0; l < network.layers.size(); ++l)
    for (std::size_t w = 0; w < network.layers[l].weight.size(); ++w)
      network.layers[l].weight[w] =
          static_cast<float>(workload.weights[l].step() * workload.weights[l].code[w]);
  return network;
}

}  // namespace

std::vector<PerturbedWeight> perturb_weights(const Network& network,
                                             const workloads::Dataset& images,
                                             const std::vector<float>& second_derivative,
                                             const CorrelationConfig& config, std::uint64_t seed,
                                             unsigned threads, const Progress& progress) {
  const std::vector<std::size_t> chosen = sample(network.weights(), config.weights, seed);
  std::vector<PerturbedWeight> result;
  workloads::ComputeOptions options;
  options.threads = threads;
  options.between_nodes = [&] { progress("weights moved", result.size(), chosen.size()); };
  const FloatEvaluation evaluation(images, config.images, options);
  const FloatEvaluation::Outcome start = evaluation.of(network);
  Network moved = network;
  std::size_t first = 0, next = 0;
  for (std::size_t l = 0; l < moved.layers.size(); ++l) {
    std::vector<float>& weight = moved.layers[l].weight;
    double largest = 0.0;
    for (const float w : weight) largest = std::max(largest, std::abs(static_cast<double>(w)));
    for (; next < chosen.size() && chosen[next] < first + weight.size(); ++next) {
      float& w = weight[chosen[next] - first];
      const float before = w;
      PerturbedWeight p;
      p.weight = chosen[next];
      p.layer = l;
      p.magnitude = largest > 0.0 ? std::abs(static_cast<double>(before)) / largest : 0.0;
      p.second_derivative = static_cast<double>(second_derivative[p.weight]);
      p.perturbation = config.perturbation * largest;
      for (const double side : {1.0, -1.0}) {
        w = static_cast<float>(static_cast<double>(before) + side * p.perturbation);
        const FloatEvaluation::Outcome outcome = evaluation.of(moved);
        p.accuracy_drop += 0.5 * (start.accuracy - outcome.accuracy);
        p.loss_increase += 0.5 * (outcome.loss - start.loss);
      }
      w = before;
      result.push_back(p);
    }
    first += weight.size();
  }
  return result;
}

std::optional<double> linear_correlation(const std::vector<double>& x,
                                         const std::vector<double>& y) {
  const auto mean = [](const std::vector<double>& v) {
    return std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
  };
  const double mean_x = mean(x), mean_y = mean(y);
  double xy = 0.0, xx = 0.0, yy = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mean_x) * (y[i] - mean_y);
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    yy += (y[i] - mean_y) * (y[i] - mean_y);
  }
  if (!(xx > 0.0 && yy > 0.0)) return std::nullopt;
  return xy / std::sqrt(xx * yy);
}

std::optional<double> rank_correlation(const std::vector<double>& x, const std::vector<double>& y) {
  return linear_correlation(ranks(x), ranks(y));
}

Correlations correlations(const std::vector<PerturbedWeight>& weights, Correlate correlate) {
  std::vector<double> magnitude, second, predicted, loss, accuracy;
  for (const PerturbedWeight& w : weights) {
    magnitude.push_back(w.magnitude);
    second.push_back(w.second_derivative);
    predicted.push_back(w.predicted_increase());
    loss.push_back(w.loss_increase);
    accuracy.push_back(w.accuracy_drop);
  }
  return {correlate(loss, magnitude),  correlate(loss, second),
          correlate(loss, predicted),  correlate(accuracy, magnitude),
          correlate(accuracy, second), correlate(accuracy, predicted)};
}

CorrelationStudy run_correlation(const LoadedConfig& loaded, const RunOptions& options) {
  const Config& config = loaded.config;
  check_files(loaded);
  support::ResultDirectory directory(options.output, result_file_names());
  for (const workloads::DataSource* images : {&config.workload.test, &config.workload.sensitivity})
    if (images->images.empty())
      throw workloads::NetworkError(
          "to move weights takes images: 'workload.test' and 'workload.sensitivity'");
  const Workload workload = load_workload(config.workload, options.progress, options.jobs);
  const std::vector<float> second_derivative =
      load_second_derivative(workload, config, options.cache, options.progress, options.jobs);
  const std::vector<PerturbedWeight> weights =
      perturb_weights(quantized(workload), workload.test, second_derivative, config.correlation,
                      config.seed, options.jobs, options.progress);
  support::CsvTable table({"weight", "layer", "magnitude", "second_derivative", "perturbation",
                           "predicted_loss_increase", "accuracy_drop", "loss_increase"});
  for (const PerturbedWeight& w : weights) {
    table.cell(static_cast<std::uint64_t>(w.weight))
        .cell(workload.network.layers[w.layer].name)
        .cell(w.magnitude)
        .cell(w.second_derivative)
        .cell(w.perturbation)
        .cell(w.predicted_increase())
        .cell(w.accuracy_drop)
        .cell(w.loss_increase);
    table.end_row();
  }
  const CorrelationStudy found{correlations(weights, rank_correlation),
                               correlations(weights, linear_correlation)};
  using nlohmann::ordered_json;
  const auto number = [](std::optional<double> value) {
    return value ? ordered_json(*value) : ordered_json(nullptr);
  };
  const auto json = [&](const Correlations& c) {
    return ordered_json{{"loss_increase",
                         {{"magnitude", number(c.loss_magnitude)},
                          {"second_derivative", number(c.loss_second_derivative)},
                          {"predicted_loss_increase", number(c.loss_predicted)}}},
                        {"accuracy_drop",
                         {{"magnitude", number(c.accuracy_magnitude)},
                          {"second_derivative", number(c.accuracy_second_derivative)},
                          {"predicted_loss_increase", number(c.accuracy_predicted)}}}};
  };
  const ordered_json summary{{"weights", weights.size()},
                             {"images", std::min(config.correlation.images, workload.test.count)},
                             {"perturbation", config.correlation.perturbation},
                             {"seed", config.seed},
                             {"config_hash", loaded.hash},
                             {"network_hash", workload.network.content_hash},
                             {"test_data_hash", workload.test.content_hash},
                             {"rank_correlation", json(found.rank)},
                             {"linear_correlation", json(found.linear)}};
  directory.write("correlation.csv", table.bytes());
  directory.write("summary.json", summary.dump(2) + "\n");
  directory.write("config.yaml",
                  loaded.document.resolved_yaml(std::filesystem::absolute(options.output)));
  directory.commit();
  return found;
}

}  // namespace uswim::experiment
