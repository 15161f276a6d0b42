#include "tiles/tile_config.h"

#include <fmt/format.h>

namespace uswim::tiles {
namespace {

constexpr const char* kNvsimWrite = "NVSim/NVMExplorer RRAM cell: 2 V, 10 ns, 0.6 pJ";

void check_voltage(support::ConfigReader& in, const char* key, support::Voltage voltage,
                   support::Voltage lowest, support::Voltage highest) {
  in.check(voltage >= lowest && voltage <= highest, key,
           fmt::format("lies outside the valid range of the device, {:g} to {:g} V", lowest.in_si(),
                       highest.in_si()));
}

/// An energy that the device's file states holds as it stands there.
void check_energy(support::ConfigReader& in, const char* key, support::Energy energy,
                  const std::optional<support::Energy>& of_file) {
  if (of_file)
    in.check(energy == *of_file, key,
             fmt::format("lies outside the valid range of the device, {:g} pJ alone",
                         support::in_picojoules(*of_file)));
}

/// `device`: what its file states of such a pulse, its defaults and its range; null: nothing.
void read_pulse(support::ConfigReader in, PulseConfig& pulse, CellEnergy model,
                const DevicePulse* device) {
  if (device != nullptr) {
    pulse.width = device->width;
    pulse.voltage = device->voltage;
    pulse.energy = device->energy.value_or(support::Energy());
    in.check(model == CellEnergy::Fixed || device->is_ohmic, "",
             "the energy of the device's pulses is not V^2 G t, as its file says: set "
             "'pulse_energy: fixed'");
    in.check(device->energy || in.has("energy") || model == CellEnergy::Conductance, "",
             "the device's file states no energy of a pulse: set 'energy', or 'pulse_energy: "
             "conductance'");
  }
  in.duration("width", pulse.width, {"width of one pulse", kNvsimWrite});
  in.energy("energy", pulse.energy,
            {"energy of one pulse, per pulsed device; with pulse_energy: fixed", kNvsimWrite});
  in.check(pulse.width > support::Duration() || pulse.energy == support::Energy() ||
               model == CellEnergy::Conductance,
           "width", "must be above 0 s where a pulse has an energy, or its power has no bound");
  in.voltage("voltage", pulse.voltage,
             {"amplitude at the device, with pulse_energy: conductance; the pulses of "
              "programming.pulse_model: ispp have those of their ramps",
              kNvsimWrite});
  if (device == nullptr) return;
  in.check(pulse.width >= device->shortest && pulse.width <= device->longest, "width",
           fmt::format("lies outside the valid range of the device, {:g} to {:g} ns",
                       device->shortest.in_seconds() * 1e9, device->longest.in_seconds() * 1e9));
  check_voltage(in, "voltage", pulse.voltage, device->lowest_voltage, device->highest_voltage);
  check_energy(in, "energy", pulse.energy, device->energy);
}

/// The energy of one verify read: `device` as above.
void read_verify_energy(support::ConfigReader& in, TileConfig& c, const DeviceRead& device) {
  c.verify_read_time = device.time.value_or(c.verify_read_time);
  c.verify_read_energy = device.energy.value_or(c.verify_read_energy);
  c.verify.read_voltage = device.voltage.value_or(c.verify.read_voltage);
  if (device.voltage && !device.energy) c.verify.cell_energy = CellEnergy::Conductance;
  in.duration("read_time", c.verify_read_time,
              {"settling and sensing of a row", "NeuroSim: read pulse 10 ns"});
  in.word("cell_energy", c.verify.cell_energy, kCellEnergies,
          {"what a device takes in a read. fixed: `read_energy`; conductance: V^2 G t with "
           "`read_voltage`, the device's conductance at that read and `read_time`; the default "
           "where the device's file states a voltage of reads and no energy",
           "unconfirmed"});
  in.energy("read_energy", c.verify_read_energy,
            {"per device read; with cell_energy: fixed", "NVSim RRAM cell: 0.4 V, 0.1 pJ"});
  in.voltage("read_voltage", c.verify.read_voltage,
             {"at the device, with cell_energy: conductance", "NVSim RRAM cell: 0.4 V, 0.1 pJ"});
  if (device.voltage)
    check_voltage(in, "read_voltage", c.verify.read_voltage, device.lowest_voltage,
                  device.highest_voltage);
  in.check(!device.time || c.verify_read_time == *device.time, "read_time",
           fmt::format("lies outside the valid range of the device, {:g} ns alone",
                       device.time.value_or(support::Duration()).in_seconds() * 1e9));
  check_energy(in, "read_energy", c.verify_read_energy, device.energy);
}

bool is_power_of_two(unsigned v) { return v != 0 && (v & (v - 1)) == 0; }

}  // namespace

TileConfig read_tile(support::ConfigReader in, const DeviceFigures& device) {
  TileConfig c;
  in.whole("rows", c.rows, support::closed(1, 1024), {"rows of an array", "ISAAC, NeuroSim: 128"});
  in.whole("columns", c.columns, support::closed(2, 1024),
           {"columns of an array", "ISAAC, NeuroSim: 128"});

  auto write = in.section(
      "write", {"write drivers; the devices of a row are pulsed together, SET and RESET one "
                "after the other, unless set otherwise here. Where the device's file "
                "(configs/devices) states pulses and reads, they are the defaults here and in "
                "'verify', and its ranges are those allowed"});
  if ((device.set && !device.set->energy) || (device.reset && !device.reset->energy))
    c.write.pulse_energy = CellEnergy::Conductance;
  write.word("pulse_energy", c.write.pulse_energy, kCellEnergies,
             {"fixed: `energy` for every pulse; conductance: V^2 G t with the mean of the device's "
              "conductance before and after that pulse, between device.lowest_level and "
              "device.highest_level; the default where the device's file states pulses without an "
              "energy",
              "unconfirmed"});
  read_pulse(write.section("set", {"pulse that raises the conductance"}), c.set,
             c.write.pulse_energy, device.set ? &*device.set : nullptr);
  read_pulse(write.section("reset", {"pulse that lowers the conductance"}), c.reset,
             c.write.pulse_energy, device.reset ? &*device.reset : nullptr);
  write.whole(
      "drivers", c.write.drivers, support::closed(0, 1024),
      {"devices of a row that can be pulsed at once: the columns are served in groups of as "
       "many, groups without a pulse are skipped; 1: cell by cell; 0: the whole row",
       "unconfirmed"});
  write.whole("rows", c.write.rows, support::closed(1, 1024),
              {"neighbouring rows that are pulsed at once: their word lines switch together, "
               "drivers serve a "
               "group of columns in all of them, rounds go on until the slowest is done; verify "
               "reads follow "
               "each other row by row; needs column drivers for each of the rows",
               "unconfirmed: one"});
  write.word("phases", c.write.phases, kWritePhases,
             {"separate: RESET pulses after SET pulses; mixed: both at once, as long as the longer",
              "unconfirmed"});
  write.word(
      "erase", c.write.erase, kEraseRows,
      {"before a row is programmed. not_counted: its devices are in the erased state "
       "already; counted: each gets one RESET pulse of `reset`, group by group of drivers; "
       "what the pulse leaves, and with pulse_energy: conductance finds, is the erased state",
       "unconfirmed: the papers count no erasing"});
  write.duration("row_setup", c.write.row_setup,
                 {"to switch to another row, once per row",
                  "unconfirmed: included in the width of the pulses"});
  write.energy("word_line_energy", c.write.word_line_energy,
               {"to switch the word line of a row, once per row",
                "unconfirmed: included in the energy of the pulses"});
  auto half = write.section("half_select", {"cells on the lines of pulsed devices"});
  half.word(
      "scheme", c.write.half_select, kHalfSelects,
      {"none: access transistors keep other cells out; half: cells of the pulsed row or of a "
       "pulsed column see half the voltage; third: all other cells see a third of it; with rows "
       "one by one and separate phases only",
       "ISAAC, NeuroSim: one transistor per cell"});
  half.number(
      "nonlinearity", c.write.half_select_nonlinearity, support::at_least(1),
      {"how many times less than a linear cell a half-selected one draws; a linear one "
       "spends 1/4 (half) or 1/9 (third) of a pulse's energy; with pulse_energy: conductance, of "
       "V^2 G t with the row's mean V^2 and the mean conductance of the array's levels",
       "unconfirmed: a linear cell, no selector"});
  half.check(c.write.half_select == HalfSelect::None || c.write.rows == 1, "scheme",
             "needs 'tile.write.rows: 1'");
  half.check(c.write.half_select == HalfSelect::None || c.write.phases == WritePhases::Separate,
             "scheme",
             "needs 'tile.write.phases: separate': a row line cannot have both polarities");
  auto shifter = write.section("level_shifter", {"raises the drivers' signals to write voltage"});
  shifter.duration(
      "time", c.write.level_shifter_time,
      {"before every phase of pulses", "unconfirmed: included in the width of the pulses"});
  shifter.energy("energy", c.write.level_shifter_energy,
                 {"per pulse", "unconfirmed: included in the energy of the pulses"});

  auto verify = in.section(
      "verify", {"the read after a write pulse; every device still open is converted once, "
                 "unless set otherwise here"});
  read_verify_energy(verify, c, device.read);
  verify.word("mode", c.verify.mode, kVerifyModes,
              {"adc: a conversion; compare: two comparisons with the ends of the accepted window, "
               "at all columns at once",
               "unconfirmed"});
  verify.word("columns", c.verify.columns, kVerifyColumns,
              {"open: read the devices still open; row: every column in use, as long as one "
               "device is open",
               "unconfirmed"});
  verify.check(c.verify.columns == VerifyColumns::Open || c.verify.cell_energy == CellEnergy::Fixed,
               "columns", "needs 'cell_energy: fixed' to read a whole row");
  verify.whole("reads", c.verify.reads, support::closed(1, 1000),
               {"reads averaged per verify: time and energy of as many, and their mean has "
                "device.read_noise over the square root of their number",
                "unconfirmed"});
  verify.whole(
      "adc_bits", c.verify.adc_bits, support::closed(0, 16),
      {"with adc: each read of a verify is rounded, before the mean of `reads` is taken, "
       "to 1 / 2^adc_bits of "
       "the full scale of a device; 0: not rounded. Time and energy of a conversion stay those of "
       "`tile.adc`",
       "unconfirmed: none. With the 8 bits of tile.adc and its range set to one device a "
       "step is 1/15 of the default window's half width"});
  verify.check(c.verify.adc_bits == 0 || c.verify.mode == VerifyMode::Adc, "adc_bits",
               "needs 'mode: adc': comparisons have no steps");
  verify.duration(
      "settle", c.verify.settle,
      {"settling of the bit lines before each read", "unconfirmed: included in read_time"});
  verify.energy("settle_energy", c.verify.settle_energy,
                {"charging of a bit line before each read, per device read",
                 "unconfirmed: included in the energy of the read"});
  const std::string comparator = "computed from MNSIM's sense amplifier: 1.6 uW at 1 GS/s, twice";
  verify.duration("compare_time", c.verify.compare_time, {"with compare: per read", comparator});
  verify.energy("compare_energy", c.verify.compare_energy,
                {"with compare: per device read", comparator});

  auto read = in.section("read", {"the array in inference, for one bit of the inputs"});
  read.duration("time", c.array_read_time, {"settling and sensing of the array", "ISAAC: 100 ns"});
  read.energy("energy", c.array_read_energy,
              {"whole array", "computed from PUMA's tables: 0.3 mW for 100 ns"});

  auto dac = in.section("dac", {"one-bit drivers of the rows: inputs come bit by bit"});
  dac.energy("energy", c.dac_energy,
             {"per driven row and input bit", "Accelergy ISAAC table: 0.417 pJ"});

  auto adc = in.section("adc", {"converters at the columns"});
  adc.whole("bits", c.adc.bits, support::closed(1, 16), {"resolution", "ISAAC: 8"});
  adc.frequency(
      "sample_rate", c.adc.sample_rate,
      {"conversions per second; a conversion takes whole clock cycles", "ISAAC: 1.2 GS/s"});
  adc.energy("energy", c.adc.energy,
             {"per conversion", "computed from ISAAC's ADC: 2 mW at 1.2 GS/s"});
  adc.whole("columns_per_adc", c.adc.columns_per_adc, support::closed(1, 64),
            {"columns that share one ADC, a power of two", "NeuroSim: numColMuxed 8"});
  adc.check(is_power_of_two(c.adc.columns_per_adc), "columns_per_adc",
            "must be a power of two (1, 2, 4 ... 64)");

  auto shift_add = in.section("shift_add", {"adds up slices, signs and input bits"});
  shift_add.energy("energy", c.shift_add_energy,
                   {"per conversion", "Accelergy ISAAC table: 0.021 pJ"});
  return c;
}

std::uint64_t half_selected_cells(const TileConfig& tile, std::uint64_t slots,
                                  std::uint64_t pulses) {
  const std::uint64_t rows = tile.rows, columns = tile.columns;
  switch (tile.write.half_select) {
    case HalfSelect::Half:
      // The row's columns without a pulse, and the other rows' cells in the pulsed columns.
      return slots * columns - pulses + pulses * (rows - 1);
    case HalfSelect::Third:
      return slots * rows * columns - pulses;
    default:
      return 0;
  }
}

/// Power of a half-selected cell over that of a pulsed one.
static double half_selected_part(const TileConfig& tile) {
  const double square = tile.write.half_select == HalfSelect::Third ? 9.0 : 4.0;
  return 1.0 / (square * tile.write.half_select_nonlinearity);
}

support::Energy half_select_energy(const TileConfig& tile, const PulseConfig& pulse,
                                   double square_V2, double part) {
  const double lowest = tile.lowest_level.in_si();
  const auto cell =
      support::Power::from_si(square_V2 * (lowest + part * (tile.highest_level.in_si() - lowest)));
  const bool is_fixed = tile.write.pulse_energy == CellEnergy::Fixed;
  return (is_fixed ? pulse.energy : cell * pulse.width) * half_selected_part(tile);
}

support::Power slot_power(const TileConfig& tile, const PulseConfig& pulse, unsigned pulses) {
  if (pulses == 0) return {};
  const auto cells = static_cast<double>(half_selected_cells(tile, 1, pulses));
  return pulse.power() * (pulses + half_selected_part(tile) * cells);
}

}  // namespace uswim::tiles
