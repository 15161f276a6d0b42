#pragma once
#include <gtest/gtest.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

#include "workloads/engine/kernel.h"

/// Engines and executors made while it lives take the kernels of this instruction set.
class ForcedInstructionSet {
 public:
  explicit ForcedInstructionSet(const char* name) { setenv("USWIM_ISA", name, 1); }
  ~ForcedInstructionSet() { unsetenv("USWIM_ISA"); }
  ForcedInstructionSet(const ForcedInstructionSet&) = delete;
  ForcedInstructionSet& operator=(const ForcedInstructionSet&) = delete;
};

/// Runs a test once per instruction set.
class EveryInstructionSet : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    try {
      ASSERT_STREQ(uswim::workloads::kernel::selected().name, GetParam());
    } catch (const std::invalid_argument& refused) {
      GTEST_SKIP() << refused.what();
    }
  }

 private:
  ForcedInstructionSet forced_{GetParam()};
};

inline std::string name_of(const testing::TestParamInfo<const char*>& info) { return info.param; }

#define USWIM_ON_EVERY_INSTRUCTION_SET(Suite) \
  INSTANTIATE_TEST_SUITE_P(, Suite, testing::Values("generic", "avx2", "avx512"), name_of)
