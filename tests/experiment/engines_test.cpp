#include <gtest/gtest.h>

#include "experiment/chip_messages.h"
#include "experiment/chip_picture.h"
#include "experiment/config.h"
#include "experiment/hardware_engine.h"
#include "experiment/worker_processes.h"
#include "experiment/workload.h"
#include "sc_models/accelerator_system.h"
#include "workloads/engine/effective_weights.h"
#include "workloads/engine/executor.h"

namespace uswim::experiment {
namespace {

/// LeNet from the repository, on one chip.
struct LeNet {
  Config config;
  Workload workload;
  tiles::Mapping mapping;
  sc_models::Program program;
  programmer::DeviceModel device;
  std::unique_ptr<programmer::PulseModel> pulses;
  sc_models::AcceleratorSystem system;
  workloads::Executor executor;

  explicit LeNet(const std::vector<std::string>& overrides,
                 std::vector<tiles::LayerPlacement> placements = {})
      : config(load_config(USWIM_SOURCE_DIR "/configs/lenet_mnist.yaml", overrides).config),
        workload(load_workload(config.workload)),
        mapping(map_workload(workload, config, std::move(placements))),
        program{workload.network, workload.weights, workload.activations},
        device(config.device),
        pulses(programmer::make_pulse_model(config.programming, device)),
        system(config.chip, config.tile, mapping, device, *pulses, program),
        executor(workload.network, workload.weights) {
    system.set_inference_read_noise(config.device.inference_read_noise);
    system.new_chip(config.seed, 0);
    programmer::SelectionMask mask(mapping.weights(), 0);
    for (std::size_t i = 0; i < mask.size(); i += 3) mask[i] = 1;
    system.program(mask);
  }
  HardwareEngine hardware() const {
    std::vector<const tiles::CellArray*> cells;
    for (std::size_t a = 0; a < mapping.blocks().size(); ++a) cells.push_back(&system.cells(a));
    return HardwareEngine(program, mapping, cells, config.tile.adc.bits);
  }
  std::vector<float> logits(workloads::MatrixEngine& engine, std::size_t images) {
    const workloads::PreparedImages prepared = executor.prepare(workload.test, 0, images);
    std::vector<float> out;
    executor.run(engine, prepared.batches.front(), images, out);
    return out;
  }
};

// Programmed with its errors, the chip computes the same through timed transactions and through the
// fast engine.
void expect_timed_equals_hardware(LeNet& net) {
  const std::size_t images = 3;
  const std::vector<std::uint8_t> pixels(net.workload.test.pixels.begin(),
                                         net.workload.test.pixels.begin() + images * 784);
  const sc_models::InferenceReport timed = net.system.infer(pixels, images);
  HardwareEngine hardware = net.hardware();
  hardware.start_noise(net.config.device.inference_read_noise, net.config.seed, 0);
  const std::vector<float> fast = net.logits(hardware, images);
  for (std::size_t i = 0; i < images; ++i)
    for (std::size_t c = 0; c < 10; ++c) EXPECT_EQ(timed.logits[i][c], fast[i * 10 + c]);
}

// Images are numbered as they come, in blocks of 16.
TEST(HardwareEngine, HasTheSameNoiseWhateverTheBatches) {
  LeNet net({});
  HardwareEngine hardware = net.hardware();
  const std::vector<float> exact = net.logits(hardware, 20);
  hardware.start_noise(0.05, 1, 0);
  const std::vector<float> noisy = net.logits(hardware, 20);
  hardware.start_noise(0.05, 1, 0);
  const std::vector<float> first = net.logits(hardware, 5), second = net.logits(hardware, 5);
  for (std::size_t i = 0; i < 50; ++i) EXPECT_EQ(first[i], noisy[i]);
  EXPECT_NE(second, first);  // the same images again are others to the noise
  EXPECT_NE(noisy, exact);
  hardware.start_noise(0.0, 1, 0);
  EXPECT_EQ(net.logits(hardware, 20), exact);
}

TEST(TimedInference, EqualsTheHardwareEngineBitForBit) {
  LeNet net({"tile.adc.bits=7"});
  expect_timed_equals_hardware(net);
}

// Every conversion has the error of its column, input bit, output position and image; layers work
// on several images side by side.
TEST(TimedInference, EqualsTheHardwareEngineWithReadNoise) {
  LeNet net({"tile.adc.bits=7", "device.inference_read_noise=0.05"});
  expect_timed_equals_hardware(net);
  HardwareEngine quiet = net.hardware();
  const std::vector<float> exact = net.logits(quiet, 1);
  const std::vector<std::uint8_t> pixels(net.workload.test.pixels.begin(),
                                         net.workload.test.pixels.begin() + 784);
  const std::vector<float> noisy = net.system.infer(pixels, 1).logits.front();
  EXPECT_NE(noisy, exact);
  EXPECT_EQ(net.system.infer(pixels, 1).logits.front(), noisy);
}

/// 0 ... count - 1 in another order; `stride` and `count` without common divisor.
std::vector<std::uint32_t> shuffled(std::uint32_t count, std::uint32_t stride) {
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i < count; ++i) order.push_back(i * stride % count);
  return order;
}

/// Rows and outputs of LeNet's layers elsewhere, some on more arrays than needed.
std::vector<tiles::LayerPlacement> elsewhere() {
  return {{0, {}, 0, shuffled(6, 5)},
          {3, {}, 2, {}},
          {9, shuffled(784, 5), 5, shuffled(120, 7)},
          {0, shuffled(120, 11), 8, shuffled(84, 5)},
          {0, {}, 4, shuffled(10, 3)}};
}

TEST(TimedInference, EqualsTheHardwareEngineWhereRowsAndOutputsArePlacedElsewhere) {
  LeNet net({}, elsewhere());
  expect_timed_equals_hardware(net);
}

TEST(TimedInference, EqualsTheHardwareEngineOverAMesh) {
  LeNet net({"chip.interconnect=mesh", "chip.mesh.ports=2", "chip.mesh.concentration=3",
             "chip.mesh.port_choice=interleaved"});
  expect_timed_equals_hardware(net);
}

/// LeNet on 31 arrays, the rows of its small layers below those of fc1.
std::vector<tiles::LayerPlacement> on_shared_arrays() {
  std::vector<tiles::LayerPlacement> p{{0, {}, 0, {}, {30}},
                                       {4, {}, 0, {}, {0, 1, 2, 30}},
                                       {7, shuffled(784, 5), 0, {}, {}},
                                       {8, shuffled(120, 11), 0, shuffled(84, 5), {}},
                                       {2, {}, 0, {}, {28, 29}}};
  for (std::uint32_t a = 0; a < 28; ++a) p[2].arrays.push_back(a);
  for (std::uint32_t a = 0; a < 24; ++a) p[3].arrays.push_back(a + 4);
  return p;
}

TEST(TimedInference, EqualsTheHardwareEngineWhereLayersShareArrays) {
  LeNet net({}, on_shared_arrays());
  EXPECT_EQ(net.mapping.array_count(), 31u);
  expect_timed_equals_hardware(net);
}
TEST(TimedInference, EqualsTheHardwareEngineWithReadNoiseOnSharedArrays) {
  LeNet net({"device.inference_read_noise=0.05"}, on_shared_arrays());
  expect_timed_equals_hardware(net);
}

// One image alone meets no other layer on an array; several wait for each other. Two systems, so
// two processes.
TEST(TimedInference, OfAStreamIsSlowerOnSharedArraysAndOfOneImageIsNot) {
  std::vector<tiles::LayerPlacement> own = on_shared_arrays();
  for (tiles::LayerPlacement& p : own) p.arrays.clear();
  struct Speed {
    std::int64_t latency = 0;
    double images_per_second = 0.0;
  };
  std::vector<Speed> speed(2);
  run_in_processes(
      2,
      [&](unsigned index, const Send& send) {
        LeNet net({}, index == 0 ? on_shared_arrays() : own);
        const auto& pixels = net.workload.test.pixels;
        const sc_models::InferenceReport r =
            net.system.infer({pixels.begin(), pixels.begin() + 4 * 784}, 4);
        send(pack(kInference, Speed{r.latency.in_picoseconds(), r.images_per_second}));
      },
      [&](unsigned index, const Message& message) { speed[index] = unpack<Speed>(message); });
  EXPECT_EQ(speed[0].latency, speed[1].latency);
  EXPECT_GT(speed[0].images_per_second, 0.0);
  EXPECT_LT(speed[0].images_per_second, speed[1].images_per_second);
}

class SharedArrays : public testing::TestWithParam<const char*> {};
// What stands on one array is written row by row, all of it.
TEST_P(SharedArrays, WriteOneRowAtATime) {
  LeNet net({GetParam()}, on_shared_arrays());
  RowRecorder recorder;
  net.system.add_observer(recorder);
  const sc_models::ProgrammingReport report =
      net.system.program(programmer::SelectionMask(net.mapping.weights(), 1));
  std::vector<std::vector<sc_models::RowEvent>> of_array(net.mapping.array_count());
  std::vector<std::size_t> rows(net.mapping.blocks().size(), 0);
  std::vector<support::Duration> last(rows.size());
  for (const sc_models::RowEvent& row : recorder.rows()) {
    of_array[net.mapping.blocks()[row.tile].array].push_back(row);
    ++rows[row.tile];
    last[row.tile] = std::max(last[row.tile], row.end);
  }
  for (std::vector<sc_models::RowEvent>& list : of_array) {
    std::sort(list.begin(), list.end(),
              [](const auto& a, const auto& b) { return a.begin < b.begin; });
    for (std::size_t i = 1; i < list.size(); ++i) EXPECT_LE(list[i - 1].end, list[i].begin);
  }
  for (std::size_t t = 0; t < rows.size(); ++t) {
    EXPECT_EQ(rows[t], net.mapping.blocks()[t].rows);
    EXPECT_EQ(report.tiles[t].finished_after.in_picoseconds(), last[t].in_picoseconds());
  }
}
INSTANTIATE_TEST_SUITE_P(Controllers, SharedArrays,
                         testing::Values("chip.granularity=row", "chip.granularity=pulse",
                                         "chip.interconnect=mesh", "chip.controller.look_ahead=2",
                                         "chip.controller.row_order=longest_first",
                                         "chip.mask_encoding=smallest", "chip.power_budget=50 mW"));

// Without device error, and with an ADC that neither rounds nor clips, bit slicing must not be seen
// at all.
TEST(HardwareEngine, WithoutErrorsEqualsTheIdealNetwork) {
  LeNet net({"device.sigma=0", "programming.incremental.step_noise=0", "tile.adc.bits=9",
             "programming.pulse_model=redraw"});
  HardwareEngine hardware = net.hardware();
  workloads::EffectiveWeightsEngine ideal(net.workload.network, net.workload.activations);
  for (std::size_t l = 0; l < net.workload.weights.size(); ++l) {
    const std::vector<float> codes(net.workload.weights[l].code.begin(),
                                   net.workload.weights[l].code.end());
    ideal.set_weights(l, codes.data());
  }
  EXPECT_EQ(net.logits(hardware, 20), net.logits(ideal, 20));
}

// Rows and outputs that stand elsewhere, on other arrays, leave the network as it was; timed models
// included.
class Placements : public testing::TestWithParam<std::vector<tiles::LayerPlacement>> {};
TEST_P(Placements, DoNotChangeWhatTheNetworkComputes) {
  const std::vector<std::string> exact{"device.sigma=0", "programming.pulse_model=redraw",
                                       "tile.adc.bits=9"};
  LeNet net(exact);
  const tiles::Mapping moved = map_workload(net.workload, net.config, GetParam());
  EXPECT_GT(moved.blocks().size(), net.mapping.blocks().size());
  std::vector<std::unique_ptr<programmer::ArrayProgrammer>> arrays;
  std::vector<const tiles::CellArray*> cells;
  const std::vector<std::uint64_t> none(moved.pitch() / 64, 0);
  for (std::size_t a = 0; a < moved.blocks().size(); ++a) {
    arrays.push_back(std::make_unique<programmer::ArrayProgrammer>(
        moved, a, net.device, *net.pulses, programmer::RowScheme{}));
    arrays.back()->new_chip(1, 0);
    for (std::size_t r = 0; r < moved.blocks()[a].rows; ++r)
      arrays.back()->program_rows(r, 1, none.data());
    cells.push_back(&arrays.back()->cells());
  }
  HardwareEngine placed(net.program, moved, cells, 9), natural = net.hardware();
  EXPECT_EQ(net.logits(placed, 20), net.logits(natural, 20));
  for (std::size_t l = 0; l < net.workload.weights.size(); ++l) {
    const std::vector<std::int16_t>& code = net.workload.weights[l].code;
    std::vector<float> weights(code.size());
    for (std::size_t a = moved.first_block(l); a < moved.first_block(l) + moved.block_count(l); ++a)
      tiles::read_effective_weights(*cells[a], moved, a, weights.data());
    EXPECT_EQ(weights, std::vector<float>(code.begin(), code.end()));
  }
}

INSTANTIATE_TEST_SUITE_P(Elsewhere, Placements, testing::Values(elsewhere(), on_shared_arrays()));

// With an ADC of ever finer steps only the effective weights' rounding to 16 bits is left between
// the two engines.
TEST(HardwareEngine, ReadsTheSameWeightsAsTheEffectiveWeights) {
  LeNet net({});
  std::vector<float> weights(net.mapping.weights());
  const std::size_t layer = 1;
  const std::size_t first = net.mapping.first_block(layer);
  for (std::size_t a = first; a < first + net.mapping.block_count(layer); ++a) {
    tiles::read_effective_weights(net.system.cells(a), net.mapping, a, weights.data());
    const tiles::ArrayBlock& b = net.mapping.blocks()[a];
    // One input row at a time reads one weight: the sum of its cells, signs and slices.
    for (std::size_t o = 0; o < b.outputs; ++o) {
      double sum = 0.0;
      for (unsigned s = 0; s < 2; ++s)
        for (unsigned sign = 0; sign < 2; ++sign)
          sum += (sign ? -1.0 : 1.0) * (s ? 1 : 4) *
                 net.system.cells(a).row(5)[(o * 2 + s) * 2 + sign] / tiles::kUnitsPerLevel;
      const std::size_t rows = net.mapping.layers()[layer].rows;
      EXPECT_FLOAT_EQ(weights[(b.first_output + o) * rows + b.first_row + 5],
                      static_cast<float>(sum));
    }
  }
}

}  // namespace
}  // namespace uswim::experiment
