#pragma once
#include "workloads/engine/matrix_engine.h"

namespace uswim::sc_models {

/// What stands on a layer's crossbar rows for one output position of one image: outputs x rows
/// order of MatrixLayer.
inline void gather_input_vector(const workloads::CodeBlocks& codes,
                                const workloads::MatrixLayer& layer, std::size_t image,
                                std::size_t y, std::size_t x, std::int32_t* rows) {
  const workloads::Window& w = layer.window;
  const std::size_t channels = layer.rows / (w.kernel_height * w.kernel_width);
  for (std::size_t c = 0; c < channels; ++c)
    for (std::size_t ky = 0; ky < w.kernel_height; ++ky)
      for (std::size_t kx = 0; kx < w.kernel_width; ++kx)
        *rows++ =
            codes.code(image, c,
                       static_cast<std::ptrdiff_t>(y * w.stride_height + ky * w.dilation_height) -
                           static_cast<std::ptrdiff_t>(w.pad_top),
                       static_cast<std::ptrdiff_t>(x * w.stride_width + kx * w.dilation_width) -
                           static_cast<std::ptrdiff_t>(w.pad_left));
}

/// Gives the products of a layer their shape.
inline void shape_products(const workloads::CodeBlocks& codes, const workloads::MatrixLayer& layer,
                           workloads::ProductBlocks& products) {
  const workloads::Window& w = layer.window;
  const workloads::Shape& in = codes.shape();
  products.blocks = codes.blocks();
  products.shape = {
      layer.outputs,
      (in.height + w.pad_top + w.pad_bottom - w.dilation_height * (w.kernel_height - 1) - 1) /
              w.stride_height +
          1,
      (in.width + w.pad_left + w.pad_right - w.dilation_width * (w.kernel_width - 1) - 1) /
              w.stride_width +
          1};
  products.values.resize(products.blocks * products.shape.size() * workloads::kLanes);
}

}  // namespace uswim::sc_models
