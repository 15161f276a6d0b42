#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "experiment/run.h"

/// What devices bring into a whole experiment: their own pulses, their past, their life.
namespace uswim::experiment {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const std::string kConfig = USWIM_SOURCE_DIR "/configs/lenet_mnist.yaml";
/// PCM that drifts.
const std::string kPcm = USWIM_SOURCE_DIR "/configs/programming/retention.yaml";

std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Devices of NeuRRAM under amplitude ramps.
const std::string kNeurram = USWIM_SOURCE_DIR "/configs/programming/pulse_energy.yaml";

/// A run of LeNet that takes a second.
class SmallRun : public testing::Test {
 protected:
  SmallRun() { fs::create_directories(path_); }
  ~SmallRun() override { fs::remove_all(path_); }
  RunResult run(std::vector<std::string> more, const std::string& config = kConfig) {
    std::vector<std::string> overrides{"chips=1",
                                       "accuracy.images=200",
                                       "accuracy.hardware.chips=0",
                                       "inference.images=1",
                                       "selection.policies=[uswim]",
                                       "selection.fractions=[0, 0.3, 1]"};
    overrides.insert(overrides.end(), more.begin(), more.end());
    return run_experiment(
        load_config(config, overrides),
        {1, path_ / "out", {}, [](const std::string&, std::size_t, std::size_t) {}});
  }
  std::string file(const std::string& name) const { return read(path_ / "out" / name); }
  /// LeNet with the sign of every weight turned: what is high in a pair becomes low.
  std::string negated_network() const {
    onnx::ModelProto model;
    EXPECT_TRUE(
        model.ParseFromString(read(USWIM_SOURCE_DIR "/workloads/networks/lenet_mnist_4bit.onnx")));
    for (onnx::TensorProto& t : *model.mutable_graph()->mutable_initializer()) {
      if (t.dims_size() < 2) continue;
      EXPECT_EQ(t.data_type(), onnx::TensorProto::FLOAT);
      std::string& bytes = *t.mutable_raw_data();
      for (std::size_t i = 3; i < bytes.size(); i += 4)
        bytes[i] = static_cast<char>(static_cast<unsigned char>(bytes[i]) ^ 0x80u);
    }
    std::ofstream(path_ / "negated.onnx", std::ios::binary) << model.SerializeAsString();
    return path_ / "negated.onnx";
  }

