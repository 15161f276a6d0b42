#include "experiment/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "sc_models/power_arbiter.h"
#include "support/config/scalar_text.h"
#include "support/results.h"

namespace uswim::experiment {

using support::ConfigReader;

namespace {

/// "1 s", "2.5 h", "30 days".
std::optional<double> read_time(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 5> kUnits{
      {{"s", 1.0}, {"min", 60.0}, {"h", 3600.0}, {"day", 86400.0}, {"days", 86400.0}}};
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const auto number = support::config::read_number(text.substr(0, space));
  for (const auto& [unit, seconds] : kUnits)
    if (number.value && *number.value > 0.0 && text.substr(space + 1) == unit)
      return *number.value * seconds;
  return std::nullopt;
}

/// The time that `text` names, with a fault at `key` unless the device's drift is stated for it.
std::optional<double> drift_time(ConfigReader& in, std::string_view key, const std::string& text,
                                 const programmer::DeviceConfig& device) {
  const std::optional<double> seconds = read_time(text);
  in.check(seconds.has_value(), key,
           "'" + text + "' is no time (expected e.g. '1 s', '10 min', '1 h', '30 days')");
  if (device.drift.model == programmer::DriftModelKind::Device &&
      !programmer::data_of(device).drift)
    return std::nullopt;  // a fault of the model's key
  const programmer::DriftModel drift(device);
  in.check(drift.drifts(), key, "needs a 'device.drift.model'");
  if (!seconds || !drift.drifts()) return std::nullopt;
  in.check(*seconds >= drift.first_s() && *seconds <= drift.last_s(), key,
           fmt::format("{:g} s lies outside the time for which the device's drift is stated, {:g} "
                       "to {:g} s",
                       *seconds, drift.first_s(), drift.last_s()));
  return seconds;
}

/// Further keys of the section `programming`, which `pulses` came from.
StartConfig read_start(ConfigReader in, const programmer::WriteVerifyConfig& pulses,
                       const programmer::DeviceConfig& device) {
  using programmer::PulseModelKind;
  StartConfig c;
  in.word("start", c.start, kChipStarts,
          {"what the chip holds: nothing, or the weights of an earlier programming, whose devices "
           "are moved to the new levels; then write-verify begins with a read, and devices inside "
           "the window get no pulse"});
  in.path("previous_network", c.previous_network,
          {"with programmed: ONNX file of the earlier network, its layers of the same size; where "
           "left out the same network"});
  in.word("previous_state", c.previous_state, kPreviousStates,
          {"with programmed: whether the earlier weights were all write-verified, or none"});
  in.boolean("skip_unchanged", c.skip_unchanged,
             {"with programmed: devices whose level stays the same are neither written nor read"});
  std::string age;
  in.text("previous_age", age,
          {"with programmed: time since the earlier programming ('1 day'), for device.drift; where "
           "left out the conductances are as they were left"});
  if (!age.empty()) c.previous_age_s = drift_time(in, "previous_age", age, device);
  const bool programmed = c.start == ChipStart::Programmed;
  in.check(programmed || age.empty(), "previous_age", "needs 'start: programmed'");
  in.check(programmed || c.previous_network.empty(), "previous_network",
           "needs 'start: programmed'");
  in.check(programmed || !c.skip_unchanged, "skip_unchanged", "needs 'start: programmed'");
  in.check(programmed || c.previous_state == PreviousState::Verified, "previous_state",
           "needs 'start: programmed'");
  in.check(!programmed || pulses.pulse_model != PulseModelKind::Statistical, "start",
           "pulse_model 'statistical' has a fixed number of cycles, wherever a device starts");
  in.check(!programmed || pulses.pulse_model != PulseModelKind::Incremental ||
               pulses.start == programmer::StartState::Erased,
           "start", "'programmed' begins with a read: 'incremental.start' cannot be 'open_loop'");
  return c;
}

/// A device's own step needs a pulse model with steps.
void check_device_steps(ConfigReader& device, const Config& c) {
  using programmer::PulseModelKind;
  const PulseModelKind model = c.programming.pulse_model;
  device.check(c.device.device_to_device <= 0.0 || model == PulseModelKind::Incremental ||
                   model == PulseModelKind::Ispp,
               "device_to_device",
               "acts on the steps of 'programming.pulse_model: incremental' and 'ispp'; 'redraw' "
               "and 'statistical' have none (expected 0)");
}

/// Errors of verify reads need a model that reads.
void check_read_noise(ConfigReader& device, const Config& c) {
  device.check(
      c.device.read_noise <= 0.0 ||
          c.programming.pulse_model != programmer::PulseModelKind::Statistical,
      "read_noise",
      "disturbs verify reads; 'programming.pulse_model: statistical' has none (expected 0)");
}

/// Ramps lie in the range that the device's file states for its pulses.
void check_ramps(ConfigReader& in, const Config& c) {
  if (c.programming.pulse_model != programmer::PulseModelKind::Ispp) return;
  const tiles::DeviceFigures figures = programmer::data_of(c.device).figures;
  const auto check = [&](const std::string& polarity, const programmer::PulseRamp& ramp,
                         const std::optional<tiles::DevicePulse>& pulse) {
    if (!pulse) return;
    for (const auto& [key, voltage] : {std::pair{".start", ramp.start}, {".stop", ramp.stop}})
      in.check(voltage >= pulse->lowest_voltage && voltage <= pulse->highest_voltage,
               "programming.ispp." + polarity + key,
               fmt::format("lies outside the valid range of the device, {:g} to {:g} V",
                           pulse->lowest_voltage.in_si(), pulse->highest_voltage.in_si()));
  };
  check("set", c.programming.ispp.set, figures.set);
  check("reset", c.programming.ispp.reset, figures.reset);
}

/// Steps of the verify reads, with which every level must be within reach.
void apply_verify_steps(ConfigReader& in, Config& c) {
  if (c.tile.verify.adc_bits == 0) return;
  in.check(c.programming.pulse_model != programmer::PulseModelKind::Statistical, "tile",
           "'verify.adc_bits' needs a pulse model that reads; 'statistical' does not");
  const double steps = std::ldexp(1.0, static_cast<int>(c.tile.verify.adc_bits));
  const double levels = (1u << c.device.bits) - 1;
  double furthest = 0.0;  // of a level from the nearest step
  for (double level = 0.0; level <= levels; ++level)
    furthest = std::max(furthest,
                        std::fabs(std::nearbyint(level / levels * steps) / steps - level / levels));
  in.check(furthest <= c.programming.tolerance, "tile",
           fmt::format("with 'verify.adc_bits: {}' a level lies {:.3g} of the full scale from the "
                       "nearest step, beyond 'programming.tolerance'",
                       c.tile.verify.adc_bits, furthest));
  c.programming.read_bits = c.tile.verify.adc_bits;
  c.programming.rounded_reads = c.tile.verify.reads;
}

/// Energy by conductance, of pulses or verify reads, which tile, device and pulse model have part
/// in.
void apply_cell_energies(ConfigReader& in, Config& c) {
  using programmer::PulseModelKind;
  const bool by_pulse = c.tile.write.pulse_energy == tiles::CellEnergy::Conductance;
  if (!by_pulse && c.tile.verify.cell_energy == tiles::CellEnergy::Fixed) return;
  const std::string key = by_pulse ? "tile.write.pulse_energy" : "tile.verify.cell_energy";
  in.check(c.device.highest_level.has_value(), "device",
           fmt::format("'{}: conductance' needs 'lowest_level' and 'highest_level'", key));
  in.check(
      c.programming.pulse_model != PulseModelKind::Statistical, "programming",
      fmt::format("pulse_model 'statistical' has no conductance at a pulse; set '{}: fixed'", key));
  if (!c.device.highest_level) return;
  c.programming.power = {c.tile.set.voltage, c.tile.reset.voltage, c.tile.verify.read_voltage,
                         *c.device.lowest_level, *c.device.highest_level};
  if (!by_pulse) return;
  c.tile.lowest_level = *c.device.lowest_level;
  c.tile.highest_level = *c.device.highest_level;
  const auto limit = [&](tiles::PulseConfig& pulse, const programmer::PulseRamp& ramp) {
    double volts = pulse.voltage.in_si();
    if (c.programming.pulse_model == PulseModelKind::Ispp)
      volts = std::max(volts, ramp.stop.in_si());
    pulse.largest_power = support::Power::from_si(volts * volts * c.device.highest_level->in_si());
  };
  limit(c.tile.set, c.programming.ispp.set);
  limit(c.tile.reset, c.programming.ispp.reset);
}

/// What needs images has them, and what needs a measured accuracy measures it.
void check_images(ConfigReader& workload, ConfigReader& accuracy, ConfigReader& inference,
                  const Config& c) {
  const bool is_synthetic = c.workload.is_synthetic();
  workload.check(!is_synthetic || !c.measures_accuracy(), "synthetic",
                 "has no images: it needs 'accuracy.images: 0'");
  workload.check(!is_synthetic || c.inference_images == 0, "synthetic",
                 "has no images: it needs 'inference.images: 0'");
  workload.check(!is_synthetic || !c.needs_training_images(), "synthetic",
                 "has no sensitivity: 'magnitude', 'random', 'all', 'none' and 'imported' rank its "
                 "weights, and rows and outputs stand in their natural order");
  if (is_synthetic) return;
  const bool runs_images = c.measures_accuracy() || c.inference_images > 0;
  workload.check(!runs_images || !c.workload.test.images.empty(), "test.images",
                 "missing: 'accuracy.images' and 'inference.images' take test images; with 0 of "
                 "both the chip is only programmed");
  workload.check(!c.needs_training_images() || !c.workload.sensitivity.images.empty(),
                 "sensitivity.images",
                 "missing: a policy, the placement or in-situ training needs training images");
  accuracy.check(c.measures_accuracy() || c.accuracy_times_s.empty(), "times",
                 "needs 'accuracy.images' above 0");
  const bool decides_on_the_chip =
      c.in_situ.iterations > 0 || !c.selection.iterative.policies.empty();
  accuracy.check(c.measures_accuracy() || !decides_on_the_chip, "images",
                 "'selection.iterative' and 'in_situ' measure the accuracy: needs more than 0");
  inference.check(c.inference_images > 0 || !decides_on_the_chip, "images",
                  "'selection.iterative' and 'in_situ' run images on the chip: needs more than 0");
}

}  // namespace

bool Config::sees_devices() const {
  return selection.uses(programmer::SelectionPolicy::WorthPerCycle) ||
         selection.uses(programmer::SelectionPolicy::RowTime) ||
         mapping.row_order != RowOrder::Natural || mapping.column_order != ColumnOrder::Natural;
}

bool Config::ranks_weights() const {
  using programmer::SelectionPolicy;
  for (const auto& [name, policy] : programmer::kSelectionPolicies)
    if (policy != SelectionPolicy::All && policy != SelectionPolicy::None && selection.uses(policy))
      return true;
  return sees_devices() || !selection.scores.empty();
}

bool Config::needs_curvature(CurvatureMeasure measure) const {
  return sees_devices() && selection.curvature.measure == measure;
}

bool Config::needs_second_derivative() const {
  return selection.uses(programmer::SelectionPolicy::Uswim) ||
         selection.uses(programmer::SelectionPolicy::Swim) || sees_devices();
}

bool Config::needs_training_images() const {
  using programmer::SelectionPolicy;
  for (const SelectionPolicy policy :
       {SelectionPolicy::Hutchinson, SelectionPolicy::Fisher, SelectionPolicy::Gradient})
    if (selection.uses(policy)) return true;
  return needs_second_derivative() || in_situ.iterations > 0;
}

Config read_config(ConfigReader in) {
  Config c;
  in.whole("seed", c.seed, support::closed(0, 9007199254740992.0), {"of every random stream"});
  in.whole("chips", c.chips, support::closed(1, 100000),
           {"Monte Carlo instances; the papers' figures use 3,000"});
  auto workload = in.section("workload", {"network and data"});
  c.workload = read_workload(workload, c.seed);
  auto device = in.section("device", {"the memory cell"});
  c.device = programmer::read_device(device);
  auto programming = in.section("programming", {"write-verify"});
  c.programming = programmer::read_write_verify(programming);
  check_device_steps(device, c);
  check_read_noise(device, c);
  c.start = read_start(programming, c.programming, c.device);
  c.selection = read_selection(in.section("selection", {"which weights are write-verified"}));
  in.check(c.start.start == ChipStart::Erased || c.selection.iterative.policies.empty(),
           "selection",
           "'iterative' verifies later by erasing devices: it needs 'programming.start: erased'");
  auto in_situ = in.section(
      "in_situ", {"in-situ training on the programmed chip, a baseline beside the policies"});
  in_situ.whole("iterations", c.in_situ.iterations, support::closed(0, 100000),
                {"batches, each followed by a write without verify; 0: no training"});
  in_situ.whole("batch", c.in_situ.batch, support::closed(1, 100000),
                {"images of an iteration, from workload.sensitivity", "unconfirmed"});
  in_situ.number("learning_rate", c.in_situ.learning_rate, support::left_open(0, 1000),
                 {"of stochastic gradient descent, on the mean loss of a batch", "unconfirmed"});
  in_situ.word("rewrite", c.in_situ.rewriting, kRewritings,
               {"devices that an iteration writes: all, or those whose level has changed",
                "unconfirmed: the papers write every weight once an iteration"});
  in_situ.number("backward_cost", c.in_situ.backward_cost, support::closed(0, 1000),
                 {"time and energy of back-propagation, relative to the batch's inference",
                  "unconfirmed: two products of the forward pass's size for each of its products"});
  auto mapping = in.section(
      "mapping", {"where the rows and outputs of a layer stand; the network computes the "
                  "same"});
  mapping.word("row_order", c.mapping.row_order, kRowOrders,
               {"natural: in order, one array filled after the other; balanced: cut evenly, rows "
                "with much to verify dealt out over the layer's arrays; shared: dealt out over all "
                "arrays, which then hold rows of several layers that take turns in inference"});
  mapping.word("column_order", c.mapping.column_order, kColumnOrders,
               {"natural: outputs in order, one array filled after the other; balanced: cut "
                "evenly, and dealt out over the arrays, gathered on few of them, or left in order, "
                "whichever avoids most loss"});
  mapping.whole("extra_arrays", c.mapping.extra_arrays, support::closed(0, 100000),
                {"with balanced or shared rows: arrays more than needed, given to the layers "
                 "where they avoid most loss"});
  mapping.check(c.mapping.extra_arrays == 0 || c.mapping.row_order != RowOrder::Natural,
                "extra_arrays",
                "rows in their natural order leave them empty: needs 'row_order: balanced' or "
                "'shared'");
  mapping.number("budget", c.mapping.budget, support::left_open(0, 1),
                 {"with balanced or shared: part of the time of verifying everything for which "
                  "they are placed"});
  c.tile = tiles::read_tile(in.section("tile", {"one crossbar array with its periphery"}),
                            programmer::data_of(c.device).figures);
  c.device.verify_reads = c.tile.verify.reads;
  check_ramps(in, c);
  apply_verify_steps(in, c);
  apply_cell_energies(in, c);
  in.check(c.tile.write.erase == tiles::EraseRows::NotCounted || c.start.start == ChipStart::Erased,
           "tile", "'write.erase: counted' needs 'programming.start: erased'");
  in.check(c.in_situ.iterations == 0 || c.tile.write.rows == 1, "in_situ",
           "rewrites row by row: it needs 'tile.write.rows: 1'");
  c.chip = sc_models::read_chip(in.section("chip", {"what surrounds the tiles"}));

  const support::Power row_power = sc_models::largest_row_power(c.tile);
  in.check(c.chip.power_budget == support::Power() || row_power <= c.chip.power_budget, "chip",
           fmt::format("'power_budget' of {} W is below the {} W that one full row can draw; raise "
                       "it, or lower 'tile.write.drivers'",
                       c.chip.power_budget.in_si(), row_power.in_si()));

  auto inference = in.section("inference", {"images through the timed models"});
  inference.whole("images", c.inference_images, support::closed(0, 1000),
                  {"images of the stream whose latency, throughput and energy are reported; 0: no "
                   "inference"});

  auto accuracy = in.section("accuracy", {"over the test images, without timing"});
  accuracy.whole("images", c.accuracy_images, support::closed(0, 1000000),
                 {"test images per evaluation; all of them where there are fewer; 0: programming "
                  "only, no accuracy is measured, with ADCs neither"});
  accuracy.word("arithmetic", c.arithmetic, workloads::kArithmetics,
                {"what the programmed weights are rounded to for an ideal ADC. integer16: one unit "
                 "per layer, exact sums; float32: not at all, sums rounded as in a float library; "
                 "integer8: a unit per output, exact sums; weights are rounded to bytes, those of "
                 "8 bits without "
                 "errors too, and codes of inputs have at most 8 bits",
                 "unconfirmed: integer16 rounds 2^7 times finer than integer8 and is as fast as "
                 "float32 or faster"});
  accuracy.number("drop", c.accuracy_drop, support::closed(0, 1),
                  {"report what it costs to come within this of the ideal accuracy"});
  std::vector<std::string> times;
  accuracy.texts("times", times,
                 {"times after programming at which the accuracy is measured again, for "
                  "device.drift: [1 h, 1 day, 30 days]; see retention.csv"});
  for (const std::string& text : times)
    if (const auto seconds = drift_time(accuracy, "times", text, c.device)) {
      accuracy.check(
          std::count(c.accuracy_times_s.begin(), c.accuracy_times_s.end(), *seconds) == 0, "times",
          "names '" + text + "' twice");
      c.accuracy_times_s.push_back(*seconds);
      c.accuracy_times.push_back(text);
    }
  auto hardware = accuracy.section(
      "hardware", {"the same with bit-serial inputs and ADCs, on few chips and images"});
  hardware.whole("chips", c.hardware.chips, support::closed(0, 100000), {"0 leaves it out"});
  hardware.numbers("fractions", c.hardware.fractions, support::closed(0, 1),
                   {"of the first policy; those that selection.fractions does not have are added"});
  hardware.whole("images", c.hardware.images, support::closed(1, 1000000),
                 {"test images per evaluation"});

  check_images(workload, accuracy, inference, c);

  auto correlation = in.section("correlation", {"of `uswim correlate`: single weights are moved"});
  correlation.whole("weights", c.correlation.weights, support::closed(2, 100000000),
                    {"how many, drawn at random; all where there are fewer", "unconfirmed"});
  correlation.number(
      "perturbation", c.correlation.perturbation, support::left_open(0, 10),
      {"size of the move up and down, part of the layer's largest weight", "unconfirmed"});
  correlation.whole("images", c.correlation.images, support::closed(1, 1000000),
                    {"test images, the first ones; all where there are fewer", "unconfirmed"});

  auto output = in.section("output", {"files beyond those that are always written"});
  output.boolean("timeline", c.timeline,
                 {"timeline.json, power.csv, cycles_histogram.csv, selected_devices.csv and "
                  "selected_devices.npy of chip 0: the first policy at the largest fraction below "
                  "1"});

  const unsigned slices = (c.workload.weight_bits + c.device.bits - 1) / c.device.bits;
  in.check(c.selection.verified_slices <= slices, "selection",
           fmt::format("'verified_slices' is {}, but a weight has {}", c.selection.verified_slices,
                       slices));
  const unsigned per_weight = 2 * slices;
  in.check(
      c.tile.columns >= per_weight, "tile",
      "'columns' must hold at least the " + std::to_string(per_weight) + " devices of one weight");
  return c;
}

LoadedConfig load_config(const std::filesystem::path& file,
                         const std::vector<std::string>& overrides) {
  support::ConfigDocument document = support::ConfigDocument::from_file(file, overrides);
  const Config config = read_config(document.root());
  document.finish();
  std::string hashed = document.resolved_settings();
  if (!config.device.file.empty()) {
    // The device is part of the settings, wherever its file lies.
    const std::vector<std::uint8_t> bytes = support::read_file(config.device.file, 1u << 20);
    hashed += support::content_hash(bytes.data(), bytes.size());
  }
  return {config, std::move(document), support::content_hash(hashed)};
}

}  // namespace uswim::experiment
