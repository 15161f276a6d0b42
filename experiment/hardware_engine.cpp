#include "experiment/hardware_engine.h"

#include <algorithm>

#include "sc_models/input_vector.h"
#include "support/instruction_sets.h"

namespace uswim::experiment {

using workloads::kLanes;

namespace {

/// Sums of one column over the rows whose input has `bit` set, for each lane.
USWIM_INLINE void sum_column(const std::int16_t* __restrict column, std::size_t pitch,
                             std::size_t rows, const std::int32_t* __restrict inputs, unsigned bit,
                             std::int32_t* __restrict sum) {
  std::int32_t acc[kLanes] = {};
  for (std::size_t r = 0; r < rows; ++r) {
    const std::int32_t cell = column[r * pitch];
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      acc[lane] += -((inputs[r * kLanes + lane] >> bit) & 1) & cell;
  }
  std::copy(acc, acc + kLanes, sum);
}

/// One array, all lanes: tiles::multiply_bit_serial with the lanes innermost.
USWIM_EVERY_INSTRUCTION_SET
void multiply_array(const std::int16_t* cells, std::size_t pitch, std::size_t rows,
                    std::size_t columns, std::size_t columns_per_weight,
                    const std::int32_t* slice_weights, const std::int32_t* inputs,
                    unsigned input_bits, const tiles::Adc& adc, std::int64_t* sums) {
  std::int32_t column_sum[kLanes];
  for (std::size_t c = 0; c < columns; ++c) {
    const std::int64_t sign = c % 2 == 0 ? 1 : -1;
    const std::int64_t weight = sign * slice_weights[c % columns_per_weight / 2];
    std::int64_t* __restrict sum = sums + c / columns_per_weight * kLanes;
    for (unsigned bit = 0; bit < input_bits; ++bit) {
      sum_column(cells + c, pitch, rows, inputs, bit, column_sum);
      for (std::size_t lane = 0; lane < kLanes; ++lane)
        sum[lane] += weight * (std::int64_t{1} << bit) * adc.convert(column_sum[lane]);
    }
  }
}

}  // namespace

HardwareEngine::HardwareEngine(const sc_models::Program& program, const tiles::Mapping& mapping,
                               std::vector<const tiles::CellArray*> cells, unsigned adc_bits)
    : program_(program), mapping_(mapping), cells_(std::move(cells)), adc_bits_(adc_bits) {}

void HardwareEngine::multiply(std::size_t layer, const workloads::CodeBlocks& codes,
                              std::size_t images, workloads::ProductBlocks& products) {
  const workloads::MatrixLayer& matrix = program_.network.layers[layer];
  const workloads::Window& w = matrix.window;
  const unsigned bits = sc_models::input_bits(program_.activation_maximum[layer]);
  const unsigned shift = sc_models::product_shift(program_, mapping_, layer);
  products.unit = sc_models::product_unit(shift);
  sc_models::shape_products(codes, matrix, products);
  const workloads::Shape& out = products.shape;
  const std::size_t first = mapping_.first_array(layer);
  const std::size_t count = mapping_.array_count(layer);
  const std::size_t channels = matrix.rows / (w.kernel_height * w.kernel_width);
  std::vector<std::int32_t> slice_weights;
  for (unsigned s = 0; s < mapping_.slices(); ++s)
    slice_weights.push_back(mapping_.slice_weight(s));
  std::vector<std::size_t> position(matrix.rows);
  for (std::size_t p = 0; p < matrix.rows; ++p) position[mapping_.matrix_row(layer, p)] = p;
  inputs_.resize(matrix.rows * kLanes);
  sums_.resize(matrix.outputs * kLanes);

  for (std::size_t block = 0; block * kLanes < images; ++block)
    for (std::size_t y = 0; y < out.height; ++y)
      for (std::size_t x = 0; x < out.width; ++x) {
        std::size_t matrix_row = 0;
        for (std::size_t c = 0; c < channels; ++c)
          for (std::size_t ky = 0; ky < w.kernel_height; ++ky)
            for (std::size_t kx = 0; kx < w.kernel_width; ++kx, ++matrix_row) {
              std::int32_t* row = &inputs_[position[matrix_row] * kLanes];
              const std::int16_t* lanes = codes.at(
                  block, c / 2,
                  static_cast<std::ptrdiff_t>(y * w.stride_height + ky * w.dilation_height) -
                      static_cast<std::ptrdiff_t>(w.pad_top),
                  static_cast<std::ptrdiff_t>(x * w.stride_width + kx * w.dilation_width) -
                      static_cast<std::ptrdiff_t>(w.pad_left));
              for (std::size_t lane = 0; lane < kLanes; ++lane) row[lane] = lanes[2 * lane + c % 2];
            }
        std::fill(sums_.begin(), sums_.end(), 0);
        for (std::size_t a = first; a < first + count; ++a) {
          const tiles::ArrayBlock& b = mapping_.arrays()[a];
          const tiles::Adc adc(adc_bits_, b.rows, 1u << mapping_.config().device_bits);
          multiply_array(cells_[a]->row(0), mapping_.pitch(), b.rows, mapping_.columns(a),
                         mapping_.devices_per_weight(), slice_weights.data(),
                         inputs_.data() + b.first_row * kLanes, bits, adc,
                         sums_.data() + b.first_output * kLanes);
        }
        for (std::size_t p = 0; p < matrix.outputs; ++p) {
          const std::size_t o = mapping_.matrix_output(layer, p);
          for (std::size_t lane = 0; lane < kLanes; ++lane)
            products
                .values[(((block * matrix.outputs + o) * out.height + y) * out.width + x) * kLanes +
                        lane] = sc_models::to_product(sums_[p * kLanes + lane], shift);
        }
      }
}

}  // namespace uswim::experiment
