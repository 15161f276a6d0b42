// Is a measure that cannot be ranked refused by name?
#include "workloads/network/per_weight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "onnx_builder.h"

namespace uswim::tests {
namespace {

using namespace workloads;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(NumbersPerWeight, HaveToBeFinite) {
  const Network network = small_model().import();  // 54 weights, then 108
  std::vector<float> numbers(162, -1.0f);
  EXPECT_NO_THROW(check_finite(network, numbers, "gradient"));
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    numbers[54 + 7] = bad;
    try {
      check_finite(network, numbers, "gradient");
      ADD_FAILURE() << "nothing was thrown";
    } catch (const NetworkError& error) {
      EXPECT_THAT(error.what(), AllOf(HasSubstr("gradient of weight 7"), HasSubstr("layer 'fc'")));
    }
  }
}

}  // namespace
}  // namespace uswim::tests
