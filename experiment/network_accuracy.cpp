#include "experiment/network_accuracy.h"

#include <algorithm>
#include <vector>

#include "workloads/engine/executor.h"
#include "workloads/engine/weights_engine.h"
#include "workloads/sensitivity/sensitivity.h"

namespace uswim::experiment {

std::uint64_t ideal_correct(const Workload& workload, workloads::Arithmetic arithmetic,
                            std::size_t images, const Progress& progress) {
  workloads::Executor executor(workload.network, workload.weights);
  const auto engine =
      workloads::make_weights_engine(arithmetic, workload.network, workload.activations);
  for (std::size_t l = 0; l < workload.weights.size(); ++l) {
    const std::vector<float> codes(workload.weights[l].code.begin(),
                                   workload.weights[l].code.end());
    engine->set_weights(l, codes.data());
  }
  constexpr std::size_t kImages = 256;  // prepared at once
  std::uint64_t correct = 0;
  for (std::size_t done = 0; done < images; done += kImages)
    correct += executor.count_correct(
        *engine, executor.prepare(workload.test, done, std::min(kImages, images - done)),
        [&] { progress("ideal accuracy, images", done, images); });
  return correct;
}

std::uint64_t float_correct(const workloads::Network& network, const workloads::Dataset& test,
                            std::size_t images, const Progress& progress, unsigned threads) {
  constexpr std::size_t kImages = 512;  // whose pixels are held as floats
  const std::size_t size = network.input.size(), classes = network.classes();
  std::uint64_t correct = 0;
  for (std::size_t first = 0; first < images; first += kImages) {
    const std::size_t here = std::min(kImages, images - first);
    workloads::ComputeOptions options;
    options.threads = threads;
    options.between_nodes = [&] { progress("accuracy in float, images", first, images); };
    std::vector<float> numbers(here * size);
    for (std::size_t i = 0; i < numbers.size(); ++i)
      numbers[i] = static_cast<float>(test.pixels[first * size + i]) / 255.0f;
    const std::vector<float> logits =
        workloads::float_logits(network, numbers, here, false, options);
    for (std::size_t n = 0; n < here; ++n) {
      const auto begin = logits.begin() + static_cast<std::ptrdiff_t>(n * classes);
      const auto best =
          std::max_element(begin, begin + static_cast<std::ptrdiff_t>(classes)) - begin;
      correct += best == test.labels[first + n];
    }
  }
  return correct;
}

NetworkAccuracy network_accuracy(const Config& config, const Progress& progress, unsigned threads) {
  if (config.workload.test.images.empty())
    throw workloads::NetworkError("an accuracy takes images: 'workload.test'");
  if (config.accuracy_images == 0)
    throw workloads::NetworkError("an accuracy takes images: 'accuracy.images' is 0");
  const Workload workload = load_workload(config.workload, progress, threads);
  NetworkAccuracy accuracy;
  accuracy.images = std::min(config.accuracy_images, workload.test.count);
  const auto part = [&](std::uint64_t correct) {
    return static_cast<double>(correct) / static_cast<double>(accuracy.images);
  };
  accuracy.quantised = part(ideal_correct(workload, config.arithmetic, accuracy.images, progress));
  accuracy.in_float = part(float_correct(load_network(config.workload), workload.test,
                                         accuracy.images, progress, threads));
  return accuracy;
}

}  // namespace uswim::experiment
