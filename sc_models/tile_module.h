#pragma once
#include <tlm_utils/passthrough_target_socket.h>

#include <systemc>
#include <tlm>
#include <vector>

#include "programmer/array_programmer.h"
#include "sc_models/chip_config.h"
#include "sc_models/energy_monitor.h"
#include "sc_models/periphery.h"
#include "sc_models/tile_command.h"
#include "tiles/bit_serial.h"

namespace uswim::sc_models {

/// What programming one tile took in all.
struct TileProgramming {
  std::uint64_t rows = 0;
  programmer::RowWork work;  ///< sums over the rows
  support::Duration busy;    ///< write and verify phases, without waiting for commands
};

/// Timed shell of one crossbar. Physics: programmer::ArrayProgrammer for writing,
/// tiles::multiply_bit_serial for reading. Owns time and energy only. Time is annotated on the
/// transaction; the caller waits. `mean_target`: as in WriteLines.
class TileModule : public sc_core::sc_module {
 public:
  tlm_utils::passthrough_target_socket<TileModule> command_socket{"command_socket"};

  TileModule(const sc_core::sc_module_name& name, std::size_t tile, const tiles::Mapping& mapping,
             programmer::ArrayProgrammer& programmer, const tiles::TileConfig& config,
             const ChipConfig& chip, double mean_target, EnergyMonitor& energy);

  const TileProgramming& programming() const { return programming_; }
  void reset_statistics() { programming_ = {}; }
  /// Of the reads of every Multiply from here on; none at first.
  void set_read_noise(const tiles::AdcNoise& noise) { noise_ = noise; }

 private:
  void b_transport(tlm::tlm_generic_payload& trans, sc_core::sc_time& delay);
  /// Takes the masks of the command's rows, and the levels of one that is rewritten; those of
  /// others are checked. False where the data are not theirs.
  bool unpack_rows(const unsigned char* data, std::size_t length, const TileCommand& command);
  support::Duration program_rows(TileCommand& command);
  /// Of the verify reads of a row or of one of its rounds.
  support::Duration verify_time(std::uint64_t rounds, std::uint64_t serial_conversions) const;
  support::Duration multiply(const unsigned char* data, const TileCommand& command);

  std::size_t tile_;
  const tiles::Mapping& mapping_;
  programmer::ArrayProgrammer& programmer_;
  EnergyMonitor& energy_;
  WriteDriverBank write_drivers_;
  WriteLines write_lines_;
  DacBank dacs_;
  SenseArray array_;
  AdcBank adcs_;
  ComparatorBank comparators_;
  ShiftAddUnit shift_add_;
  tiles::Adc adc_;
  tiles::AdcNoise noise_;
  tiles::ReadErrorDraws error_draws_;
  tiles::VerifyConfig verify_;
  bool erases_;
  unsigned columns_per_adc_;
  TileProgramming programming_;
  std::vector<std::uint8_t> levels_;  ///< of the row that is rewritten
  std::vector<std::uint64_t> mask_;
  std::vector<std::int32_t> inputs_;
  std::vector<std::int64_t> sums_;
};

}  // namespace uswim::sc_models
