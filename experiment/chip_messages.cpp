#include "experiment/chip_messages.h"

#include <algorithm>
#include <string>
#include <tuple>

namespace uswim::experiment {
namespace {

void add(StageSeconds& sum, const StageSeconds& part) {
  sum.selection += part.selection;
  sum.outcomes += part.outcomes;
  sum.simulation += part.simulation;
  sum.read_back += part.read_back;
  sum.accuracy += part.accuracy;
  sum.inference += part.inference;
  sum.hardware += part.hardware;
  sum.write_cycles += part.write_cycles;
}

}  // namespace

void take_in(MonteCarloResult& result, const Message& message) {
  switch (message.kind) {
    case kChip:
      result.chips.push_back(unpack<ChipResult>(message));
      break;
    case kRetention:
      result.retention.push_back(unpack<RetentionResult>(message));
      break;
    case kHardware:
      result.hardware.push_back(unpack<HardwareResult>(message));
      break;
    case kTile:
      result.tiles.push_back(unpack<TileResult>(message));
      break;
    case kIterativeStep:
      result.iterative_steps.push_back(unpack<IterativeStepResult>(message));
      break;
    case kIterative:
      result.iterative.push_back(unpack<IterativeResult>(message));
      break;
    case kInSitu:
      result.in_situ.push_back(unpack<InSituResult>(message));
      break;
    case kInference:
      result.inference = unpack<InferenceResult>(message);
      break;
    case kSeconds:
      add(result.seconds, unpack<StageSeconds>(message));
      break;
    case kFile: {
      const std::string both(message.bytes.begin(), message.bytes.end());
      const std::size_t end = both.find('\0');
      result.files[both.substr(0, end)] = both.substr(end + 1);
      break;
    }
    default:
      throw std::logic_error("a worker sent an unknown kind of message");
  }
}

void put_in_order(MonteCarloResult& result) {
  const auto by = [](auto key) {
    return [key](const auto& a, const auto& b) { return key(a) < key(b); };
  };
  std::sort(result.chips.begin(), result.chips.end(),
            by([](const ChipResult& r) { return std::make_pair(r.evaluation, r.chip); }));
  std::sort(result.retention.begin(), result.retention.end(), by([](const RetentionResult& r) {
              return std::make_tuple(r.evaluation, r.time, r.chip);
            }));
  std::sort(result.hardware.begin(), result.hardware.end(),
            by([](const HardwareResult& r) { return std::make_pair(r.chip, r.fraction); }));
  std::sort(result.tiles.begin(), result.tiles.end(),
            by([](const TileResult& r) { return std::make_pair(r.evaluation, r.tile); }));
  std::sort(result.iterative_steps.begin(), result.iterative_steps.end(),
            by([](const IterativeStepResult& r) { return std::tuple(r.policy, r.chip, r.step); }));
  std::sort(result.iterative.begin(), result.iterative.end(),
            by([](const IterativeResult& r) { return std::make_pair(r.policy, r.chip); }));
  std::sort(result.in_situ.begin(), result.in_situ.end(),
            by([](const InSituResult& r) { return std::make_pair(r.chip, r.iteration); }));
}

}  // namespace uswim::experiment
