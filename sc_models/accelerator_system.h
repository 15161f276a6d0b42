#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "programmer/array_programmer.h"
#include "programmer/selection/device_mask.h"
#include "sc_models/chip_config.h"
#include "sc_models/energy_monitor.h"
#include "sc_models/inference_unit.h"
#include "sc_models/row_observer.h"
#include "tiles/mapping.h"

namespace uswim::sc_models {

/// What programming one tile took.
struct TileReport {
  std::uint64_t rows = 0;
  programmer::RowWork work;
  support::Duration busy;            ///< write and verify phases
  support::Duration finished_after;  ///< since the start, waiting for commands included
  EnergyBreakdown energy;
};

/// What programming the chip took, from the simulation.
struct ProgrammingReport {
  support::Duration load_time;        ///< mask over the host link
  std::uint64_t mask_link_bytes = 0;  ///< of the mask, over the host link
  std::uint64_t mask_bus_bytes = 0;   ///< of the rows' masks, over the bus or the mesh
  support::Duration time;             ///< from the doorbell to the interrupt
  std::uint64_t write_pulses = 0, verify_reads = 0, write_cycles = 0, not_converged = 0;
  EnergyBreakdown energy;
  support::Power peak_power;     ///< of the write pulses of all tiles, rows at their fullest slots
  support::Power average_power;  ///< of the write pulses and half-selected cells, over `time`
  support::Duration busiest_link;  ///< Interconnect::busiest_link
  double mean_hops = 0;            ///< Interconnect::mean_hops
  std::vector<TileReport> tiles;
};

/// What inference took, from the simulation.
struct InferenceReport {
  std::size_t images = 0;
  support::Duration latency;       ///< of one image alone
  double images_per_second = 0;    ///< of a stream of images, layers working on different ones
  EnergyBreakdown energy;          ///< of the stream
  support::Duration time;          ///< of the stream, from the start to the last image's logits
  support::Duration busiest_link;  ///< Interconnect::busiest_link, of the stream
  double mean_hops = 0;            ///< Interconnect::mean_hops
  std::vector<std::vector<float>> logits;
};

class Host;

/// Host, chip and simulation kernel in one object. SystemC allows one per process; chips and masks
/// follow each other in it, the simulated clock running on.
class AcceleratorSystem {
 public:
  AcceleratorSystem(const ChipConfig& chip, const tiles::TileConfig& tile,
                    const tiles::Mapping& mapping, const programmer::DeviceModel& device,
                    const programmer::PulseModel& pulses, const Program& program);
  ~AcceleratorSystem();

  /// What the next chips hold before they are programmed.
  void start_from(const programmer::EarlierProgramming& earlier,
                  const programmer::DeviceModel& device);
  /// For what devices and rows do, where a chip has more than one processor to itself. No result
  /// depends on it.
  void set_threads(unsigned threads);
  /// Error of each read of a cell in inference on the next chips: standard deviation, fraction of
  /// the full scale; 0, as at first: none. Each infer() counts its images anew, so the same images
  /// have the same errors.
  void set_inference_read_noise(double sigma) { inference_read_noise_ = sigma; }
  /// Another chip: its own errors everywhere.
  void new_chip(std::uint64_t seed, std::uint32_t chip, programmer::ChipUse use = {});
  /// Kept for every later programming; not owned.
  void add_observer(RowObserver& observer);
  /// Loads the mask, programs the whole chip.
  ProgrammingReport program(const programmer::DeviceMask& mask);
  ProgrammingReport program(const programmer::SelectionMask& weights) {
    return program(programmer::device_mask(mapping_, weights));
  }
  /// Write-verifies the devices of the mask on the programmed chip; all others stay as they are.
  ProgrammingReport verify(const programmer::DeviceMask& mask);
  /// Writes the devices of the mask of the programmed chip once more, open loop, to the levels of
  /// other weights: `codes`, one per weight as in MappedLayer, layer after layer. They, and the
  /// mask, come over the host link.
  ProgrammingReport rewrite(const programmer::DeviceMask& mask,
                            const std::vector<std::vector<std::int16_t>>& codes);
  /// Images as bytes, input size each, through the programmed chip.
  InferenceReport infer(const std::vector<std::uint8_t>& images, std::size_t count);

  const tiles::CellArray& cells(std::size_t array) const { return programmers_[array]->cells(); }
  /// ArrayProgrammer::keep_cells_only, of every array.
  void keep_cells_only() {
    for (const auto& programmer : programmers_) programmer->keep_cells_only();
  }
  /// ArrayProgrammer::copy_cells.
  tiles::CellArray copied_cells(std::size_t array) const {
    tiles::CellArray cells(mapping_.blocks()[array].rows, mapping_.pitch());
    programmers_[array]->copy_cells(cells);
    return cells;
  }
  const programmer::DevicePulses& pulses(std::size_t array) const {
    return programmers_[array]->pulses();
  }
  /// Write cycles of write-verify of every device of the present chip.
  std::uint64_t all_write_cycles() const;
  /// ArrayProgrammer::drawing_seconds of all arrays.
  double drawing_seconds() const;
  /// ArrayProgrammer::draw_outcomes.
  programmer::DeviceOutcomes draw_outcomes(std::size_t array) const {
    return programmers_[array]->draw_outcomes();
  }

 private:
  struct Modules;
  /// `command`: a start of the register map. `levels`: of a rewriting, otherwise empty.
  ProgrammingReport run_programming(const programmer::DeviceMask& mask, std::uint32_t command,
                                    const std::vector<std::uint8_t>& levels);
  /// Writes those of the mapping, unless they are there.
  void load_levels(Host& host);

  const tiles::Mapping& mapping_;
  programmer::MaskEncoding mask_encoding_;
  std::vector<std::unique_ptr<programmer::ArrayProgrammer>> programmers_;
  std::unique_ptr<Modules> modules_;
  unsigned threads_ = 1;
  double inference_read_noise_ = 0.0;
  bool levels_loaded_ = false;  ///< those of the mapping
};

/// Target levels of weights with these codes, packed, rows of all arrays one after the other.
std::vector<std::uint8_t> pack_levels(const tiles::Mapping& mapping,
                                      const std::vector<std::vector<std::int16_t>>& codes);

}  // namespace uswim::sc_models
