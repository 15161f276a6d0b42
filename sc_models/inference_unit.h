#pragma once
#include <tlm_utils/simple_initiator_socket.h>

#include <cstdint>
#include <memory>
#include <systemc>
#include <tlm>
#include <vector>

#include "sc_models/chip_config.h"
#include "sc_models/energy_monitor.h"
#include "sc_models/tile_command.h"
#include "tiles/cell_array.h"
#include "tiles/mapping.h"
#include "workloads/engine/executor.h"
#include "workloads/engine/integer_values.h"
#include "workloads/engine/matrix_engine.h"

namespace uswim::sc_models {

/// The network that the chip runs.
struct Program {
  const workloads::Network& network;
  const std::vector<workloads::QuantizedWeights>& weights;
  std::vector<workloads::CodeRange> activations;  ///< per layer
};

/// The fewest bits that hold all codes of a range.
tiles::InputCode input_code(const workloads::CodeRange& range);
/// Power of two, as an exponent, by which a layer's sums (cell units x codes) are divided to fit 32
/// bits.
unsigned product_shift(const Program& program, const tiles::Mapping& mapping, std::size_t layer);
/// A sum in cell units as it enters ProductBlocks: divided by 2^shift, rounded half up.
inline std::int32_t to_product(std::int64_t sum, unsigned shift) {
  return static_cast<std::int32_t>((sum + (shift > 0 ? std::int64_t{1} << (shift - 1) : 0)) >>
                                   shift);
}
/// ProductBlocks::unit for that shift.
float product_unit(unsigned shift);

/// Runs images through the tiles, layer by layer. Each layer works on one image at a time,
/// different layers on different images, images in their order. To an image's executor it is a
/// MatrixEngine that sends every input vector over the interconnect to the layer's tiles, waits for
/// them, fetches and adds their sums; the digital operations are the executor's, their time is
/// booked with each layer. An array that holds tiles of several layers is one layer's from an input
/// vector to its sums.
class InferenceUnit : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<InferenceUnit> command_socket{"command_socket"};

  InferenceUnit(const sc_core::sc_module_name& name, const ChipConfig& config,
                const tiles::Mapping& mapping, const Program& program, EnergyMonitor& energy);

  /// `images`: count x input size bytes. Logits and finishing times appear in order of the images.
  void start(const std::uint8_t* images, std::size_t count);
  const sc_core::sc_event& done_event() const { return done_event_; }
  const std::vector<std::vector<float>>& logits() const { return logits_; }
  /// When each image's logits were ready, since start().
  const std::vector<support::Duration>& finished_after() const { return finished_after_; }

 private:
  class ImageEngine;
  class ImageSteps;
  /// A layer takes the images one after the other.
  struct LayerTurn {
    std::size_t image = 0;
    sc_core::sc_event passed{sc_core::sc_gen_unique_name("passed")};
  };

  /// Takes or gives back the arrays that the layer shares with others.
  void take_shared_arrays(std::size_t layer);
  void leave_shared_arrays(std::size_t layer);

  void run_image(std::size_t image);
  void multiply(std::size_t image, std::size_t layer, const workloads::CodeBlocks& codes,
                workloads::ProductBlocks& products);
  /// Time and energy of so many values in the digital logic.
  void compute_digitally(std::size_t values);
  void transport(std::size_t tile, TileCommand& command, tlm::tlm_command direction,
                 unsigned char* data, std::size_t bytes, sc_core::sc_time& delay);

  const ChipConfig& config_;
  const tiles::Mapping& mapping_;
  const Program& program_;
  EnergyMonitor& energy_;
  sc_core::sc_time buffer_latency_;
  std::vector<std::unique_ptr<LayerTurn>> turns_;           ///< one per layer
  std::vector<std::unique_ptr<sc_core::sc_mutex>> arrays_;  ///< none where it is one tile's
  std::vector<std::vector<std::size_t>> shared_arrays_;     ///< of each layer, in rising order
  workloads::Dataset images_;
  std::vector<std::vector<float>> logits_;
  std::vector<support::Duration> finished_after_;
  sc_core::sc_time started_at_;
  std::size_t images_left_ = 0;
  sc_core::sc_event done_event_{"done_event"};
};

}  // namespace uswim::sc_models
