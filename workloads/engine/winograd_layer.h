#pragma once
#include <cstddef>
#include <cstdint>

#include "workloads/engine/aligned.h"
#include "workloads/engine/integer_values.h"
#include "workloads/engine/kernel.h"
#include "workloads/engine/matrix_engine.h"
#include "workloads/network/network.h"

namespace uswim::workloads {

/// A layer of 3 x 3 windows whose products are taken by kernel::WinogradMatrix, where CodeBlocks
/// holds the codes.
class WinogradLayer {
 public:
  /// Whether such a layer's products are exact, for any weights within +-127, and pay.
  static bool suits(const Network& network, std::size_t layer, const CodeRange& codes);

  explicit WinogradLayer(const MatrixLayer& from);
  /// codes: outputs x rows, within +-127.
  void pack(const std::int16_t* codes);
  /// All but scale and scratch memory.
  kernel::WinogradMatrix matrix(const CodeBlocks& codes, std::size_t images) const;
  /// Numbers of its scratch memory.
  std::size_t transformed_size() const;
  std::size_t sums_size() const;

 private:
  std::size_t outputs_, channels_;
  Window window_;
  AlignedVector<std::int16_t> packed_;  // as kernel::WinogradMatrix::weights
};

}  // namespace uswim::workloads
