#include "sc_models/accelerator_system.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <systemc>

#include "sc_models/accelerator.h"
#include "sc_models/host.h"
#include "sc_models/power_trace.h"
#include "sc_models/register_map.h"
#include "support/parallel.h"
#include "tiles/packed_levels.h"

// The library's own main() asks for it; simulations here are started by AcceleratorSystem.
int sc_main(int, char*[]) { return 0; }

namespace uswim::sc_models {

namespace reg = register_map;
using support::Duration;

namespace {

programmer::RowScheme row_scheme(const tiles::TileConfig& tile,
                                 const programmer::RowClosing& closing) {
  return {tile.adc.columns_per_adc, tile.write.drivers,
          tile.write.phases == tiles::WritePhases::Mixed,
          tile.verify.columns == tiles::VerifyColumns::Row, closing};
}

}  // namespace

struct AcceleratorSystem::Modules {
  Accelerator accelerator;
  Host host{"host"};
  sc_core::sc_signal<bool> interrupt{"interrupt"};
  PowerTrace power;

  Modules(const ChipConfig& chip, const tiles::TileConfig& tile, const tiles::Mapping& mapping,
          const Program& program,
          std::vector<std::unique_ptr<programmer::ArrayProgrammer>>& programmers)
      : accelerator("accelerator", chip, tile, mapping, program, programmers) {
    host.bus_socket.bind(accelerator.host_socket);
    accelerator.interrupt.bind(interrupt);
    host.interrupt.bind(interrupt);
    accelerator.add_observer(power);
  }
};

AcceleratorSystem::AcceleratorSystem(const ChipConfig& chip, const tiles::TileConfig& tile,
                                     const tiles::Mapping& mapping,
                                     const programmer::DeviceModel& device,
                                     const programmer::PulseModel& pulses, const Program& program)
    : mapping_(mapping), mask_encoding_(chip.mask_encoding) {
  const support::Power row = largest_row_power(tile);
  if (chip.power_budget > support::Power() && row > chip.power_budget)
    throw std::invalid_argument(
        fmt::format("a row of a tile can draw {} W, more than the chip's power budget of {} W",
                    row.in_si(), chip.power_budget.in_si()));
  ::setenv("SC_COPYRIGHT_MESSAGE", "DISABLE", 1);
  sc_core::sc_report_handler::set_actions(sc_core::SC_INFO, sc_core::SC_DO_NOTHING);
  sc_core::sc_report_handler::set_actions(sc_core::SC_WARNING, sc_core::SC_THROW);
  for (std::size_t a = 0; a < mapping.blocks().size(); ++a)
    programmers_.push_back(std::make_unique<programmer::ArrayProgrammer>(
        mapping, a, device, pulses, row_scheme(tile, pulses.closing())));
  modules_ = std::make_unique<Modules>(chip, tile, mapping, program, programmers_);
}

AcceleratorSystem::~AcceleratorSystem() = default;

void AcceleratorSystem::start_from(const programmer::EarlierProgramming& earlier,
                                   const programmer::DeviceModel& device) {
  for (auto& programmer : programmers_) programmer->start_from(earlier, device);
}

void AcceleratorSystem::set_threads(unsigned threads) {
  threads_ = threads;
  modules_->accelerator.set_threads(threads);
}

void AcceleratorSystem::new_chip(std::uint64_t seed, std::uint32_t chip, programmer::ChipUse use) {
  modules_->accelerator.set_read_noise(
      tiles::adc_noise(mapping_, inference_read_noise_, seed, chip));
  // Rows of tiles that share an array may alternate, and each would be drawn anew for the other.
  if (mapping_.array_count() < programmers_.size()) use.is_programmed_again = true;
  support::in_parallel(threads_, programmers_.size(), [&](support::IndexRange arrays) {
    for (std::size_t a = arrays.begin; a < arrays.end; ++a)
      programmers_[a]->new_chip(seed, chip, use);
  });
}

std::uint64_t AcceleratorSystem::all_write_cycles() const {
  return std::accumulate(programmers_.begin(), programmers_.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const auto& p) { return sum + p->write_cycles(); });
}

double AcceleratorSystem::drawing_seconds() const {
  return std::accumulate(programmers_.begin(), programmers_.end(), 0.0,
                         [](double sum, const auto& p) { return sum + p->drawing_seconds(); });
}

void AcceleratorSystem::add_observer(RowObserver& observer) {
  modules_->accelerator.add_observer(observer);
}

ProgrammingReport AcceleratorSystem::program(const programmer::DeviceMask& mask) {
  return run_programming(mask, reg::kStartProgramming, {});
}

ProgrammingReport AcceleratorSystem::verify(const programmer::DeviceMask& mask) {
  return run_programming(mask, reg::kStartVerify, {});
}

ProgrammingReport AcceleratorSystem::rewrite(const programmer::DeviceMask& mask,
                                             const std::vector<std::vector<std::int16_t>>& codes) {
  levels_loaded_ = false;
  return run_programming(mask, reg::kStartRewrite, pack_levels(mapping_, codes));
}

