#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "experiment/config.h"

/// Are settings refused that another setting leaves without effect?
namespace uswim::experiment {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string fault_of(const std::vector<std::string>& overrides) {
  try {
    load_config(USWIM_SOURCE_DIR "/configs/lenet_mnist.yaml", overrides);
  } catch (const support::ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(SettingsWithoutEffect, AreStepsOfDevicesWherePulsesHaveNone) {
  const std::string spread = "device.device_to_device=0.2";
  for (const std::string model : {"redraw", "statistical"}) {
    const std::string pulse_model = "programming.pulse_model=" + model;
    EXPECT_THAT(fault_of({spread, pulse_model}),
                AllOf(HasSubstr("--set device.device_to_device=0.2"),
                      HasSubstr("device.device_to_device: acts on the steps of "
                                "'programming.pulse_model: incremental' and 'ispp'")));
    EXPECT_EQ(fault_of({"device.device_to_device=0", pulse_model}), "");
  }
  EXPECT_EQ(fault_of({spread, "programming.pulse_model=incremental"}), "");
  EXPECT_EQ(fault_of({spread, "programming.pulse_model=ispp"}), "");
}

TEST(SettingsWithoutEffect, AreErrorsOfReadsWhereNothingIsRead) {
  EXPECT_THAT(fault_of({"device.read_noise=0.01", "programming.pulse_model=statistical"}),
              HasSubstr("device.read_noise: disturbs verify reads"));
  EXPECT_EQ(fault_of({"device.read_noise=0.01", "programming.pulse_model=redraw"}), "");
  EXPECT_EQ(fault_of({"device.inference_read_noise=0.01", "programming.pulse_model=statistical"}),
            "");
}

TEST(SettingsWithoutEffect, AreArraysMoreThanNaturalRowsTake) {
  EXPECT_THAT(fault_of({"mapping.extra_arrays=3"}),
              HasSubstr("mapping.extra_arrays: rows in their natural order leave them empty"));
  EXPECT_THAT(fault_of({"mapping.extra_arrays=3", "mapping.column_order=balanced"}),
              HasSubstr("mapping.extra_arrays"));
  EXPECT_EQ(fault_of({"mapping.extra_arrays=3", "mapping.row_order=balanced"}), "");
  EXPECT_EQ(fault_of({"mapping.extra_arrays=3", "mapping.row_order=shared"}), "");
}

TEST(SettingsWithoutEffect, AreScoresThatNobodyRanksByAndTheStateOfNoEarlierProgramming) {
  EXPECT_THAT(fault_of({"selection.scores=x.npy"}),
              HasSubstr("selection.scores: needs policy 'imported'"));
  EXPECT_THAT(fault_of({"programming.previous_state=open_loop"}),
              HasSubstr("programming.previous_state: needs 'start: programmed'"));
}

TEST(SettingsWithoutEffect, AreMaxCyclesBelowAFixedNumberOfThem) {
  const std::string statistical = "programming.pulse_model=statistical";
  EXPECT_THAT(fault_of({statistical, "programming.max_cycles=9"}),
              HasSubstr("programming.statistical.cycles: every device gets 10 write cycles, more "
                        "than 'programming.max_cycles' (9) allows"));
  EXPECT_EQ(fault_of({statistical, "programming.max_cycles=10"}), "");
  EXPECT_EQ(fault_of({"programming.max_cycles=9"}), "");
}

// What no programming could do anything with.
TEST(Settings, ThatCannotBeAreRefused) {
  EXPECT_THAT(fault_of({"programming.ispp.threshold=3.4 V"}),
              HasSubstr("programming.ispp.threshold: must lie below the ramps' 'stop'"));
  EXPECT_THAT(fault_of({"tile.write.reset.width=0 s"}),
              HasSubstr("tile.write.reset.width: must be above 0 s where a pulse has an energy"));
  EXPECT_EQ(fault_of({"tile.write.reset.width=0 s", "tile.write.reset.energy=0 J"}), "");
  EXPECT_THAT(fault_of({"selection.fractions=[0.1, 0, 0.1]"}),
              HasSubstr("selection.fractions: names a fraction twice"));
  EXPECT_THAT(fault_of({"device.preset=pcm_lee", "tile.write.pulse_energy=conductance"}),
              HasSubstr("the energy of the device's pulses is not V^2 G t"));
}

// --set KEY= makes a file's key as if it had been left out.
TEST(Settings, OfTheFileCanBeTakenBackForADeviceThatHasNone) {
  EXPECT_THAT(fault_of({"device.preset=rram_milo"}),
              HasSubstr("device.sigma: has no meaning for a device with measured errors"));
  EXPECT_EQ(fault_of({"device.preset=rram_milo", "device.sigma="}), "");
}

}  // namespace
}  // namespace uswim::experiment
