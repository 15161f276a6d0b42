#include "workloads/engine/plan.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "workloads/engine/planner.h"

namespace uswim::workloads {
namespace {

bool same_layout(const ExecutionPlan::Value& a, const ExecutionPlan::Value& b) {
  return a.shape == b.shape && a.border.pad_top == b.border.pad_top &&
         a.border.pad_left == b.border.pad_left && a.border.pad_bottom == b.border.pad_bottom &&
         a.border.pad_right == b.border.pad_right;
}

}  // namespace

std::size_t digital_values(const Node& node, const Shape& input) {
  switch (node.operation) {
    case Operation::Add:
      return (node.inputs.size() - 1) * node.shape.size();
    case Operation::Multiply:
    case Operation::Scale:
    case Operation::LeakyRelu:
    case Operation::Sigmoid:
    case Operation::Tanh:
      return node.shape.size();
    case Operation::AveragePool:
      return input.size();
    default:
      return 0;
  }
}

ExecutionPlan::ExecutionPlan(const Network& network, const std::vector<QuantizedWeights>& quantized,
                             const Options& options)
    : kernels(kernel::selected()) {
  if (quantized.size() != network.layers.size()) {
    throw NetworkError("the network has " + std::to_string(network.layers.size()) +
                       " matrix layers, but " + std::to_string(quantized.size()) +
                       " were quantised");
  }
  plan_steps(*this, network, quantized, options);
  assign_buffers(!options.side_by_side);
}

/// A buffer is free again after the last step that reads its value. Codes share memory only with
/// codes of the same layout, since the border is never written.
void ExecutionPlan::assign_buffers(bool share) {
  struct Buffer {
    bool integer;
    std::size_t index, like;  // like: a value that it holds
    bool free;
  };
  std::vector<Buffer> buffers;
  std::vector<std::size_t> last_use(values.size(), 0), buffer_of(values.size(), 0);
  for (std::size_t s = 0; s < steps.size(); ++s) {
    for (const std::size_t value : steps[s].writes) last_use[value] = s;
    for (const std::size_t value : steps[s].reads) last_use[value] = s;
  }
  last_use[result] = steps.size();
  std::size_t code_count = 0, float_count = 0;
  const auto fits = [&](const Buffer& buffer, const Value& value) {
    return buffer.free && buffer.integer == value.integer &&
           (!value.integer || same_layout(values[buffer.like], value));
  };
  for (std::size_t s = 0; s < steps.size(); ++s) {
    for (const std::size_t v : steps[s].writes) {
      auto found = std::find_if(buffers.begin(), buffers.end(),
                                [&](const Buffer& buffer) { return fits(buffer, values[v]); });
      if (found == buffers.end()) {
        const bool integer = values[v].integer;
        buffers.push_back({integer, integer ? code_count++ : float_count++, v, true});
        found = buffers.end() - 1;
      }
      found->free = false;
      values[v].buffer = found->index;
      buffer_of[v] = static_cast<std::size_t>(found - buffers.begin());
    }
    if (!share) continue;
    for (std::size_t v = 1; v < values.size(); ++v)
      if (last_use[v] == s) buffers[buffer_of[v]].free = true;
  }
  code_buffers.resize(code_count);
  float_buffers.resize(float_count);
}

void ExecutionPlan::reserve(std::size_t blocks) {
  if (blocks <= reserved_blocks) return;
  std::vector<bool> done(code_buffers.size(), false);
  for (std::size_t v = 1; v < values.size(); ++v) {
    const Value& value = values[v];
    if (value.integer) {
      if (!done[value.buffer])
        code_buffers[value.buffer].reshape(blocks, value.shape, value.border);
      done[value.buffer] = true;
    } else {
      AlignedVector<float>& floats = float_buffers[value.buffer];
      floats.resize(std::max(floats.size(), blocks * value.shape.size() * kLanes));
    }
  }
  reserved_blocks = blocks;
}

void ExecutionPlan::release() {
  for (CodeBlocks& buffer : code_buffers) buffer = {};
  for (auto& buffer : float_buffers) AlignedVector<float>().swap(buffer);
  reserved_blocks = 0;
}

std::size_t ExecutionPlan::bytes_per_block() const {
  std::vector<std::size_t> codes(code_buffers.size(), 0), floats(float_buffers.size(), 0);
  for (std::size_t v = 1; v < values.size(); ++v) {
    const Value& value = values[v];
    const Window& border = value.border;
    std::size_t& bytes = (value.integer ? codes : floats)[value.buffer];
    const std::size_t padded = (value.shape.channels + 1) / 2 * 2 *
                               (value.shape.height + border.pad_top + border.pad_bottom) *
                               (value.shape.width + border.pad_left + border.pad_right);
    bytes = std::max(bytes, kLanes * (value.integer ? padded * sizeof(std::int16_t)
                                                    : value.shape.size() * sizeof(float)));
  }
  return std::accumulate(codes.begin(), codes.end(), std::size_t{0}) +
         std::accumulate(floats.begin(), floats.end(), std::size_t{0});
}

std::size_t ExecutionPlan::bytes() const {
  std::size_t sum = 0;
  for (const CodeBlocks& buffer : code_buffers) sum += buffer.bytes();
  for (const auto& buffer : float_buffers) sum += buffer.size() * sizeof(float);
  return sum;
}

}  // namespace uswim::workloads
