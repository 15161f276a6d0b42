// Processes are spawned, one per image.
#define SC_INCLUDE_DYNAMIC_PROCESSES
#include "sc_models/inference_unit.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "sc_models/input_vector.h"
#include "tiles/cell_array.h"

namespace uswim::sc_models {

tiles::InputCode input_code(const workloads::CodeRange& range) {
  tiles::InputCode code;
  code.is_signed = range.minimum < 0;
  const int sign_bit = code.is_signed ? 1 : 0;
  // -2^n needs no more bits than 2^n - 1.
  const int largest = std::max(range.maximum, -range.minimum - 1);
  code.bits = 0;
  while (largest >> code.bits) ++code.bits;
  code.bits = std::max(code.bits + static_cast<unsigned>(sign_bit), 1u);
  return code;
}

namespace {
constexpr int kStackBytes = 256 * 1024;
}

unsigned product_shift(const Program& program, const tiles::Mapping& mapping, std::size_t layer) {
  // A converted cell is at most twice its full scale (the noise included, the ADC clamps there), on
  // either side.
  const workloads::CodeRange& range = program.activations[layer];
  const tiles::InputCode code = input_code(range);
  // The sign bit is converted apart from the others.
  const int largest_code = code.is_signed ? 1 << (code.bits - 1) : range.maximum;
  const double largest_sum = 2.0 * static_cast<double>(mapping.layers()[layer].rows) *
                             static_cast<double>(1u << mapping.config().weight_bits) *
                             largest_code * tiles::kUnitsPerLevel;
  unsigned shift = 0;
  while (std::ldexp(largest_sum, -static_cast<int>(shift)) >= 2147483648.0) ++shift;
  return shift;
}

float product_unit(unsigned shift) {
  return std::ldexp(1.0f / tiles::kUnitsPerLevel, static_cast<int>(shift));
}

InferenceUnit::InferenceUnit(const sc_core::sc_module_name& name, const ChipConfig& config,
                             const tiles::Mapping& mapping, const Program& program,
                             EnergyMonitor& energy)
    : sc_module(name),
      config_(config),
      mapping_(mapping),
      program_(program),
      energy_(energy),
      buffer_latency_(to_sc_time(config.period() * config.buffer_latency_cycles)) {
  for (std::size_t l = 0; l < program.network.layers.size(); ++l)
    turns_.push_back(std::make_unique<LayerTurn>());
  shared_arrays_.resize(mapping.layers().size());
  for (const std::vector<std::uint32_t>& tiles : mapping.blocks_of_arrays()) {
    arrays_.push_back(tiles.size() > 1 ? std::make_unique<sc_core::sc_mutex>() : nullptr);
    if (tiles.size() > 1)
      for (const std::uint32_t tile : tiles)
        shared_arrays_[mapping.blocks()[tile].layer].push_back(arrays_.size() - 1);
  }
}

// In rising order, so that no two layers wait for each other.
void InferenceUnit::take_shared_arrays(std::size_t layer) {
  for (const std::size_t array : shared_arrays_[layer]) arrays_[array]->lock();
}

void InferenceUnit::leave_shared_arrays(std::size_t layer) {
  for (const std::size_t array : shared_arrays_[layer]) arrays_[array]->unlock();
}

void InferenceUnit::start(const std::uint8_t* images, std::size_t count) {
  images_ = {};
  images_.shape = program_.network.input;
  images_.count = count;
  images_.pixels.assign(images, images + count * images_.shape.size());
  images_.labels.assign(count, 0);
  logits_.assign(count, {});
  finished_after_.assign(count, {});
  started_at_ = sc_core::sc_time_stamp();
  images_left_ = count;
  for (const auto& turn : turns_) turn->image = 0;
  for (std::size_t image = 0; image < count; ++image) {
    sc_core::sc_spawn_options options;
    options.set_stack_size(kStackBytes);
    sc_core::sc_spawn([this, image] { run_image(image); }, sc_core::sc_gen_unique_name("run_image"),
                      &options);
  }
}

/// What one image's executor sees.
class InferenceUnit::ImageEngine : public workloads::MatrixEngine {
 public:
  ImageEngine(InferenceUnit& unit, std::size_t image) : unit_(unit), image_(image) {}
  void multiply(std::size_t layer, const workloads::CodeBlocks& codes, std::size_t images,
                workloads::ProductBlocks& products) override {
    if (images != 1) throw std::logic_error("the timed models run one image at a time");
    unit_.multiply(image_, layer, codes, products);
  }
  void compute_digitally(std::size_t values) override { unit_.compute_digitally(values); }

