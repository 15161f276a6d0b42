#pragma once
#include <gtest/gtest.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

#include "workloads/engine/kernel.h"

/// Runs a test once per instruction set. Engines and executors made in it take the kernels of that
/// set.
class EveryInstructionSet : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    setenv("USWIM_ISA", GetParam(), 1);
    try {
      ASSERT_STREQ(uswim::workloads::kernel::selected().name, GetParam());
    } catch (const std::invalid_argument& refused) {
      GTEST_SKIP() << refused.what();
    }
  }
  void TearDown() override { unsetenv("USWIM_ISA"); }
};

inline std::string name_of(const testing::TestParamInfo<const char*>& info) { return info.param; }

#define USWIM_ON_EVERY_INSTRUCTION_SET(Suite) \
  INSTANTIATE_TEST_SUITE_P(, Suite, testing::Values("generic", "avx2", "avx512"), name_of)
