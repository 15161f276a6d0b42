#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "sc_models/accelerator.h"
#include "sc_models/host.h"
#include "small_system.h"

namespace uswim::sc_models {
namespace {

namespace reg = register_map;

/// Runs `script` in a simulation of its own host beside the small system's.
void with_accelerator(const std::function<void(Host&, Accelerator&, const SmallSystem&)>& script) {
  // SmallSystem builds an AcceleratorSystem; here its parts are used to build a second, separate
  // platform.
  SmallSystem s(40, 8, programmer::PulseModelKind::Incremental);
  std::vector<std::unique_ptr<programmer::ArrayProgrammer>> programmers;
  programmers.push_back(std::make_unique<programmer::ArrayProgrammer>(
      *s.mapping, 0, *s.device, *s.pulses, programmer::RowScheme{}));
  programmers[0]->new_chip(1, 0);
  Accelerator accelerator("other_accelerator", s.chip, s.tile, *s.mapping, *s.program, programmers);
  Host host("other_host");
  sc_core::sc_signal<bool> interrupt("other_interrupt");
  host.bus_socket.bind(accelerator.host_socket);
  accelerator.interrupt.bind(interrupt);
  host.interrupt.bind(interrupt);
  host.run([&](Host& h) { script(h, accelerator, s); });
}

tlm::tlm_response_status access(Host& host, tlm::tlm_command command, std::uint64_t address,
                                std::uint8_t* data, unsigned bytes, unsigned streaming_width,
                                std::uint8_t* enable = nullptr, unsigned enable_length = 0) {
  tlm::tlm_generic_payload trans;
  trans.set_command(command);
  trans.set_address(address);
  trans.set_data_ptr(data);
  trans.set_data_length(bytes);
  trans.set_streaming_width(streaming_width);
  trans.set_byte_enable_ptr(enable);
  trans.set_byte_enable_length(enable_length);
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  host.bus_socket->b_transport(trans, delay);
  return trans.get_response_status();
}

TEST(RegisterMap, IdentifiesTheAccelerator) {
  with_accelerator([](Host& h, Accelerator&, const SmallSystem&) {
    EXPECT_EQ(h.read_register(reg::kId), reg::kIdValue);
    EXPECT_EQ(h.read_register(reg::kVersion), reg::kVersionValue);
    EXPECT_EQ(h.read_register(reg::kTiles), 1u);
    EXPECT_EQ(h.read_register(reg::kStatus), 0u);
  });
}

TEST(RegisterMap, RefusesInferenceBeforeProgramming) {
  with_accelerator([](Host& h, Accelerator&, const SmallSystem&) {
    h.write_register(reg::kImages, 1);
    h.write_register(reg::kControl, reg::kStartInference);
    EXPECT_EQ(h.read_register(reg::kError), reg::kErrorNotProgrammed);
    h.write_register(reg::kError, 0);
    h.write_register(reg::kControl, 99);
    EXPECT_EQ(h.read_register(reg::kError), reg::kErrorCommand);
  });
}

TEST(RegisterMap, ProgramsRaisesTheInterruptAndCounts) {
  with_accelerator([](Host& h, Accelerator& a, const SmallSystem& s) {
    const auto levels = pack_levels(*s.mapping, {s.mapping->layers()[0].weight_code});
    const programmer::DeviceMask mask = programmer::every_device(*s.mapping);
    h.write(reg::kLevels, levels.data(), levels.size());
    h.write(reg::kMasks, reinterpret_cast<const std::uint8_t*>(mask.words().data()),
            mask.words().size() * sizeof(std::uint64_t));
    h.write_register(reg::kInterruptEnable, 1);
    h.write_register(reg::kControl, reg::kStartProgramming);
    EXPECT_EQ(h.read_register(reg::kStatus), reg::kStatusBusy);
    h.write_register(reg::kControl, reg::kStartProgramming);
    EXPECT_EQ(h.read_register(reg::kError), reg::kErrorBusy);
    std::uint8_t byte = 0;
    EXPECT_EQ(access(h, tlm::TLM_WRITE_COMMAND, reg::kMasks, &byte, 1, 1),
              tlm::TLM_GENERIC_ERROR_RESPONSE);
    h.wait_for_interrupt();
    EXPECT_FALSE(h.interrupt.read());
    EXPECT_EQ(h.read_register(reg::kStatus), reg::kStatusProgrammed);
    const programmer::RowWork& work = a.tile(0).programming().work;
    EXPECT_EQ(h.read_register(reg::kWritePulsesLow), work.set_pulses + work.reset_pulses);
    EXPECT_EQ(h.read_register(reg::kVerifyReadsLow), work.verify_reads);
    EXPECT_GT(work.verify_reads, 0u);
  });
}

TEST(RegisterMap, RefusesMaskRecordsThatCannotBeRead) {
  with_accelerator([](Host& h, Accelerator& a, const SmallSystem& s) {
    auto stream = programmer::encode_mask(programmer::device_mask(*s.mapping, s.every_nth(50)),
                                          *s.mapping, programmer::MaskEncoding::IndexList);
    ASSERT_LT(stream.size(), a.memory().masks.size());
    const auto levels = pack_levels(*s.mapping, {s.mapping->layers()[0].weight_code});
    h.write(reg::kLevels, levels.data(), levels.size());
    h.write_register(reg::kMaskFormat, reg::kMaskRecords);
    EXPECT_EQ(h.read_register(reg::kMaskFormat), reg::kMaskRecords);
    const std::uint8_t first_column = stream[6];  // behind the table and the header
    stream[6] = 128;
    h.write(reg::kMasks, stream.data(), stream.size());
    h.write_register(reg::kControl, reg::kStartProgramming);
    EXPECT_EQ(h.read_register(reg::kError), reg::kErrorMask);
    EXPECT_EQ(h.read_register(reg::kStatus), 0u);
    h.write_register(reg::kError, 0);
    h.write(reg::kMasks + 6, &first_column, 1);
    h.write_register(reg::kControl, reg::kStartProgramming);
    EXPECT_EQ(h.read_register(reg::kError), reg::kErrorNone);
    EXPECT_EQ(h.read_register(reg::kStatus), reg::kStatusBusy);
  });
}

TEST(BaseProtocol, AnswersErrorsInsteadOfGuessing) {
  with_accelerator([](Host& h, Accelerator&, const SmallSystem&) {
    std::uint8_t data[8] = {};
    EXPECT_EQ(access(h, tlm::TLM_READ_COMMAND, 0x0900'0000, data, 4, 4),
              tlm::TLM_ADDRESS_ERROR_RESPONSE);
    EXPECT_EQ(access(h, tlm::TLM_READ_COMMAND, reg::kId, data, 8, 8),
              tlm::TLM_BURST_ERROR_RESPONSE);
    EXPECT_EQ(access(h, tlm::TLM_READ_COMMAND, reg::kId + 2, data, 4, 4),
              tlm::TLM_BURST_ERROR_RESPONSE);
    EXPECT_EQ(access(h, tlm::TLM_WRITE_COMMAND, reg::kMasks, data, 8, 4),
              tlm::TLM_BURST_ERROR_RESPONSE);
    std::uint8_t enable[4] = {0xff, 0, 0xff, 0};
    EXPECT_EQ(access(h, tlm::TLM_READ_COMMAND, reg::kId, data, 4, 4, enable, 4),
              tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE);
    EXPECT_EQ(access(h, tlm::TLM_READ_COMMAND, reg::kMasks + 0x0fff'ffff, data, 4, 4),
              tlm::TLM_ADDRESS_ERROR_RESPONSE);
    EXPECT_EQ(access(h, tlm::TLM_WRITE_COMMAND, reg::kLogits, data, 4, 4),
              tlm::TLM_COMMAND_ERROR_RESPONSE);
  });
}

TEST(BaseProtocol, HonoursByteEnables) {
  with_accelerator([](Host& h, Accelerator& a, const SmallSystem&) {
    std::uint8_t ones[4] = {1, 2, 3, 4}, enable[2] = {0xff, 0};
    EXPECT_EQ(access(h, tlm::TLM_WRITE_COMMAND, reg::kMasks, ones, 4, 4, enable, 2),
              tlm::TLM_OK_RESPONSE);
    EXPECT_EQ(a.memory().masks[0], 1);
    EXPECT_EQ(a.memory().masks[1], 0);
    EXPECT_EQ(a.memory().masks[2], 3);
  });
}

TEST(BaseProtocol, DebugAccessTakesNoTimeAndReadsMemory) {
  with_accelerator([](Host& h, Accelerator& a, const SmallSystem&) {
    std::uint8_t byte = 0xa5, back = 0;
    h.write(reg::kMasks + 3, &byte, 1);
    tlm::tlm_generic_payload trans;
    trans.set_command(tlm::TLM_READ_COMMAND);
    trans.set_address(reg::kMasks + 3);
    trans.set_data_ptr(&back);
    trans.set_data_length(1);
    const sc_core::sc_time before = sc_core::sc_time_stamp();
    EXPECT_EQ(h.bus_socket->transport_dbg(trans), 1u);
    EXPECT_EQ(sc_core::sc_time_stamp(), before);
    EXPECT_EQ(back, 0xa5);
    EXPECT_EQ(a.memory().masks[3], 0xa5);
  });
}

}  // namespace
}  // namespace uswim::sc_models
