#pragma once
#include <memory>

#include "programmer/write_verify/pulse_model.h"

namespace uswim::programmer {

/// The model of `config.pulse_model` that fills in the powers of DeviceOutcomes too, as
/// `config.power` (which must be set) says. The outcomes are the same; the pulses that they record
/// are gone through once more, with the same draws. `statistical` is refused with
/// std::invalid_argument: it has no conductance at a pulse.
std::unique_ptr<PulseModel> make_powered_model(const WriteVerifyConfig& config,
                                               const DeviceModel& device);

}  // namespace uswim::programmer
