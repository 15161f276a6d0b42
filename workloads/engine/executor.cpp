#include "workloads/engine/executor.h"

#include <algorithm>
#include <stdexcept>

#include "workloads/engine/plan.h"

namespace uswim::workloads {

Executor::Executor(const Network& network, const std::vector<QuantizedWeights>& quantized,
                   Order order)
    : plan_(std::make_unique<ExecutionPlan>(network, quantized,
                                            ExecutionPlan::Options{order == Order::SideBySide})) {
  std::vector<std::size_t> writer(plan_->values.size(), plan_->steps.size());
  for (std::size_t s = 0; s < plan_->steps.size(); ++s) {
    std::vector<std::size_t> needed;
    for (const std::size_t value : plan_->steps[s].reads)
      if (writer[value] < s) needed.push_back(writer[value]);
    needs_.push_back(std::move(needed));
    for (const std::size_t value : plan_->steps[s].writes) writer[value] = s;
  }
}

Executor::~Executor() = default;

PreparedImages Executor::prepare(const Dataset& data, std::size_t first, std::size_t count) const {
  const ExecutionPlan::Value& input = plan_->values[0];
  if (!(data.shape == input.shape))
    throw std::invalid_argument("the images have not the shape of the network's input");
  if (first > data.count || count > data.count - first)
    throw std::invalid_argument("the data set has fewer images");
  PreparedImages images;
  images.count = count;
  images.labels.assign(data.labels.begin() + static_cast<std::ptrdiff_t>(first),
                       data.labels.begin() + static_cast<std::ptrdiff_t>(first + count));
  constexpr std::size_t kMostBytes = std::size_t{1} << 27;  // of the values of a batch
  const std::size_t fitting = kMostBytes / std::max<std::size_t>(plan_->bytes_per_block(), 1);
  const std::size_t batch_images = std::clamp(fitting, std::size_t{1}, kBatchBlocks) * kLanes;
  for (std::size_t begin = 0; begin < count; begin += batch_images) {
    const std::size_t held = std::min(batch_images, count - begin);
    images.batches.emplace_back().reshape((held + kLanes - 1) / kLanes, input.shape, input.border);
  }
  const std::uint8_t* pixel = data.pixels.data() + first * input.shape.size();
  for (std::size_t i = 0; i < count; ++i) {
    CodeBlocks& batch = images.batches[i / batch_images];
    const std::size_t block = i % batch_images / kLanes;
    for (std::size_t channel = 0; channel < input.shape.channels; ++channel) {
      const std::int16_t* code_of_pixel = plan_->pixel_codes.data() + 256 * channel;
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
                   std::vector<float>& logits, const std::function<void()>& between_steps) {
  begin(batch, images);
  for (std::size_t step = 0; step < steps(); ++step) {
    if (between_steps) between_steps();
    take(step, engine, products_);
  }
  read_logits(logits);
}

void Executor::begin(const CodeBlocks& batch, std::size_t images) {
  const ExecutionPlan::Value& input = plan_->values[0];
  if (images > batch.blocks() * kLanes) throw std::invalid_argument("the batch holds fewer images");
  if (!(batch.shape() == input.shape) || batch.pad_top() < input.border.pad_top ||
      batch.pad_left() < input.border.pad_left || batch.pad_bottom() < input.border.pad_bottom ||
      batch.pad_right() < input.border.pad_right) {
    throw std::invalid_argument("the batch has not the shape and border that prepare() gives it");
  }
  plan_->reserve(batch.blocks());
  plan_->batch = &batch;
  images_ = images;
}

std::size_t Executor::steps() const { return plan_->steps.size(); }

std::size_t Executor::bytes() const { return plan_->bytes(); }

void Executor::release() {
  plan_->release();
  products_ = {};
}

void Executor::take(std::size_t step, MatrixEngine& engine, ProductBlocks& products) {
  Step& taken = plan_->steps[step];
  taken.work(*plan_, {engine, images_, products});
  if (taken.digital_values > 0) engine.compute_digitally(taken.digital_values);
}

void Executor::read_logits(std::vector<float>& logits) const {
  const ExecutionPlan::Value& result = plan_->values[plan_->result];
  const std::size_t classes = result.shape.size();
  const std::size_t width = result.shape.width, plane = width * result.shape.height;
  logits.resize(images_ * classes);
  for (std::size_t i = 0; i < images_; ++i) {
    for (std::size_t c = 0; c < classes; ++c) {
      if (result.integer) {  // a network that ends in a quantiser
        const auto y = static_cast<std::ptrdiff_t>(c % plane / width);
        const auto x = static_cast<std::ptrdiff_t>(c % width);
        logits[i * classes + c] =
            result.scale * static_cast<float>(plan_->codes(plan_->result).code(i, c / plane, y, x));
      } else {
        logits[i * classes + c] =
            plan_->floats(plan_->result)[(i / kLanes * classes + c) * kLanes + i % kLanes];
      }
    }
  }
}

std::size_t Executor::count_correct(MatrixEngine& engine, const PreparedImages& images,
                                    const std::function<void()>& between_steps) {
  std::size_t correct = 0, first = 0;
  for (const CodeBlocks& batch : images.batches) {
    const std::size_t count = std::min(batch.blocks() * kLanes, images.count - first);
    run(engine, batch, count, logits_, between_steps);
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
