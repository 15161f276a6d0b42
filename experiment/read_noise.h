#pragma once
#include <cstdint>
#include <vector>

#include "tiles/mapping.h"
#include "workloads/engine/matrix_engine.h"
#include "workloads/network/network.h"

namespace uswim::experiment {

/// Another engine's products with the noise of reading cells. Inputs come bit by bit, and every
/// read of a driven cell has an error of its own, normal with standard deviation `sigma` (fraction
/// of a device's full scale). A product is a sum over such reads, so its error is normal with
///   variance = sigma^2 (2^K - 1)^2 sum_slices 2 slice_weight^2 sum_rows sum_bits 4^bit x_row,bit
/// in units of weight code x activation code, independent of all other products: one draw a
/// product is the same in distribution as one a read. Keyed by product and image
/// (Stream::InferenceReadNoise), so every policy and fraction of a chip sees the same draws.
class ReadNoiseEngine : public workloads::MatrixEngine {
 public:
  ReadNoiseEngine(workloads::MatrixEngine& exact, const workloads::Network& network,
                  const tiles::Mapping& mapping, std::vector<unsigned> input_bits, double sigma);
  /// Images are counted from here on, for each layer by itself.
  void start(std::uint64_t seed, std::uint32_t chip);
  void multiply(std::size_t layer, const workloads::CodeBlocks& codes, std::size_t images,
                workloads::ProductBlocks& products) override;

 private:
  void find_spread(std::size_t layer, const workloads::CodeBlocks& codes, std::size_t block,
                   const workloads::Shape& out);

  workloads::MatrixEngine& exact_;
  const workloads::Network& network_;
  float sigma_code_;  ///< of one weight read with input 1, in units of the weight code
  std::vector<std::uint64_t> first_product_;  ///< by layer
  std::uint64_t seed_ = 0;
  std::uint32_t chip_ = 0;
  std::vector<std::uint32_t> next_image_;  ///< by layer
  std::vector<unsigned> input_bits_;       ///< by layer; of two's complement where signed
  std::vector<std::uint64_t> index_;
  std::vector<float> spread_;  ///< [position][lane], in units of weight code x activation code
  std::vector<float> draws_;   ///< [lane of four][product]
};

}  // namespace uswim::experiment
