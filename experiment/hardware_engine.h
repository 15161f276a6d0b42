#pragma once
#include <cstdint>
#include <vector>

#include "sc_models/inference_unit.h"
#include "tiles/bit_serial.h"
#include "tiles/cell_array.h"
#include "tiles/mapping.h"
#include "workloads/engine/matrix_engine.h"

namespace uswim::experiment {

/// Crossbars as they compute: inputs bit by bit, sliced differential columns, every array's partial
/// sums through its ADCs. Sixteen images at a time; the same integers as the timed models, without
/// time.
class HardwareEngine : public workloads::MatrixEngine {
 public:
  /// `cells[a]`: the programmed array a.
  HardwareEngine(const sc_models::Program& program, const tiles::Mapping& mapping,
                 std::vector<const tiles::CellArray*> cells, unsigned adc_bits);
  void multiply(std::size_t layer, const workloads::CodeBlocks& codes, std::size_t images,
                workloads::ProductBlocks& products) override;

 private:
  struct Positions;
  void multiply_positions(const Positions& positions, std::size_t first, std::size_t count,
                          const workloads::CodeBlocks& codes, workloads::ProductBlocks& products);

  const sc_models::Program& program_;
  const tiles::Mapping& mapping_;
  tiles::BitSerialProducts crossbars_;
  std::vector<std::int16_t> inputs_;  ///< [position][row][lane]
  std::vector<std::int64_t> sums_;    ///< [position][lane][output]
};

}  // namespace uswim::experiment