 private:
  InferenceUnit& unit_;
  std::size_t image_;
};

/// The steps of one image. Each begins as soon as all that it needs is there.
class InferenceUnit::ImageSteps {
 public:
  ImageSteps(workloads::Executor& executor, workloads::MatrixEngine& engine)
      : executor_(executor),
        engine_(engine),
        started_(executor.steps(), false),
        done_(executor.steps(), false),
        left_(executor.steps()) {}

  void run() {
    take_ready();
    while (left_ > 0) sc_core::wait(finished_);
  }

 private:
  /// Takes the first step that is ready, then the first that is ready after it, until there is
  /// none; others that are ready get processes of their own. Without branches there are no others.
  void take_ready() {
    for (;;) {
      std::vector<std::size_t> ready;
      for (std::size_t step = 0; step < started_.size(); ++step)
        if (!started_[step] && is_ready(step)) ready.push_back(step);
      if (ready.empty()) return;
      for (const std::size_t step : ready) started_[step] = true;
      for (std::size_t i = 1; i < ready.size(); ++i) {
        sc_core::sc_spawn_options options;
        options.set_stack_size(kStackBytes);
        sc_core::sc_spawn(
            [this, step = ready[i]] {
              take(step);
              take_ready();
            },
            sc_core::sc_gen_unique_name("take_ready"), &options);
      }
      take(ready.front());
    }
  }
  bool is_ready(std::size_t step) const {
    const std::vector<std::size_t>& needed = executor_.needs(step);
    return std::all_of(needed.begin(), needed.end(), [&](std::size_t n) { return done_[n]; });
  }
  void take(std::size_t step) {
    workloads::ProductBlocks products;
    executor_.take(step, engine_, products);
    done_[step] = true;
    if (--left_ == 0) finished_.notify(sc_core::SC_ZERO_TIME);
  }

