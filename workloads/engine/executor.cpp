#include "workloads/engine/executor.h"

#include <algorithm>
#include <stdexcept>

#include "workloads/engine/plan.h"
#include "workloads/engine/steps.h"

namespace uswim::workloads {

Executor::Executor(const Network& network, const std::vector<QuantizedWeights>& quantized)
    : plan_(std::make_unique<ExecutionPlan>(network, quantized)) {
  plan_->reserve(kBatchBlocks);
}

Executor::~Executor() = default;

PreparedImages Executor::prepare(const Dataset& data, std::size_t first, std::size_t count) const {
  const ExecutionPlan::Value& input = plan_->values[0];
  if (!(data.shape == input.shape))
    throw std::invalid_argument("the images have not the shape of the network's input");
  if (first > data.count || count > data.count - first)
    throw std::invalid_argument("the data set has fewer images");
  std::int16_t code_of_pixel[256];
  for (int pixel = 0; pixel < 256; ++pixel) {
    code_of_pixel[pixel] = static_cast<std::int16_t>(
        quantize(static_cast<float>(pixel) / 255.0f, 1.0f / input.scale, input.maximum));
  }
  PreparedImages images;
  images.count = count;
  images.labels.assign(data.labels.begin() + static_cast<std::ptrdiff_t>(first),
                       data.labels.begin() + static_cast<std::ptrdiff_t>(first + count));
  constexpr std::size_t kBatch = kBatchBlocks * kLanes;
  images.batches.resize((count + kBatch - 1) / kBatch);
  for (CodeBlocks& batch : images.batches) batch.reshape(kBatchBlocks, input.shape, input.border);
  const std::uint8_t* pixel = data.pixels.data() + first * input.shape.size();
  for (std::size_t i = 0; i < count; ++i) {
    CodeBlocks& batch = images.batches[i / kBatch];
    const std::size_t block = i % kBatch / kLanes;
    for (std::size_t channel = 0; channel < input.shape.channels; ++channel) {
      for (std::size_t y = 0; y < input.shape.height; ++y) {
        std::int16_t* row = batch.at(block, channel / 2, static_cast<std::ptrdiff_t>(y), 0) +
                            2 * (i % kLanes) + channel % 2;
        for (std::size_t x = 0; x < input.shape.width; ++x)
          row[x * 2 * kLanes] = code_of_pixel[*pixel++];
      }
    }
  }
  return images;
}

void Executor::run(MatrixEngine& engine, const CodeBlocks& batch, std::size_t images,
                   std::vector<float>& logits) {
  const ExecutionPlan::Value& input = plan_->values[0];
  if (images > batch.blocks() * kLanes) throw std::invalid_argument("the batch holds fewer images");
  if (!(batch.shape() == input.shape) || batch.pad_top() < input.border.pad_top ||
      batch.pad_left() < input.border.pad_left || batch.pad_bottom() < input.border.pad_bottom ||
      batch.pad_right() < input.border.pad_right) {
    throw std::invalid_argument("the batch has not the shape and border that prepare() gives it");
  }
  plan_->reserve(batch.blocks());
  plan_->batch = &batch;
  const Run run{engine, images};
  for (Step& step : plan_->steps) step(*plan_, run);
  const ExecutionPlan::Value& result = plan_->values[plan_->result];
  const std::size_t classes = result.shape.size();
  logits.resize(images * classes);
  if (result.integer) {  // a network that ends in a quantiser
    const CodeBlocks& codes = plan_->codes(plan_->result);
    for (std::size_t i = 0; i < images; ++i) {
      for (std::size_t c = 0; c < classes; ++c) {
        const std::size_t x = c % result.shape.width,
                          y = c / result.shape.width % result.shape.height;
        logits[i * classes + c] =
            result.scale * static_cast<float>(codes.code(
                               i, c / (result.shape.width * result.shape.height),
                               static_cast<std::ptrdiff_t>(y), static_cast<std::ptrdiff_t>(x)));
      }
    }
    return;
  }
  for (std::size_t i = 0; i < images; ++i) {
    const float* of_block = result.floats.data() + i / kLanes * classes * kLanes + i % kLanes;
    for (std::size_t c = 0; c < classes; ++c) logits[i * classes + c] = of_block[c * kLanes];
  }
}

std::size_t Executor::count_correct(MatrixEngine& engine, const PreparedImages& images) {
  std::size_t correct = 0, first = 0;
  for (const CodeBlocks& batch : images.batches) {
    const std::size_t count = std::min(batch.blocks() * kLanes, images.count - first);
    run(engine, batch, count, logits_);
    const std::size_t classes = count == 0 ? 0 : logits_.size() / count;
    for (std::size_t i = 0; i < count; ++i) {
      const float* begin = logits_.data() + i * classes;
      const auto largest =
          static_cast<std::size_t>(std::max_element(begin, begin + classes) - begin);
      correct += largest == images.labels[first + i];
    }
    first += count;
  }
  return correct;
}

}  // namespace uswim::workloads
