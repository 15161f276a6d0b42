#pragma once
#include <cstdint>
#include <systemc>
#include <tlm>
#include <vector>

#include "programmer/write_verify/row_work.h"
#include "support/quantity.h"
#include "tiles/cell_array.h"

namespace uswim::sc_models {

/// Simulated time of a duration; exact, both are whole picoseconds (the kernel's resolution).
inline sc_core::sc_time to_sc_time(support::Duration d) {
  return sc_core::sc_time::from_value(static_cast<std::uint64_t>(d.in_picoseconds()));
}
inline support::Duration to_duration(const sc_core::sc_time& t) {
  return support::Duration::picoseconds(static_cast<std::int64_t>(t.value()));
}

/// Internal commands to tiles travel as payload data behind a header of this many bytes.
inline constexpr unsigned kCommandHeaderBytes = 8;

/// What a tile is asked for, beside the payload's data. Address = tile number x kTileStride.
///   ProgramRow (write)  data, row by row: packed levels, then the mask as a bitmap or a record
///   Multiply (write)    data: input codes of the block's rows, code_bytes() each, low byte first
///   ReadSums (read)     data: sums of the last Multiply, 8 bytes per output
struct TileCommand : tlm::tlm_extension<TileCommand> {
  enum class Kind { ProgramRow, Multiply, ReadSums };
  Kind kind = Kind::ProgramRow;
  std::size_t row = 0;   ///< ProgramRow
  std::size_t rows = 1;  ///< ProgramRow: rows driven together, from `row` on
  programmer::RowOperation operation = programmer::RowOperation::Program;  ///< ProgramRow
  tiles::InputCode input;                                                  ///< Multiply
  std::uint64_t vector = 0;  ///< Multiply: number of the input vector, for tiles::AdcNoise
  bool mask_record = false;  ///< ProgramRow: the mask is a record of mask_encoding.h
  bool ahead = false;      ///< ProgramRow: only what the row takes; its way to the tile comes later
  bool by_phases = false;  ///< ProgramRow: `phases` is wanted
  bool with_energy = false;  ///< ProgramRow: `energy` is wanted

  // ProgramRow: filled in by the tile.
  programmer::RowWork work;
  support::Duration time;                 ///< of the row's phases, part of the delay
  std::vector<support::Duration> phases;  ///< the same one by one
  support::Power power;                   ///< of the write pulses in the fullest slot
  support::Energy energy;                 ///< of the row's phases, all components

  tlm_extension_base* clone() const override { return new TileCommand(*this); }
  void copy_from(const tlm_extension_base& other) override {
    *this = static_cast<const TileCommand&>(other);
  }
};
inline constexpr std::uint64_t kTileStride = 1u << 16;

/// Whole bytes of an input code.
inline std::size_t code_bytes(const tiles::InputCode& code) { return (code.bits + 7) / 8; }

}  // namespace uswim::sc_models
