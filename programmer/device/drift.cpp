#include "programmer/device/drift.h"

#include <algorithm>
#include <cmath>

#include "programmer/device/device_model.h"
#include "programmer/write_verify/pulse_rules.h"
#include "support/device_normals.h"
#include "support/portable_math.h"

namespace uswim::programmer {
namespace {

enum class FileLaw { PowerLaw, Spread };
constexpr std::array<std::pair<std::string_view, FileLaw>, 2> kFileLaws{
    {{"power_law", FileLaw::PowerLaw}, {"spread", FileLaw::Spread}}};

/// Linear between the points, constant beyond them.
double interpolate(const std::vector<double>& x, const std::vector<double>& y, double at) {
  if (at <= x.front()) return y.front();
  if (at >= x.back()) return y.back();
  const auto i = static_cast<std::size_t>(std::upper_bound(x.begin(), x.end(), at) - x.begin());
  return y[i - 1] + (at - x[i - 1]) / (x[i] - x[i - 1]) * (y[i] - y[i - 1]);
}

}  // namespace

DriftData read_drift_data(support::ConfigReader in) {
  DriftData d;
  FileLaw law = FileLaw::PowerLaw;
  in.word("model", law, kFileLaws, {"law of the drift"});
  support::Duration t0, until;
  in.duration("t0", t0, {"time after programming at which the programmed spread was found"});
  d.t0_s = t0.in_seconds();
  in.check(d.t0_s > 0.0, "t0", "must be above 0 s");
  in.numbers("conductance_uS", d.conductance_uS, support::at_least(0), {"where the tables hold"});
  const auto fits = [&](const std::vector<double>& table) {
    return table.size() == d.conductance_uS.size() && table.size() >= 2;
  };
  if (law == FileLaw::PowerLaw) {
    in.numbers("nu", d.nu, support::at_least(0), {"mean exponent"});
    in.numbers("nu_sd", d.nu_sd, support::at_least(0), {"its standard deviation over devices"});
    in.check(fits(d.nu) && fits(d.nu_sd), "nu",
             "needs as many entries as 'conductance_uS' and 'nu_sd', two at least");
  } else {
    d.law = DriftLaw::Spread;
    in.duration("until", until, {"time after programming of 'sigma_uS', end of the valid range"});
    d.until_s = until.in_seconds();
    in.check(d.until_s > d.t0_s, "until", "must lie above 't0'");
    in.numbers("sigma_uS", d.sigma_uS, support::at_least(0),
               {"standard deviation at 'until', that of programming included"});
    in.check(fits(d.sigma_uS), "sigma_uS",
             "needs as many entries as 'conductance_uS', two at least");
  }
  in.check(std::is_sorted(d.conductance_uS.begin(), d.conductance_uS.end(),
                          [](double a, double b) { return a <= b; }),
           "conductance_uS", "must ascend");
  return d;
}

DriftConfig read_drift(support::ConfigReader in, const std::optional<DriftData>& data) {
  DriftConfig c;
  in.word("model", c.model, kDriftModels,
          {"none; device: the law of the preset's file; power_law: G falls with (t / t0)^-nu; log: "
           "G moves by 'rate' of the full scale with each decade of t / t0",
           "none: the papers"});
  in.check(c.model != DriftModelKind::Device || data, "model",
           "the device's file states no drift; use 'power_law' or 'log'");
  in.duration("t0", c.t0,
              {"with power_law or log: time after programming at which the programmed conductances "
               "hold",
               "unconfirmed"});
  in.check(c.t0 > support::Duration(), "t0", "must be above 0 s");
  in.number("nu", c.nu, support::closed(0, 1),
            {"with power_law: mean exponent, the same at every conductance", "unconfirmed: none"});
  in.number(
      "nu_sd", c.nu_sd, support::closed(0, 1),
      {"with power_law: its standard deviation over devices; the magnitude of the draw counts",
       "unconfirmed: none"});
  in.number("rate", c.rate, support::closed(-1, 1),
            {"with log: mean change per decade of time, fraction of the full scale",
             "unconfirmed: none"});
  in.number("rate_sd", c.rate_sd, support::closed(0, 1),
            {"with log: its standard deviation over devices", "unconfirmed: none"});
  return c;
}

DriftModel::DriftModel(const DeviceConfig& device)
    : drifts_(device.drift.model != DriftModelKind::None),
      rate_(device.drift.rate),
      rate_sd_(device.drift.rate_sd),
      stuck_low_(device.stuck_low),
      stuck_high_(device.stuck_high) {
  const DeviceData& data = data_of(device);
  const DriftConfig& c = device.drift;
  if (c.model == DriftModelKind::Device) {
    law_ = *data.drift;
  } else {
    law_.t0_s = c.t0.in_seconds();
    law_.law = c.model == DriftModelKind::Log ? DriftLaw::Log : DriftLaw::PowerLaw;
    law_.conductance_uS = {0.0, 1.0};
    law_.nu = {c.nu, c.nu};
    law_.nu_sd = {c.nu_sd, c.nu_sd};
  }
  if (device.highest_level || data.highest.in_si() > 0.0) {
    lowest_uS_ = device.lowest_level.value_or(data.lowest).in_si() * 1e6;
    span_uS_ = device.highest_level.value_or(data.highest).in_si() * 1e6 - lowest_uS_;
  }
  for (std::size_t i = 0; i < law_.sigma_uS.size(); ++i) {
    const double before = data.sigma_at(law_.conductance_uS[i]);
    added_variance_.push_back(std::max(0.0, law_.sigma_uS[i] * law_.sigma_uS[i] - before * before));
  }
}

DriftModel::Time DriftModel::time_of(double seconds) const {
  // From t0 on: portable_log1p takes no negative argument.
  const double log_ratio = support::portable_log1p(seconds / law_.t0_s - 1.0);
  const double whole =
      law_.law == DriftLaw::Spread ? support::portable_log1p(law_.until_s / law_.t0_s - 1.0) : 1.0;
  return {log_ratio, log_ratio / whole};
}

float DriftModel::aged(float programmed, const Time& time, float z) const {
  const double g = static_cast<double>(programmed), n = static_cast<double>(z);
  const double uS = lowest_uS_ + g * span_uS_;
  switch (law_.law) {
    case DriftLaw::PowerLaw: {
      const double nu = std::abs(interpolate(law_.conductance_uS, law_.nu, uS) +
                                 interpolate(law_.conductance_uS, law_.nu_sd, uS) * n);
      // What a pulse has carried below zero is no conductance and does not decay.
      if (uS <= 0.0) return programmed;
      const double lost = uS * (support::portable_exp(-nu * time.log_ratio) - 1.0);
      return static_cast<float>(g + lost / span_uS_);
    }
    case DriftLaw::Spread: {
      const double variance = interpolate(law_.conductance_uS, added_variance_, uS) * time.part;
      return static_cast<float>(g + std::sqrt(variance) * n / span_uS_);
    }
    case DriftLaw::Log:
      break;
  }
  constexpr double kLogTen = 2.302585092994046;
  return static_cast<float>(g + (rate_ + rate_sd_ * n) * (time.log_ratio / kLogTen));
}

void DriftModel::age(double seconds, std::uint64_t seed, std::uint32_t chip, std::uint64_t first,
                     std::vector<float>& conductance) const {
  const std::size_t n = conductance.size();
  const Time time = time_of(seconds);
  PulseConstants stuck;
  stuck.stuck_low = stuck_low_;
  stuck.stuck_high = stuck_high_;
  std::vector<float> z(n);
  support::device_normals({seed, chip, support::Stream::Drift}, first, n, z.data());
  for (std::size_t i = 0; i < n; ++i)
    if (stuck_state(stuck, seed, chip, first + i) == Stuck::No)
      conductance[i] = aged(conductance[i], time, z[i]);
}

void DriftModel::age(double seconds, std::uint64_t seed, std::uint32_t chip, std::uint64_t first,
                     std::size_t rows, std::size_t pitch, unsigned levels,
                     tiles::CellArray& cells) const {
  const float unit = 1.0f / static_cast<float>((levels - 1) * tiles::kUnitsPerLevel);
  std::vector<float> conductance(rows * pitch);
  for (std::size_t i = 0; i < conductance.size(); ++i)
    conductance[i] = static_cast<float>(cells.row(0)[i]) * unit;
  age(seconds, seed, chip, first, conductance);
  for (std::size_t i = 0; i < conductance.size(); ++i)
    cells.row(0)[i] = tiles::cell_units(conductance[i], levels);
}

}  // namespace uswim::programmer
