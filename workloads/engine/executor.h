#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "workloads/data/dataset.h"
#include "workloads/engine/matrix_engine.h"
#include "workloads/network/network.h"

namespace uswim::workloads {

struct ExecutionPlan;

/// A data set in the layout of the engines, its pixels quantised by the network's first node. Made
/// once, read by every evaluation.
struct PreparedImages {
  std::size_t count = 0;
  std::vector<CodeBlocks> batches;   ///< Executor::kBatchBlocks x 16 images each
  std::vector<std::uint16_t> labels;  ///< count
};

/// Runs a quantised network on blocks of 16 images against any MatrixEngine. Holds scratch memory;
/// one per thread.
class Executor {
 public:
  enum class Order {
    OneByOne,   ///< steps follow each other and share memory
    SideBySide  ///< steps may overlap as in hardware, see take(); needs more memory
  };
  /// Throws NetworkError if a matrix layer's input is not an integer activation (no Quantize on the
  /// way to it), or the network does not begin with Quantize, with Scale nodes before it or
  /// without. `quantized` gives the step of each layer's weights. Both orders give the same bytes.
  Executor(const Network& network, const std::vector<QuantizedWeights>& quantized,
           Order order = Order::OneByOne);
  ~Executor();

  /// How many blocks of 16 images one batch holds; the last may hold fewer, and so do those of a
  /// network whose values take much memory.
  static constexpr std::size_t kBatchBlocks = 4;
  PreparedImages prepare(const Dataset& data, std::size_t first, std::size_t count) const;

  /// Logits of one batch, [image][class], of its first `images` images. `between_steps` is called
  /// between the steps, for who wants to end it by an exception.
  void run(MatrixEngine& engine, const CodeBlocks& batch, std::size_t images,
           std::vector<float>& logits, const std::function<void()>& between_steps = {});
  /// The same in parts: begin(), take() every step once, none before all that it needs(), and
  /// read_logits(). `products` is scratch memory, of one step at a time.
  void begin(const CodeBlocks& batch, std::size_t images);
  std::size_t steps() const;
  const std::vector<std::size_t>& needs(std::size_t step) const { return needs_[step]; }
  void take(std::size_t step, MatrixEngine& engine, ProductBlocks& products);
  void read_logits(std::vector<float>& logits) const;
  /// Memory of the values between steps, as large as the largest batch so far made it.
  std::size_t bytes() const;
  /// Gives the memory of values back until the next run.
  void release();
  /// Number of images whose largest logit (the first of equal ones) is the label.
  std::size_t count_correct(MatrixEngine& engine, const PreparedImages& images,
                            const std::function<void()>& between_steps = {});

 private:
  std::unique_ptr<ExecutionPlan> plan_;
  std::vector<std::vector<std::size_t>> needs_;  // of each step
  std::size_t images_ = 0;                       // of the batch that has begun
  ProductBlocks products_;
  std::vector<float> logits_;  // of count_correct's last batch
};

}  // namespace uswim::workloads
