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
/// time. With start_noise() every conversion has the noise of the cells that it reads.
class HardwareEngine : public workloads::MatrixEngine {
 public:
  /// `cells[a]`: the programmed array a.
  HardwareEngine(const sc_models::Program& program, const tiles::Mapping& mapping,
                 std::vector<const tiles::CellArray*> cells, unsigned adc_bits);
  /// From here on each read of a cell has an error of standard deviation `sigma` (fraction of the
  /// full scale), summed over the driven cells of a column (tiles::AdcNoise); 0: none. Images are
  /// counted from here on, for each layer by itself.
  void start_noise(double sigma, std::uint64_t seed, std::uint32_t chip);
  void multiply(std::size_t layer, const workloads::CodeBlocks& codes, std::size_t images,
                workloads::ProductBlocks& products) override;

 private:
  struct Positions;
  void multiply_positions(const Positions& positions, std::size_t first, std::size_t count,
                          const workloads::CodeBlocks& codes, workloads::ProductBlocks& products);

  tiles::AdcNoise noise_;
  std::vector<std::uint64_t> next_image_;  ///< by layer
  std::vector<std::uint64_t> vector_;      ///< AdcNoise::vector
  const sc_models::Program& program_;
  const tiles::Mapping& mapping_;
  tiles::BitSerialProducts crossbars_;
  std::vector<std::int16_t> inputs_;  ///< [position][row][lane]
  std::vector<std::int64_t> sums_;    ///< [position][output][lane]
};

}  // namespace uswim::experiment