 private:
  fs::path path_ = fs::temp_directory_path() / ("uswim_devices_test_" + std::to_string(::getpid()));
};

std::string fault_of(const std::vector<std::string>& overrides,
                     const std::string& config = kConfig) {
  try {
    load_config(config, overrides);
  } catch (const support::ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST_F(SmallRun, OfAChipThatHoldsTheVerifiedNetworkWritesNothing) {
  const RunResult erased = run({});
  const RunResult again = run({"programming.start=programmed"});
  const CurvePoint& all = again.curve.back();
  EXPECT_EQ(all.write_pulses_mean, 0.0);
  EXPECT_EQ(all.verify_reads_mean, 423672.0);  // every device once
  EXPECT_EQ(all.not_converged_mean, 0.0);
  EXPECT_LT(all.time_s_mean, erased.curve.back().time_s_mean);
  EXPECT_LT(all.energy_J_mean, erased.curve.back().energy_J_mean);
  // Nothing verified: every device is rewritten once, its error drawn anew.
  EXPECT_EQ(again.curve.front().write_pulses_mean, 423672.0);
  const RunResult skipped =
      run({"programming.start=programmed", "programming.skip_unchanged=true"});
  for (const CurvePoint& p : skipped.curve) {
    EXPECT_EQ(p.write_pulses_mean, 0.0);
    EXPECT_EQ(p.verify_reads_mean, 0.0);
    EXPECT_EQ(p.accuracy_mean, all.accuracy_mean);
  }
}

TEST_F(SmallRun, OfAnOpenLoopChipVerifiesFromThere) {
  const RunResult result =
      run({"programming.start=programmed", "programming.previous_state=open_loop"});
  const CurvePoint& all = result.curve.back();
  EXPECT_GT(all.write_pulses_mean, 0.0);
  EXPECT_EQ(all.not_converged_mean, 0.0);
  EXPECT_GT(all.accuracy_mean, *result.ideal_accuracy - 0.02);
}

TEST_F(SmallRun, CountsTheLifeThatItTakes) {
  const RunResult result = run({"device.rated_cycles=1000"});
  const CurvePoint& all = result.curve.back();
  EXPECT_EQ(result.curve.front().most_pulses, 1u);
  EXPECT_GE(all.most_pulses, 10u);
  const auto j = nlohmann::json::parse(file("summary.json"))["endurance"];
  EXPECT_EQ(j["pulses_per_device_max"], all.most_pulses);
  EXPECT_DOUBLE_EQ(j["rated_life_used"], static_cast<double>(all.most_pulses) / 1000);
  EXPECT_EQ(j["programmings_to_rated_life"], 1000 / all.most_pulses);
  EXPECT_DOUBLE_EQ(j["pulses_per_device_mean"], all.write_pulses_mean / 423672);
}

TEST_F(SmallRun, SumsUpEnergyByConductance) {
  const std::vector<std::string> levels{"device.lowest_level=1 uS", "device.highest_level=40 uS"};
  const RunResult fixed = run(levels);
  const RunResult result = run({levels[0], levels[1], "tile.write.pulse_energy=conductance"});
  const auto j = nlohmann::json::parse(file("summary.json"))["programming"];
  double sum = 0;
  for (const auto& part : j["energy_breakdown_J"]) sum += part.get<double>();
  EXPECT_DOUBLE_EQ(sum, j["energy_J"].get<double>());
  for (std::size_t i = 0; i < result.curve.size(); ++i) {
    EXPECT_EQ(result.curve[i].accuracy_mean, fixed.curve[i].accuracy_mean);
    EXPECT_EQ(result.curve[i].time_s_mean, fixed.curve[i].time_s_mean);
  }
  // Between the pulses' energies at the lowest and at twice the highest level.
  const double pulses = result.curve.back().write_pulses_mean;
  const double written = j["energy_breakdown_J"]["write_set"].get<double>() +
                         j["energy_breakdown_J"]["write_reset"].get<double>();
  EXPECT_GT(written, pulses * 4 * 1e-6 * 10e-9);
  EXPECT_LT(written, pulses * 4 * 80e-6 * 10e-9);
}

TEST_F(SmallRun, MeasuresTheChipAgainLater) {
  const RunResult once = run({"device.drift.model=none", "accuracy.times=[]"}, kPcm);
  const RunResult result = run({"accuracy.times=[20 s, 1 h, 3000 days]"}, kPcm);
  ASSERT_EQ(result.monte_carlo.retention.size(), 9u);  // three fractions, three times, one chip
  for (std::size_t p = 0; p < 3; ++p) {
    EXPECT_EQ(result.curve[p].time_s_mean, once.curve[p].time_s_mean);
    EXPECT_EQ(result.curve[p].accuracy_mean, once.curve[p].accuracy_mean);
    const auto correct = [&](std::size_t t) {
      return static_cast<double>(result.monte_carlo.retention[p * 3 + t].correct);
    };
    EXPECT_EQ(correct(0), 200 * once.curve[p].accuracy_mean);  // t0: as programmed
    EXPECT_LT(correct(2), correct(0));  // a third to two thirds of the conductance is left
  }
  std::istringstream csv(file("retention.csv"));
  std::string line;
  std::getline(csv, line);
  EXPECT_EQ(line, "policy,device,fraction,time_s,chips,accuracy_mean,accuracy_sd");
  std::size_t rows = 0;
  while (std::getline(csv, line)) ++rows;
  EXPECT_EQ(rows, 9u);
}

TEST_F(SmallRun, RefreshesADriftedChip) {
  const RunResult fresh = run({"programming.start=programmed"}, kPcm);
  const RunResult drifted =
      run({"programming.start=programmed", "programming.previous_age=30 days"}, kPcm);
  EXPECT_EQ(fresh.curve.back().write_pulses_mean, 0.0);
  EXPECT_GT(drifted.curve.back().write_pulses_mean, 0.0);
  EXPECT_EQ(drifted.curve.back().not_converged_mean, 0.0);
}

TEST_F(SmallRun, ReadsWithNoiseWhereThereIsAny) {
  const RunResult quiet = run({});
  const RunResult noisy = run({"device.inference_read_noise=0.3"});
  for (std::size_t p = 0; p < 3; ++p)
    EXPECT_LT(noisy.curve[p].accuracy_mean, quiet.curve[p].accuracy_mean);
  EXPECT_EQ(noisy.curve.back().energy_J_mean, quiet.curve.back().energy_J_mean);
}

TEST(RetentionTimes, LieWhereTheDriftIsStated) {
  EXPECT_THAT(fault_of({"accuracy.times=[1 h]"}), HasSubstr("needs a 'device.drift.model'"));
  EXPECT_THAT(
      fault_of({"accuracy.times=[1 h]", "device.preset=rram_milo", "device.drift.model=device"}),
      HasSubstr("the device's file states no drift"));
  EXPECT_THAT(
      fault_of({"device.preset=pcm_joshi", "device.drift.model=device", "accuracy.times=[10 s]"}),
      HasSubstr("10 s lies outside the time for which the device's drift is stated, 20 to"));
  EXPECT_THAT(fault_of({"device.preset=rram_neurram", "device.drift.model=device",
                        "accuracy.times=[3 days]"}),
              HasSubstr("1 to 172800 s"));
  EXPECT_THAT(fault_of({"device.drift.model=log", "accuracy.times=[1 fortnight]"}),
              HasSubstr("'1 fortnight' is no time"));
  EXPECT_THAT(fault_of({"device.drift.model=log", "programming.previous_age=1 h"}),
              HasSubstr("start: programmed"));
}

TEST(DevicePulses, AreTheTiles) {
  const Config c = load_config(kConfig, {"device.preset=rram_isaac"}).config;
  EXPECT_EQ(c.tile.set.width.in_picoseconds(), 40000);
  EXPECT_NEAR(support::in_picojoules(c.tile.reset.energy), 7.27, 1e-9);
  EXPECT_EQ(c.tile.verify_read_time.in_picoseconds(), 1000);
  EXPECT_EQ(c.tile.write.pulse_energy, tiles::CellEnergy::Fixed);
  // 0.3 V, no energy of a read.
  EXPECT_EQ(c.tile.verify.cell_energy, tiles::CellEnergy::Conductance);
  EXPECT_EQ(c.tile.verify.read_voltage, support::volts(0.3));
  // Pulses from 1.2 V, no energy of one.
  const Config neurram = load_config(kNeurram, {}).config;
  EXPECT_EQ(neurram.tile.write.pulse_energy, tiles::CellEnergy::Conductance);
  EXPECT_EQ(neurram.tile.set.width.in_picoseconds(), 1000000);
  // A read of 250 ns, no pulses.
  const Config pcm = load_config(USWIM_SOURCE_DIR "/configs/programming/retention.yaml", {}).config;
  EXPECT_EQ(pcm.tile.verify_read_time.in_picoseconds(), 250000);
  EXPECT_EQ(pcm.tile.set.width.in_picoseconds(), 10000);
}

TEST(DevicePulses, HoldInTheirRangeOnly) {
  EXPECT_THAT(
      fault_of({"device.preset=fefet_neurosim", "tile.write.set.width=60 ns"}),
      HasSubstr("tile.write.set.width: lies outside the valid range of the device, 50 to 50 "
                "ns"));
  EXPECT_THAT(
      fault_of({"device.preset=fefet_neurosim", "tile.write.reset.voltage=5 V"}),
      HasSubstr("tile.write.reset.voltage: lies outside the valid range of the device, 4 to "
                "4 V"));
  EXPECT_THAT(
      fault_of({"device.preset=rram_nvsim", "tile.verify.read_voltage=0.5 V"}),
      HasSubstr("tile.verify.read_voltage: lies outside the valid range of the device, 0.4 to "
                "0.4 V"));
  for (const std::string setting : {"tile.verify.read_time=20 ns", "tile.write.set.energy=100 pJ"})
    EXPECT_THAT(fault_of({"device.preset=rram_isaac", setting}),
                HasSubstr("lies outside the valid range of the device"));
  EXPECT_THAT(
      fault_of({"device.preset=pcm_lee", "tile.verify.read_energy=5 pJ"}),
      HasSubstr("tile.verify.read_energy: lies outside the valid range of the device, 2 pJ"));
  EXPECT_THAT(fault_of({"tile.write.pulse_energy=fixed"}, kNeurram),
              HasSubstr("states no energy of a pulse"));
}

TEST(PulseRange, HoldsForRamps) {
  const auto with = [&](const std::vector<std::string>& more) { return fault_of(more, kNeurram); };
  EXPECT_EQ(with({}), "");
  const auto range = HasSubstr("lies outside the valid range of the device, 1.2 to 3.3 V");
  EXPECT_THAT(with({"programming.ispp.set.stop=5 V"}), range);
  EXPECT_THAT(with({"programming.ispp.reset.start=0.5 V"}), range);
  EXPECT_THAT(with({"tile.write.set.voltage=9 V"}), range);
}

// The mean of n reads errs by a part sqrt(n) less.
TEST_F(SmallRun, AveragesVerifyReads) {
  const auto accuracy = [&](const std::string& noise, const std::string& reads) {
    const RunResult r = run({"device.read_noise=" + noise, "tile.verify.reads=" + reads});
    return std::pair{r.verify_all.write_pulses_mean, r.verify_all.accuracy_mean};
  };
  EXPECT_EQ(accuracy("0.08", "16"), accuracy("0.02", "1"));
  EXPECT_NE(accuracy("0.08", "16").first, accuracy("0.08", "1").first);
}

// Codes are exact in all of them; what a chip's errors are rounded to is not, and flips some
// images.
TEST_F(SmallRun, ReadsTheChipInTheArithmeticAskedFor) {
  const auto accuracies = [&](const std::string& arithmetic) {
    const RunResult r = run({"accuracy.arithmetic=" + arithmetic, "accuracy.images=2000"});
    return std::pair{*r.ideal_accuracy, r.curve.front().accuracy_mean};
  };
  const auto words = accuracies("integer16"), bytes = accuracies("integer8");
  EXPECT_EQ(words.first, bytes.first);
  EXPECT_NE(words.second, bytes.second);
  EXPECT_NEAR(words.second, bytes.second, 0.02);
}

TEST(ReadEnergy, ByConductanceNeedsAConductanceAtEveryReadOfAnOpenDevice) {
  EXPECT_THAT(fault_of({"tile.verify.cell_energy=conductance"}),
              HasSubstr("'tile.verify.cell_energy: conductance' needs"));
  EXPECT_THAT(fault_of({"device.preset=rram_isaac", "programming.pulse_model=statistical"}),
              HasSubstr("set 'tile.verify.cell_energy: fixed'"));
  EXPECT_THAT(fault_of({"device.preset=rram_isaac", "tile.verify.columns=row"}),
              HasSubstr("needs 'cell_energy: fixed' to read a whole row"));
}

TEST(PulseEnergy, ByConductanceNeedsAConductanceAtEveryPulse) {
  EXPECT_THAT(fault_of({"tile.write.pulse_energy=conductance"}), HasSubstr("highest_level"));
  EXPECT_THAT(fault_of({"tile.write.pulse_energy=conductance", "device.preset=rram_nvsim",
                        "programming.pulse_model=statistical"}),
              HasSubstr("no conductance at a pulse"));
  // 128 devices at 2 V and 10 uS draw 5.12 mW.
  EXPECT_THAT(fault_of({"tile.write.pulse_energy=conductance", "device.preset=rram_nvsim",
                        "chip.power_budget=5 mW"}),
              HasSubstr("0.00512 W that one full row can draw"));
}

// A verified device of the same network is inside its window already (but for read noise, of which
// there is none here). With every sign turned a pair's devices change places: only where both are
// at the same level, in slices that are 0, is there nothing to do.
TEST_F(SmallRun, ReprogramsAChipThatHoldsAnotherNetwork) {
  const std::string start = "programming.start=programmed";
  const double same = run({start}).verify_all.write_pulses_mean;
  const std::string named = USWIM_SOURCE_DIR "/workloads/networks/lenet_mnist_4bit.onnx";
  EXPECT_EQ(run({start, "programming.previous_network=" + named}).verify_all.write_pulses_mean,
            same);
  const double negated = run({start, "programming.previous_network=" + negated_network()})
                             .verify_all.write_pulses_mean;
  const double erased = run({}).verify_all.write_pulses_mean;
  EXPECT_EQ(same, 0.0);
  EXPECT_GT(negated, 0.8 * erased);  // up or down, the way between two levels is as long
}

TEST_F(SmallRun, RefusesAPreviousNetworkOfOtherSizes) {
  try {
    run({"programming.start=programmed", "programming.previous_network=" USWIM_SOURCE_DIR
                                         "/workloads/networks/convnet_cifar10_6bit.onnx"});
    FAIL() << "accepted";
  } catch (const std::exception& error) {
    EXPECT_THAT(error.what(), HasSubstr("convnet_cifar10_6bit.onnx: the earlier network's layers"));
  }
}

TEST(PreviousNetwork, NeedsAProgrammedStart) {
  EXPECT_THAT(fault_of({"programming.skip_unchanged=true"}), HasSubstr("start: programmed"));
  EXPECT_THAT(fault_of({"programming.previous_network=x.onnx"}), HasSubstr("start: programmed"));
  EXPECT_THAT(fault_of({"programming.start=programmed", "programming.incremental.start=open_loop"}),
              HasSubstr("begins with a read"));
  EXPECT_THAT(fault_of({"programming.start=programmed", "programming.pulse_model=statistical"}),
              HasSubstr("fixed number of cycles"));
}

// Of the same network nothing is to be written, so nothing is worth anything.
TEST_F(SmallRun, PlansForWhatTheChipHolds) {
  for (const std::string policy : {"worth_per_cycle", "row_time"}) {
    const RunResult same = run({"programming.start=programmed", "programming.skip_unchanged=true",
                                "selection.policies=[" + policy + "]", "output.timeline=true"});
    for (const CurvePoint& p : same.curve) EXPECT_EQ(p.verify_reads_mean, 0.0) << p.policy;
    // At 0.3, the largest fraction below 1, no device is selected.
    EXPECT_THAT(file("selected_devices.csv"),
                testing::Not(testing::ContainsRegex(",[1-9][0-9]*\n")));
    EXPECT_THAT(file("selected_devices.csv"), HasSubstr("0,0,0\n"));
  }
}

TEST_F(SmallRun, ReadsWithNoiseAtTheAdcsToo) {
  const std::vector<std::string> adcs{"accuracy.hardware.chips=1", "accuracy.hardware.images=64",
                                      "accuracy.hardware.fractions=[1]"};
  std::vector<std::string> noisy = adcs;
  noisy.push_back("device.inference_read_noise=0.3");
  const auto of = [](const RunResult& r) { return r.monte_carlo.hardware.front(); };
  const HardwareResult quiet = of(run(adcs)), with = of(run(noisy));
  EXPECT_LT(with.correct_hardware + 5, quiet.correct_hardware);
  EXPECT_LT(with.correct_ideal_adc + 5, quiet.correct_ideal_adc);
}

TEST(VerifySteps, LeaveEveryLevelWithinReach) {
  EXPECT_EQ(load_config(kConfig, {"tile.verify.adc_bits=8"}).config.programming.read_bits, 8u);
  const Config rounded =
      load_config(kConfig, {"tile.verify.adc_bits=8", "tile.verify.reads=4"}).config;
  EXPECT_EQ(rounded.programming.rounded_reads, 4u);
  EXPECT_EQ(load_config(kConfig, {"tile.verify.reads=4"}).config.programming.rounded_reads, 1u);
  EXPECT_THAT(fault_of({"tile.verify.adc_bits=2"}),
              HasSubstr("with 'verify.adc_bits: 2' a level lies 0.0833 of the full scale from"));
  EXPECT_THAT(fault_of({"tile.verify.adc_bits=8", "tile.verify.mode=compare"}),
              HasSubstr("tile.verify.adc_bits: needs 'mode: adc'"));
  EXPECT_THAT(fault_of({"tile.verify.adc_bits=8", "programming.pulse_model=statistical"}),
              HasSubstr("'statistical' does not"));
}

TEST(Erasing, IsOfErasedChips) {
  EXPECT_THAT(fault_of({"tile.write.erase=counted", "programming.start=programmed"}),
              HasSubstr("'write.erase: counted' needs 'programming.start: erased'"));
}

// Every device once, at the lowest level's conductance where no device errs: 2 V, 1 uS, 10 ns.
TEST_F(SmallRun, ErasesAndClosesRowsWithEnergyByConductance) {
  const std::vector<std::string> levels{"device.lowest_level=1 uS", "device.highest_level=40 uS",
                                        "tile.write.erase=counted",
                                        "programming.close_row.rounds=4"};
  const auto energies = [&](std::vector<std::string> more) {
    more.insert(more.end(), levels.begin(), levels.end());
    const RunResult r = run(more);
    return std::pair{r, nlohmann::json::parse(file("summary.json"))["programming"]};
  };
  const auto fixed = energies({}).first;
  const auto [noisy, j] = energies({"tile.write.pulse_energy=conductance"});
  for (std::size_t i = 0; i < noisy.curve.size(); ++i) {
    EXPECT_EQ(noisy.curve[i].accuracy_mean, fixed.curve[i].accuracy_mean);
    EXPECT_EQ(noisy.curve[i].time_s_mean, fixed.curve[i].time_s_mean);
    EXPECT_EQ(noisy.curve[i].write_pulses_mean, fixed.curve[i].write_pulses_mean);
  }
  double sum = 0;
  for (const auto& part : j["energy_breakdown_J"]) sum += part.get<double>();
  EXPECT_DOUBLE_EQ(sum, j["energy_J"].get<double>());
  const auto exact = energies({"tile.write.pulse_energy=conductance", "device.sigma=0"}).second;
  const double erase = 423672 * 4 * 1e-6 * 10e-9;
  EXPECT_NEAR(exact["energy_breakdown_J"]["erase"].get<double>(), erase, 1e-6 * erase);
}

}  // namespace
}  // namespace uswim::experiment
