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

TEST(SettingsWithoutEffect, AreArraysMoreThanNaturalRowsTake) {
  EXPECT_THAT(fault_of({"mapping.extra_arrays=3"}),
              HasSubstr("mapping.extra_arrays: rows in their natural order leave them empty"));
  EXPECT_THAT(fault_of({"mapping.extra_arrays=3", "mapping.column_order=balanced"}),
              HasSubstr("mapping.extra_arrays"));
  EXPECT_EQ(fault_of({"mapping.extra_arrays=3", "mapping.row_order=balanced"}), "");
  EXPECT_EQ(fault_of({"mapping.extra_arrays=3", "mapping.row_order=shared"}), "");
}

TEST(SettingsWithoutEffect, AreMaxCyclesBelowAFixedNumberOfThem) {
  const std::string statistical = "programming.pulse_model=statistical";
  EXPECT_THAT(fault_of({statistical, "programming.max_cycles=9"}),
              HasSubstr("programming.statistical.cycles: every device gets 10 write cycles, more "
                        "than 'programming.max_cycles' (9) allows"));
  EXPECT_EQ(fault_of({statistical, "programming.max_cycles=10"}), "");
  EXPECT_EQ(fault_of({"programming.max_cycles=9"}), "");
}

}  // namespace
}  // namespace uswim::experiment
