#pragma once
#include <cstdint>
#include <stdexcept>

namespace uswim::support {

/// A physical quantity in its SI unit. Made and read only by functions that name the unit, so
/// `Energy e = 3.0;` does not compile and a picojoule cannot be taken for a joule.
template <class Dimension>
class Quantity {
 public:
  constexpr Quantity() = default;
  static constexpr Quantity from_si(double value) { return Quantity(value); }
  constexpr double in_si() const { return value_; }

  constexpr Quantity& operator+=(Quantity other) {
    value_ += other.value_;
    return *this;
  }
  friend constexpr Quantity operator+(Quantity a, Quantity b) {
    return Quantity(a.value_ + b.value_);
  }
  friend constexpr Quantity operator-(Quantity a, Quantity b) {
    return Quantity(a.value_ - b.value_);
  }
  friend constexpr Quantity operator*(Quantity a, double k) { return Quantity(a.value_ * k); }
  friend constexpr Quantity operator*(double k, Quantity a) { return Quantity(a.value_ * k); }
  friend constexpr double operator/(Quantity a, Quantity b) { return a.value_ / b.value_; }
  friend constexpr bool operator==(Quantity a, Quantity b) { return a.value_ == b.value_; }
  friend constexpr bool operator!=(Quantity a, Quantity b) { return a.value_ != b.value_; }
  friend constexpr bool operator<(Quantity a, Quantity b) { return a.value_ < b.value_; }
  friend constexpr bool operator<=(Quantity a, Quantity b) { return a.value_ <= b.value_; }
  friend constexpr bool operator>(Quantity a, Quantity b) { return a.value_ > b.value_; }
  friend constexpr bool operator>=(Quantity a, Quantity b) { return a.value_ >= b.value_; }

 private:
  explicit constexpr Quantity(double value) : value_(value) {}
  double value_ = 0.0;
};

using Energy = Quantity<struct EnergyDimension>;            ///< joule
using Power = Quantity<struct PowerDimension>;              ///< watt
using Voltage = Quantity<struct VoltageDimension>;          ///< volt
using Conductance = Quantity<struct ConductanceDimension>;  ///< siemens
using Frequency = Quantity<struct FrequencyDimension>;      ///< hertz

constexpr Energy joules(double v) { return Energy::from_si(v); }
constexpr Energy picojoules(double v) { return Energy::from_si(v / 1e12); }
constexpr double in_joules(Energy e) { return e.in_si(); }
constexpr double in_picojoules(Energy e) { return e.in_si() * 1e12; }
constexpr Power milliwatts(double v) { return Power::from_si(v / 1e3); }
constexpr Frequency gigahertz(double v) { return Frequency::from_si(v * 1e9); }
constexpr Voltage volts(double v) { return Voltage::from_si(v); }

/// A span of simulated time in whole picoseconds, the resolution of the kernel.
class Duration {
 public:
  constexpr Duration() = default;
  static constexpr Duration picoseconds(std::int64_t v) { return Duration(v); }
  static constexpr Duration nanoseconds(std::int64_t v) { return Duration(v * 1000); }
  constexpr std::int64_t in_picoseconds() const { return picoseconds_; }
  constexpr double in_seconds() const { return static_cast<double>(picoseconds_) * 1e-12; }

  /// The nearest picosecond. Throws std::invalid_argument where a positive time would become zero.
  static Duration from_seconds(double seconds) {
    const double ps = seconds * 1e12;
    if (!(ps >= 0.0 && ps < 9e18))
      throw std::invalid_argument("a duration must lie in [0, 104 days]");
    const auto whole = static_cast<std::int64_t>(ps + 0.5);
    if (ps > 0.0 && whole == 0)
      throw std::invalid_argument("a positive duration below half a picosecond would become zero");
    return Duration(whole);
  }

  constexpr Duration& operator+=(Duration other) {
    picoseconds_ += other.picoseconds_;
    return *this;
  }
  friend constexpr Duration operator+(Duration a, Duration b) {
    return Duration(a.picoseconds_ + b.picoseconds_);
  }
  friend constexpr Duration operator-(Duration a, Duration b) {
    return Duration(a.picoseconds_ - b.picoseconds_);
  }
  friend constexpr Duration operator*(Duration a, std::int64_t k) {
    return Duration(a.picoseconds_ * k);
  }
  friend constexpr Duration operator*(std::int64_t k, Duration a) { return a * k; }
  friend constexpr bool operator==(Duration a, Duration b) {
    return a.picoseconds_ == b.picoseconds_;
  }
  friend constexpr bool operator!=(Duration a, Duration b) {
    return a.picoseconds_ != b.picoseconds_;
  }
  friend constexpr bool operator<(Duration a, Duration b) {
    return a.picoseconds_ < b.picoseconds_;
  }
  friend constexpr bool operator<=(Duration a, Duration b) {
    return a.picoseconds_ <= b.picoseconds_;
  }
  friend constexpr bool operator>(Duration a, Duration b) {
    return a.picoseconds_ > b.picoseconds_;
  }
  friend constexpr bool operator>=(Duration a, Duration b) {
    return a.picoseconds_ >= b.picoseconds_;
  }

  /// This duration rounded up to whole periods of `period` (> 0): components work in clock cycles.
  constexpr Duration rounded_up_to(Duration period) const {
    const std::int64_t cycles = (picoseconds_ + period.picoseconds_ - 1) / period.picoseconds_;
    return Duration(cycles * period.picoseconds_);
  }

 private:
  explicit constexpr Duration(std::int64_t v) : picoseconds_(v) {}
  std::int64_t picoseconds_ = 0;
};

/// The period of a clock, to the nearest picosecond.
inline Duration period_of(Frequency f) { return Duration::from_seconds(1.0 / f.in_si()); }
constexpr Energy operator*(Power p, Duration t) { return joules(p.in_si() * t.in_seconds()); }

}  // namespace uswim::support
