#include "experiment/hardware_engine.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "sc_models/input_vector.h"
#include "support/instruction_sets.h"

namespace uswim::experiment {

using workloads::kLanes;
static_assert(kLanes == tiles::InputGroups::kLanes);

HardwareEngine::HardwareEngine(const sc_models::Program& program, const tiles::Mapping& mapping,
                               std::vector<const tiles::CellArray*> cells, unsigned adc_bits)
    : program_(program), mapping_(mapping), crossbars_(mapping, std::move(cells), adc_bits) {}

void HardwareEngine::start_noise(double sigma, std::uint64_t seed, std::uint32_t chip) {
  noise_ = tiles::adc_noise(mapping_, sigma, seed, chip);
  next_image_.assign(mapping_.layers().size(), 0);
}

namespace {

/// Codes of every row, whose channel has the even or odd numbers of pairs, to input[row][lane].
USWIM_EVERY_INSTRUCTION_SET
void gather(const std::int16_t* window, const std::vector<std::ptrdiff_t>& offsets,
            std::int16_t* input) {
  constexpr std::size_t kHalf = kLanes / 2;
  typedef std::uint32_t Pairs __attribute__((vector_size(kHalf * sizeof(std::uint32_t))));
  typedef std::int16_t Codes __attribute__((vector_size(kHalf * sizeof(std::int16_t))));
  for (const std::ptrdiff_t offset : offsets) {
    const int upper = offset & 1 ? 16 : 0;
    for (std::size_t half = 0; half < 2; ++half) {
      Pairs pairs;
      std::memcpy(&pairs, window + (offset & ~std::ptrdiff_t{1}) + half * kLanes, sizeof pairs);
      const Codes codes = __builtin_convertvector(pairs >> upper, Codes);
      std::memcpy(input + half * kHalf, &codes, sizeof codes);
    }
    input += kLanes;
  }
}

/// sums[output][lane] as products, each output's lanes at its place: sc_models::to_product() for
/// many, the same in the lower 32 bits.
USWIM_EVERY_INSTRUCTION_SET
void scatter(const std::int64_t* sums, const std::vector<std::size_t>& places, unsigned shift,
             std::int32_t* products) {
  const std::uint64_t half = shift > 0 ? std::uint64_t{1} << (shift - 1) : 0;
  for (const std::size_t place : places) {
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      products[place + lane] =
          static_cast<std::int32_t>((static_cast<std::uint64_t>(sums[lane]) + half) >> shift);
    sums += kLanes;
  }
}

}  // namespace

/// A layer's windows over blocks of 16 images, one after the other.
struct HardwareEngine::Positions {
  std::size_t layer = 0;
  const workloads::MatrixLayer& matrix;
  tiles::InputCode code;
  unsigned shift = 0;
  std::size_t lanes = kLanes;
  std::uint64_t first_image = 0;  ///< of block 0, as read noise counts them
  /// Of each crossbar row's code from the window's first, in int16.
  std::vector<std::ptrdiff_t> offsets = {};
  /// Of each output's products from the first output's.
  std::vector<std::size_t> places = {};
};

void HardwareEngine::multiply(std::size_t layer, const workloads::CodeBlocks& codes,
                              std::size_t images, workloads::ProductBlocks& products) {
  Positions positions{layer, program_.network.layers[layer],
                      sc_models::input_code(program_.activations[layer]),
                      sc_models::product_shift(program_, mapping_, layer)};
  if (noise_.sigma > 0.0f) {
    positions.first_image = next_image_[layer];
    next_image_[layer] += codes.blocks() * kLanes;
  }
  const workloads::MatrixLayer& matrix = positions.matrix;
  const workloads::Window& w = matrix.window;
  products.unit = sc_models::product_unit(positions.shift);
  sc_models::shape_products(codes, matrix, products);
  for (std::size_t p = 0; p < matrix.rows; ++p) {
    const std::size_t row = mapping_.matrix_row(layer, p);
    const std::size_t kx = row % w.kernel_width;
    const std::size_t ky = row / w.kernel_width % w.kernel_height;
    const std::size_t channel = row / w.kernel_width / w.kernel_height;
    positions.offsets.push_back(static_cast<std::ptrdiff_t>(
        channel / 2 * codes.pair_stride() + ky * w.dilation_height * codes.row_stride() +
        kx * w.dilation_width * 2 * kLanes + channel % 2));
  }
  // So many positions that what is made of them stays in the caches, and pays for the tables.
  constexpr std::size_t kInputs = std::size_t{1} << 17, kFewest = 64;
  const std::size_t at_once = std::max(kFewest, kInputs / (matrix.rows * kLanes));
  const std::size_t plane = products.shape.height * products.shape.width;
  for (std::size_t p = 0; p < matrix.outputs; ++p)
    positions.places.push_back(mapping_.matrix_output(layer, p) * plane * kLanes);
  const std::size_t full = images / kLanes * plane;
  for (std::size_t first = 0; first < full; first += at_once)
    multiply_positions(positions, first, std::min(at_once, full - first), codes, products);
  positions.lanes = images % kLanes;
  if (positions.lanes == 0) return;
  for (std::size_t first = full; first < full + plane; first += at_once)
    multiply_positions(positions, first, std::min(at_once, full + plane - first), codes, products);
}

void HardwareEngine::multiply_positions(const Positions& positions, std::size_t first,
                                        std::size_t count, const workloads::CodeBlocks& codes,
                                        workloads::ProductBlocks& products) {
  const workloads::MatrixLayer& matrix = positions.matrix;
  const workloads::Window& w = matrix.window;
  const std::size_t width = products.shape.width, plane = width * products.shape.height;
  inputs_.resize(std::max(inputs_.size(), count * matrix.rows * kLanes));
  std::int16_t* input = inputs_.data();
  for (std::size_t i = first; i < first + count; ++i) {
    const auto y = static_cast<std::ptrdiff_t>(i % plane / width * w.stride_height);
    const auto x = static_cast<std::ptrdiff_t>(i % width * w.stride_width);
    const std::int16_t* window = codes.at(i / plane, 0, y - static_cast<std::ptrdiff_t>(w.pad_top),
                                          x - static_cast<std::ptrdiff_t>(w.pad_left));
    gather(window, positions.offsets, input);
    input += matrix.rows * kLanes;
  }
  if (noise_.sigma > 0.0f) {
    vector_.clear();
    for (std::size_t i = first; i < first + count; ++i)
      for (std::size_t lane = 0; lane < kLanes; ++lane)
        vector_.push_back((positions.first_image + i / plane * kLanes + lane) * plane + i % plane);
    noise_.vector = vector_.data();
  }
  crossbars_.multiply(positions.layer, {inputs_.data(), count, positions.lanes, positions.code},
                      sums_, noise_.sigma > 0.0f ? &noise_ : nullptr);
  const std::int64_t* sum = sums_.data();
  for (std::size_t i = first; i < first + count; ++i) {
    std::int32_t* product =
        products.values.data() + (i / plane * matrix.outputs * plane + i % plane) * kLanes;
    scatter(sum, positions.places, positions.shift, product);
    sum += matrix.outputs * kLanes;
  }
}

}  // namespace uswim::experiment
