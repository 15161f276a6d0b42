#include "experiment/chip_accuracy.h"

#include "tiles/cell_array.h"

namespace uswim::experiment {
namespace {

std::vector<unsigned> input_bits(const Workload& workload) {
  std::vector<unsigned> bits;
  for (const workloads::CodeRange& range : workload.activations)
    bits.push_back(sc_models::input_code(range).bits);
  return bits;
}

}  // namespace

ChipAccuracy::ChipAccuracy(const Config& config, const Workload& workload,
                           const tiles::Mapping& mapping,
                           const sc_models::AcceleratorSystem& system)
    : mapping_(mapping),
      system_(system),
      seed_(config.seed),
      levels_(1u << config.device.bits),
      is_noisy_(config.device.inference_read_noise > 0.0),
      drift_(config.device),
      executor_(workload.network, workload.weights),
      engine_(workloads::make_weights_engine(config.arithmetic, workload.network,
                                             workload.activations)),
      noisy_(*engine_, workload.network, mapping, input_bits(workload),
             config.device.inference_read_noise) {}

void ChipAccuracy::load_array(std::size_t layer, std::size_t array, const tiles::CellArray& cells) {
  const tiles::MappedLayer& matrix = mapping_.layers()[layer];
  const std::size_t first = mapping_.first_block(layer);
  if (array == first) weights_.resize(matrix.outputs * matrix.rows);
  tiles::read_effective_weights(cells, mapping_, array, weights_.data());
  if (array + 1 == first + mapping_.block_count(layer))
    engine_->set_weights(layer, weights_.data());
}

void ChipAccuracy::load() {
  for (std::size_t a = 0; a < mapping_.blocks().size(); ++a)
    load_array(mapping_.blocks()[a].layer, a, system_.copied_cells(a));
}

void ChipAccuracy::load_later(std::uint32_t chip, double seconds) {
  for (std::size_t a = 0; a < mapping_.blocks().size(); ++a) {
    tiles::CellArray cells = system_.copied_cells(a);
    drift_.age(seconds, seed_, chip, mapping_.device_index(a, 0, 0), mapping_.blocks()[a].rows,
               mapping_.pitch(), levels_, cells);
    load_array(mapping_.blocks()[a].layer, a, cells);
  }
}

std::uint64_t ChipAccuracy::count_correct(const workloads::PreparedImages& images,
                                          std::uint32_t chip) {
  noisy_.start(seed_, chip);
  workloads::MatrixEngine& engine = *engine_;
  const std::uint64_t correct = executor_.count_correct(is_noisy_ ? noisy_ : engine, images);
  executor_.release();  // what follows on the chip needs the memory more
  return correct;
}

}  // namespace uswim::experiment
