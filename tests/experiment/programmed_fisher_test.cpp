// Is the curvature of policies that see devices taken from networks as they are programmed?
#include <gtest/gtest.h>

#include <cmath>

#include "experiment/measures.h"
#include "programmer/write_verify/pulse_model.h"
#include "support/random.h"
#include "workloads/sensitivity/sensitivity.h"

namespace uswim::experiment {
namespace {

const Progress kSilent = [](const std::string&, std::size_t, std::size_t) {};

struct Fixture {
  LoadedConfig loaded;
  const Config& config = loaded.config;
  Workload workload = load_workload(config.workload);
  tiles::Mapping mapping = map_workload(workload, config);
  programmer::DeviceModel device{config.device};
  programmer::WeightFacts facts = weight_facts(
      workload, mapping, device, load_measures(workload, config, {}, kSilent, 2), config.selection);

  explicit Fixture(std::vector<std::string> more = {})
      : loaded(load_config(USWIM_SOURCE_DIR "/configs/lenet_mnist.yaml", overrides(more))) {}
  static std::vector<std::string> overrides(const std::vector<std::string>& more) {
    std::vector<std::string> all{"workload.sensitivity.limit=50", "selection.policies=[row_time]",
                                 "selection.curvature.measure=programmed_fisher",
                                 "selection.curvature.networks=2"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  workloads::Dataset images() const {
    return load_images(workload.network, config.workload.sensitivity);
  }
  programmer::DeviceMask mask(double fraction) const {
    const auto scores = programmer::scores(programmer::SelectionPolicy::Uswim, facts, 1, 0);
    return programmer::device_mask(
        mapping, programmer::select_fraction(programmer::ranking(scores, facts), fraction));
  }
};

// Device by device, with the plain pulse model.
TEST(ProgrammedNetwork, HoldsWhatWriteVerifyAndOpenLoopWritesLeave) {
  const Fixture f;
  const programmer::DeviceMask mask = f.mask(0.05);
  const workloads::Network network =
      programmed_network(f.workload, f.config, f.mapping, f.device, mask, 1);
  const std::size_t tile = f.mapping.first_block(1), per_weight = f.mapping.devices_per_weight();
  const double step = f.workload.weights[1].step();
  // Cells are whole numbers of 1/1024 level: two devices a slice, slices of 4 and 1.
  const double bound = step * 2 * (4 + 1) * 0.51 / 1024;
  std::size_t verified = 0, open = 0;
  for (std::size_t row = 0; row < f.mapping.blocks()[tile].rows; row += 5)
    for (std::size_t c = 0; c < f.mapping.columns(tile); c += per_weight) {
      double code = 0.0;
      for (std::size_t k = 0; k < per_weight; ++k) {
        const unsigned level = f.mapping.level(tile, row, c + k);
        programmer::DeviceOutcomes o;
        const programmer::DeviceTarget target{
            true, static_cast<float>(f.device.target(level)),
            static_cast<float>(f.device.level_factor(level, 0.0))};
        programmer::write_plainly(
            f.config.programming, f.device, std::vector<programmer::DeviceTarget>{target},
            f.mapping.device_index(tile, row, c + k), f.config.seed, 0x7ffffffd, o);
        const bool selected = mask.row(tile, row)[(c + k) / 64] >> ((c + k) % 64) & 1;
        ++(selected ? verified : open);
        const double level_now =
            3.0 * static_cast<double>(selected ? o.verified[0] : o.open_loop[0]);
        code += (k % 2 == 0 ? 1 : -1) * f.mapping.slice_weight(static_cast<unsigned>(k / 2)) *
                level_now;
      }
      const std::size_t weight = f.mapping.weight_of(tile, row, c) - f.mapping.first_weight(1);
      EXPECT_NEAR(network.layers[1].weight[weight], code * step, bound) << row << ' ' << c;
    }
  EXPECT_GT(verified, 100u);
  EXPECT_GT(open, 100u);
}

TEST(ProgrammedFisher, IsTheMeanOverProgrammedNetworks) {
  const Fixture f({"selection.curvature.verified=0.2"});
  const std::vector<float> mean =
      load_programmed_fisher(f.workload, f.config, f.mapping, f.device, f.facts, {}, kSilent, 2);
  const auto of = [&](unsigned number) {
    return workloads::empirical_fisher(
        programmed_network(f.workload, f.config, f.mapping, f.device, f.mask(0.2), number),
        f.images());
  };
  const std::vector<float> first = of(0), second = of(1);
  ASSERT_EQ(mean.size(), first.size());
  EXPECT_NE(first, second);
  for (std::size_t i = 0; i < mean.size(); ++i)
    EXPECT_FLOAT_EQ(mean[i], 0.5f * (first[i] + second[i])) << i;
}

TEST(ProgrammedFisher, OfDevicesWithoutErrorsIsThatOfTheNetwork) {
  const Fixture f({"device.preset=R1", "device.sigma=0", "programming.pulse_model=statistical",
                   "programming.statistical.verified_sigma=0"});
  const std::vector<float> programmed =
      load_programmed_fisher(f.workload, f.config, f.mapping, f.device, f.facts, {}, kSilent, 1);
  const std::vector<float> trained = workloads::empirical_fisher(f.workload.network, f.images());
  float largest = 0.0f;
  for (const float v : trained) largest = std::max(largest, v);
  for (std::size_t i = 0; i < trained.size(); ++i)
    EXPECT_NEAR(programmed[i], trained[i], 1e-4f * largest) << i;
}

TEST(Curvature, IsReplacedForDevicesAlone) {
  const Fixture f({"selection.curvature.measure=fisher"});
  EXPECT_EQ(f.facts.curvature(), workloads::empirical_fisher(f.workload.network, f.images()));
  const Fixture plain({"selection.curvature.measure=second_derivative"});
  EXPECT_EQ(plain.facts.curvature(), plain.facts.second_derivative);
  EXPECT_EQ(plain.facts.second_derivative, f.facts.second_derivative);
  EXPECT_TRUE(plain.facts.fisher.empty());
}

}  // namespace
}  // namespace uswim::experiment
