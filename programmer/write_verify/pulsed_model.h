#pragma once
#include <memory>

#include "programmer/write_verify/pulse_model.h"

namespace uswim::programmer {

/// `redraw` and `incremental`: the same pulse in every round until the device is inside its window
/// or given up. The fast path: whole vectors of devices, in chunks that stay in the first cache.
std::unique_ptr<PulseModel> make_pulsed_model(const WriteVerifyConfig& config,
                                              const DeviceModel& device);

}  // namespace uswim::programmer
