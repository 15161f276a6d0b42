#pragma once
#include <memory>

#include "programmer/write_verify/pulse_model.h"

namespace uswim::programmer {

/// `ispp`: pulses of growing amplitude (see ispp.h), starting at the erased level.
std::unique_ptr<PulseModel> make_ispp_model(const WriteVerifyConfig& config,
                                            const DeviceModel& device);

}  // namespace uswim::programmer
