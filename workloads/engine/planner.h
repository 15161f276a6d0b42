#pragma once
#include <vector>

#include "workloads/engine/plan.h"

namespace uswim::workloads {

/// Fills in the plan's values, steps, pixel codes and result: everything but memory. Throws
/// NetworkError, see Executor.
void plan_steps(ExecutionPlan& plan, const Network& network,
                const std::vector<QuantizedWeights>& quantized,
                const ExecutionPlan::Options& options);

}  // namespace uswim::workloads
