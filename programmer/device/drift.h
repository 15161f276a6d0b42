#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "support/config_reader.h"
#include "tiles/cell_array.h"

namespace uswim::programmer {

struct DeviceConfig;
struct DeviceData;

/// What becomes of a programmed conductance. z is standard normal, one draw per device and
/// programming (Stream::Drift): a device goes on the way that it has taken.
///   power_law  G(t) = G(t0) (t / t0)^-nu, nu = |mean + sd z| with mean and sd by conductance
///   spread     G(t) = G(t0) + s(t) z, the variance s^2 growing linearly with log t
///   log        g(t) = g(t0) + (rate + rate_sd z) log10(t / t0), g being the fraction of the full
///              scale
enum class DriftLaw { PowerLaw, Spread, Log };

/// What a device file says of drift: `power_law` with a table of nu, or `spread`.
struct DriftData {
  DriftLaw law = DriftLaw::PowerLaw;
  double t0_s = 1.0;
  double until_s = std::numeric_limits<double>::infinity();  ///< end of the valid range
  std::vector<double> conductance_uS;                        ///< ascending; of the tables
  std::vector<double> nu, nu_sd;                             ///< power_law
  std::vector<double> sigma_uS;                              ///< spread: all of it at until_s
};
DriftData read_drift_data(support::ConfigReader in);

/// `Device`: the law of the preset's or the own file.
enum class DriftModelKind { None, Device, PowerLaw, Log };
inline constexpr std::array<std::pair<std::string_view, DriftModelKind>, 4> kDriftModels{
    {{"none", DriftModelKind::None},
     {"device", DriftModelKind::Device},
     {"power_law", DriftModelKind::PowerLaw},
     {"log", DriftModelKind::Log}}};

struct DriftConfig {
  DriftModelKind model = DriftModelKind::None;
  support::Duration t0 = support::Duration::nanoseconds(1'000'000'000);
  double nu = 0.0, nu_sd = 0.0;
  double rate = 0.0, rate_sd = 0.0;
};
/// `data`: of the device's file, if it states any.
DriftConfig read_drift(support::ConfigReader in, const std::optional<DriftData>& data);

/// The drift of one kind of device. Programming knows nothing of it: it is applied to conductances
/// that were left at t0 after programming.
class DriftModel {
 public:
  explicit DriftModel(const DeviceConfig& device);

  bool drifts() const { return drifts_; }
  /// Times after programming for which the law holds.
  double first_s() const { return law_.t0_s; }
  double last_s() const { return law_.until_s; }

  /// Conductance (fraction of the full scale) `seconds` after programming, of a device that had
  /// `programmed` at t0.
  float aged(float programmed, double seconds, float z) const {
    return aged(programmed, time_of(seconds), z);
  }
  /// The same of devices `first`, `first + 1` ... of a chip; stuck ones keep what they have.
  void age(double seconds, std::uint64_t seed, std::uint32_t chip, std::uint64_t first,
           std::vector<float>& conductance) const;
  /// The same of the cells of an array of `rows` x `pitch`.
  void age(double seconds, std::uint64_t seed, std::uint32_t chip, std::uint64_t first,
           std::size_t rows, std::size_t pitch, unsigned levels, tiles::CellArray& cells) const;

 private:
  struct Time {
    double log_ratio;  ///< ln(t / t0)
    double part;       ///< of the way from t0 to the end of the valid range, in log t
  };
  Time time_of(double seconds) const;
  float aged(float programmed, const Time& time, float z) const;

  bool drifts_;
  DriftData law_;
  double rate_, rate_sd_;
  double lowest_uS_ = 0.0, span_uS_ = 1.0;  ///< 0 and 1 where the device's range is not known
  std::vector<double> added_variance_;      ///< spread: uS^2 between t0 and until_s
  double stuck_low_, stuck_high_;
};

}  // namespace uswim::programmer