ProgrammingReport AcceleratorSystem::run_programming(const programmer::DeviceMask& mask,
                                                     std::uint32_t command,
                                                     const std::vector<std::uint8_t>& levels) {
  const bool records = mask_encoding_ != programmer::MaskEncoding::Bitmap;
  std::vector<std::uint8_t> encoded;
  if (records) encoded = programmer::encode_mask(mask, mapping_, mask_encoding_);
  const auto* const mask_bytes =
      records ? encoded.data() : reinterpret_cast<const std::uint8_t*>(mask.words().data());
  const std::size_t mask_size =
      records ? encoded.size() : mask.words().size() * sizeof(std::uint64_t);
  ProgrammingReport report;
  report.mask_link_bytes = mask_size;
  Accelerator& chip = modules_->accelerator;
  modules_->host.run([&](Host& host) {
    // Levels of a programming are the same for every mask and no part of its cost; those of a
    // rewriting are.
    if (command == reg::kStartProgramming && !levels_loaded_) {
      load_levels(host);
      host.write_register(reg::kInterruptEnable, 1);
      if (records) host.write_register(reg::kMaskFormat, reg::kMaskRecords);
    }
    chip.reset_statistics();
    const sc_core::sc_time begin = sc_core::sc_time_stamp();
    if (!levels.empty()) host.write(reg::kLevels, levels.data(), levels.size());
    host.write(reg::kMasks, mask_bytes, mask_size);
    const sc_core::sc_time doorbell = sc_core::sc_time_stamp();
    report.load_time = to_duration(doorbell - begin);
    host.write_register(reg::kControl, command);
    while (!host.interrupt.read()) sc_core::wait(host.interrupt.posedge_event());
    report.time = to_duration(sc_core::sc_time_stamp() - doorbell);
    report.energy = chip.energy().total();
    report.peak_power = modules_->power.peak();
    const double pulses_J = support::in_joules(
        report.energy.of(Component::WriteSet) + report.energy.of(Component::WriteReset) +
        report.energy.of(Component::Erase) + report.energy.of(Component::HalfSelect));
    report.average_power = support::Power::from_si(pulses_J / report.time.in_seconds());
    host.wait_for_interrupt();
    report.write_pulses = host.read_register(reg::kWritePulsesLow) |
                          std::uint64_t{host.read_register(reg::kWritePulsesHigh)} << 32;
    report.verify_reads = host.read_register(reg::kVerifyReadsLow) |
                          std::uint64_t{host.read_register(reg::kVerifyReadsHigh)} << 32;
    report.not_converged = host.read_register(reg::kNotConverged);
  });
  report.mask_bus_bytes = chip.controller().mask_bytes();
  report.busiest_link = chip.interconnect().busiest_link();
  report.mean_hops = chip.interconnect().mean_hops();
  for (std::size_t t = 0; t < chip.tiles(); ++t) {
    const TileProgramming& p = chip.tile(t).programming();
    report.tiles.push_back(
        {p.rows, p.work, p.busy, chip.controller().finished_after()[t], chip.energy().of_tile(t)});
    report.write_cycles += p.work.write_cycles;
  }
  return report;
}

InferenceReport AcceleratorSystem::infer(const std::vector<std::uint8_t>& images,
                                         std::size_t count) {
  InferenceReport report;
  report.images = count;
  Accelerator& chip = modules_->accelerator;
  modules_->host.run([&](Host& host) {
    const auto run = [&](std::size_t n) {
      chip.reset_statistics();
      host.write_register(reg::kImages, static_cast<std::uint32_t>(n));
      host.write_register(reg::kControl, reg::kStartInference);
      if (host.read_register(reg::kError) != reg::kErrorNone)
        throw std::runtime_error("the accelerator refused to start inference");
      host.wait_for_interrupt();
    };
    host.write(reg::kActivations, images.data(), images.size());
    run(1);
    report.latency = chip.inference().finished_after().front();
    run(count);
    report.energy = chip.energy().total();
    const std::vector<Duration>& finished = chip.inference().finished_after();
    report.images_per_second = count > 1 ? static_cast<double>(count - 1) /
                                               (finished.back() - finished.front()).in_seconds()
                                         : 1.0 / report.latency.in_seconds();
    report.time = *std::max_element(finished.begin(), finished.end());
    report.busiest_link = chip.interconnect().busiest_link();
    report.mean_hops = chip.interconnect().mean_hops();
    const std::size_t classes = chip.inference().logits().front().size();
    std::vector<float> logits(count * classes);
    host.read(reg::kLogits, reinterpret_cast<std::uint8_t*>(logits.data()),
              logits.size() * sizeof(float));
    for (std::size_t i = 0; i < count; ++i)
      report.logits.emplace_back(logits.begin() + static_cast<std::ptrdiff_t>(i * classes),
                                 logits.begin() + static_cast<std::ptrdiff_t>((i + 1) * classes));
  });
  return report;
}

void AcceleratorSystem::load_levels(Host& host) {
  const std::size_t bytes_per_row = tiles::packed_row_bytes(mapping_);
  for (std::size_t a = 0; a < programmers_.size(); ++a) {
    const std::vector<std::uint8_t>& levels = programmers_[a]->packed_levels();
    host.write(reg::kLevels + mapping_.chip_row(a, 0) * bytes_per_row, levels.data(),
               levels.size());
  }
  levels_loaded_ = true;
}

std::vector<std::uint8_t> pack_levels(const tiles::Mapping& mapping,
                                      const std::vector<std::vector<std::int16_t>>& codes) {
  const std::size_t bytes_per_row = tiles::packed_row_bytes(mapping);
  std::vector<std::uint8_t> all(mapping.chip_rows() * bytes_per_row, 0);
  for (std::size_t a = 0; a < mapping.blocks().size(); ++a) {
    const std::vector<std::uint8_t> levels =
        tiles::packed_levels(mapping, a, codes[mapping.blocks()[a].layer]);
    std::copy(levels.begin(), levels.end(), &all[mapping.chip_row(a, 0) * bytes_per_row]);
  }
  return all;
}

}  // namespace uswim::sc_models