  workloads::Executor& executor_;
  workloads::MatrixEngine& engine_;
  std::vector<bool> started_, done_;
  std::size_t left_;
  sc_core::sc_event finished_{sc_core::sc_gen_unique_name("finished")};
};

void InferenceUnit::run_image(std::size_t image) {
  workloads::Executor executor(program_.network, program_.weights,
                               workloads::Executor::Order::SideBySide);
  const workloads::PreparedImages prepared = executor.prepare(images_, image, 1);
  ImageEngine engine(*this, image);
  executor.begin(prepared.batches.front(), 1);
  ImageSteps(executor, engine).run();
  executor.read_logits(logits_[image]);
  finished_after_[image] = to_duration(sc_core::sc_time_stamp() - started_at_);
  if (--images_left_ == 0) done_event_.notify(sc_core::SC_ZERO_TIME);
}

void InferenceUnit::compute_digitally(std::size_t values) {
  const std::size_t cycles =
      (values + config_.digital_values_per_cycle - 1) / config_.digital_values_per_cycle;
  energy_.add_shared(Component::Digital, config_.digital_energy * static_cast<double>(cycles));
  wait(to_sc_time(config_.period() * static_cast<std::int64_t>(cycles)));
}

void InferenceUnit::transport(std::size_t tile, TileCommand& command, tlm::tlm_command direction,
                              unsigned char* data, std::size_t bytes, sc_core::sc_time& delay) {
  tlm::tlm_generic_payload trans;
  trans.set_extension(&command);
  trans.set_command(direction);
  trans.set_address(tile * kTileStride);
  trans.set_data_ptr(data);
  trans.set_data_length(static_cast<unsigned>(bytes));
  trans.set_streaming_width(static_cast<unsigned>(bytes));
  command_socket->b_transport(trans, delay);
  trans.clear_extension(&command);
  if (!trans.is_response_ok())
    throw std::logic_error("tile refused a command: " + trans.get_response_string());
}

void InferenceUnit::multiply(std::size_t image, std::size_t layer,
                             const workloads::CodeBlocks& codes,
                             workloads::ProductBlocks& products) {
  const workloads::MatrixLayer& matrix = program_.network.layers[layer];
  LayerTurn& turn = *turns_[layer];
  while (turn.image != image) wait(turn.passed);

  TileCommand multiply_command, read_command;
  multiply_command.kind = TileCommand::Kind::Multiply;
  const tiles::InputCode code = input_code(program_.activations[layer]);
  multiply_command.input = code;
  read_command.kind = TileCommand::Kind::ReadSums;
  const unsigned shift = product_shift(program_, mapping_, layer);
  products.unit = product_unit(shift);
  shape_products(codes, matrix, products);

  const bool side_by_side = config_.interconnect == Topology::Mesh;
  const std::size_t first = mapping_.first_block(layer);
  const std::size_t count = mapping_.block_count(layer);
  std::vector<std::int32_t> vector(matrix.rows);
  std::vector<unsigned char> bytes(mapping_.config().array_rows * code_bytes(code));
  std::vector<std::int64_t> sums(matrix.outputs), part;
  const workloads::Shape& out = products.shape;
  for (std::size_t y = 0; y < out.height; ++y)
    for (std::size_t x = 0; x < out.width; ++x) {
      gather_input_vector(codes, matrix, 0, y, x, vector.data());
      multiply_command.vector = (image * out.height + y) * out.width + x;
      take_shared_arrays(layer);
      // Tiles compute side by side: all commands are sent, then the slowest tile is awaited.
      sc_core::sc_time slowest = sc_core::SC_ZERO_TIME;
      for (std::size_t tile = first; tile < first + count; ++tile) {
        const tiles::ArrayBlock& block = mapping_.blocks()[tile];
        unsigned char* byte = bytes.data();
        for (std::size_t r = 0; r < block.rows; ++r) {
          const std::int32_t input = vector[mapping_.matrix_row(layer, block.first_row + r)];
          for (std::size_t b = 0; b < code_bytes(code); ++b)
            *byte++ = static_cast<unsigned char>(input >> (8 * b));
        }
        sc_core::sc_time delay = buffer_latency_;
        transport(tile, multiply_command, tlm::TLM_WRITE_COMMAND, bytes.data(),
                  block.rows * code_bytes(code), delay);
        slowest = std::max(slowest, delay);
      }
      wait(slowest);
      std::fill(sums.begin(), sums.end(), 0);
      // Over a bus sums come one tile after the other, over a mesh side by side.
      slowest = sc_core::SC_ZERO_TIME;
      for (std::size_t tile = first; tile < first + count; ++tile) {
        const tiles::ArrayBlock& block = mapping_.blocks()[tile];
        part.resize(block.outputs);
        sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
        transport(tile, read_command, tlm::TLM_READ_COMMAND,
                  reinterpret_cast<unsigned char*>(part.data()), part.size() * sizeof(std::int64_t),
                  delay);
        if (side_by_side)
          slowest = std::max(slowest, delay);
        else
          wait(delay);
        for (std::size_t o = 0; o < block.outputs; ++o)
          sums[mapping_.matrix_output(layer, block.first_output + o)] += part[o];
      }
      if (side_by_side) wait(slowest);
      leave_shared_arrays(layer);
      for (std::size_t o = 0; o < matrix.outputs; ++o)
        products.values[((o * out.height + y) * out.width + x) * workloads::kLanes] =
            to_product(sums[o], shift);
    }

  compute_digitally(out.size());
  ++turn.image;
  turn.passed.notify(sc_core::SC_ZERO_TIME);
}

}  // namespace uswim::sc_models
