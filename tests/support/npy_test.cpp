#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "support/results.h"
#include "temporary_directory.h"

namespace {

using namespace uswim::support;
using testing::ElementsAre;
using testing::HasSubstr;
using Shape = std::vector<std::size_t>;

class Npy : public testing::Test {
 protected:
  template <class T>
  NpyArray<T> read(const std::string& bytes) {
    return read_npy<T>(directory_.file("a.npy", bytes));
  }
  /// Why a file of floats with this header and these data bytes is refused.
  std::string refusal(const std::string& header, const std::string& data, int version = 1) {
    return refusal_of_bytes(with_header(header, version) + data);
  }
  std::string refusal_of_bytes(const std::string& bytes) {
    return message_of<FileError>([&] { read<float>(bytes); });
  }
  static std::string with_header(const std::string& header, int version = 1) {
    std::string bytes = "\x93NUMPY";
    bytes += static_cast<char>(version);
    bytes += '\0';
    for (int i = 0; i < (version == 1 ? 2 : 4); ++i)
      bytes += static_cast<char>((header.size() >> (8 * i)) & 0xff);
    return bytes + header;
  }

  TemporaryDirectory directory_;
};

/// A header as NumPy 1.24 writes it for np.arange(6, dtype='<f4').reshape(2, 3).
std::string numpy_header() {
  std::string text = "\x93NUMPY\x01";
  text += '\0';
  text += "v";
  text += '\0';
  text += "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  text.resize(127, ' ');
  return text + "\n";
}

TEST_F(Npy, IsWrittenAsNumPyWritesIt) {
  std::string expected = numpy_header();
  for (int i = 0; i < 6; ++i) {
    const float v = static_cast<float>(i);
    char bytes[4];
    std::memcpy(bytes, &v, 4);
    expected.append(bytes, 4);
  }
  EXPECT_EQ(npy_bytes({2, 3}, std::vector<float>{0, 1, 2, 3, 4, 5}), expected);
  const std::string scalar = npy_bytes({}, std::vector<float>{1.0f});
  EXPECT_THAT(scalar, HasSubstr("'shape': (), }"));
  EXPECT_THAT(npy_bytes({1}, std::vector<std::uint8_t>{1}, true), HasSubstr("'|b1'"));
  EXPECT_THAT(npy_bytes({1}, std::vector<std::uint8_t>{1}, false), HasSubstr("'shape': (1,), }"));
  EXPECT_THROW(npy_bytes({2, 2}, std::vector<float>(3)), std::logic_error);
}

TEST_F(Npy, ReadsBackWhatItWrites) {
  const std::vector<float> floats{0.1f, -2.5f, 3e38f, 1e-45f, 0.0f, -0.0f};
  const NpyArray<float> f = read<float>(npy_bytes({3, 1, 2}, floats));
  EXPECT_EQ(f.shape, (Shape{3, 1, 2}));
  EXPECT_EQ(std::memcmp(f.values.data(), floats.data(), 24), 0);
  const NpyArray<std::uint8_t> b = read<std::uint8_t>(npy_bytes({4}, {1, 0, 1, 1}, true));
  EXPECT_THAT(b.values, ElementsAre(1, 0, 1, 1));
  EXPECT_THAT(read<std::uint8_t>(npy_bytes({2}, {7, 255}, false)).values, ElementsAre(7, 255));
  EXPECT_TRUE(read<float>(npy_bytes({0, 5}, std::vector<float>{})).values.empty());
  EXPECT_TRUE(read<float>(npy_bytes({}, std::vector<float>{2.0f})).shape.empty());
  std::vector<float> large(5'000'000);
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<float>(i);
  EXPECT_EQ(read<float>(npy_bytes({large.size()}, large)).values, large);
}

TEST_F(Npy, ReadsTheOtherTypesAndVersions) {
  const std::string ints("\x01\0\0\0\xff\xff\xff\xff", 8);
  const std::string int_header = "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }";
  for (const int version : {1, 2, 3})
    EXPECT_THAT(read<std::int32_t>(with_header(int_header, version) + ints).values,
                ElementsAre(1, -1));
  const double v = 0.1;
  std::string eight(8, '\0');
  std::memcpy(eight.data(), &v, 8);
  EXPECT_THAT(read<double>(
                  with_header("{\"shape\":(1,),\"fortran_order\":False,\"descr\":\"<f8\"}") + eight)
                  .values,
              ElementsAre(0.1));
}

TEST_F(Npy, AWrongTypeIsNamed) {
  const std::string bytes = npy_bytes({1}, std::vector<float>{1.0f});
  EXPECT_THAT(message_of<FileError>([&] { read<double>(bytes); }),
              HasSubstr("a.npy: holds dtype <f4 (expected <f8)"));
  EXPECT_THAT(message_of<FileError>([&] { read<std::uint8_t>(bytes); }),
              HasSubstr("holds dtype <f4 (expected |u1 or |b1)"));
  EXPECT_THAT(refusal("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", "1234"),
              HasSubstr("holds dtype >f4 (expected <f4)"));
  EXPECT_THAT(refusal("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "1234"),
              HasSubstr("a structured dtype"));
  EXPECT_THAT(message_of<FileError>([&] { read<std::uint8_t>(npy_bytes({1}, {2}, true)); }),
              HasSubstr("a byte other than 0 and 1"));
}

TEST_F(Npy, FortranOrderIsRefused) {
  EXPECT_THAT(refusal("{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", "1234"),
              HasSubstr("is in Fortran order (expected C order)"));
}

TEST_F(Npy, EveryTruncationIsRefused) {
  const std::string bytes = npy_bytes({2, 3}, std::vector<float>(6, 1.0f));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const std::string message = refusal_of_bytes(bytes.substr(0, size));
    EXPECT_THAT(message, HasSubstr(size < 6     ? "is not an .npy file"
                                   : size < 128 ? "ends inside its header"
                                                : "ends inside its data"))
        << size;
  }
  EXPECT_THAT(refusal_of_bytes(bytes + "x"), HasSubstr("holds more data than its shape says"));
}

TEST_F(Npy, ShapesBeyondMemoryAreRefusedBeforeAllocating) {
  const auto shape = [&](const std::string& text) {
    return refusal("{'descr': '<f4', 'fortran_order': False, 'shape': " + text + ", }", "1234");
  };
  // 2^62 * 8 and 2^32 * 2^32 are zero in 64 bits.
  EXPECT_THAT(shape("(4611686018427387904, 8)"),
              HasSubstr("has the shape (4611686018427387904, 8)"));
  EXPECT_THAT(shape("(4294967296, 4294967296)"), HasSubstr("expected at most"));
  EXPECT_THAT(shape("(32768, 32769)"), HasSubstr("expected at most"));
  EXPECT_THAT(shape("(65536, 65536, 65536, 65536)"), HasSubstr("expected at most"));
  EXPECT_THAT(shape("(1073741825,)"), HasSubstr("expected at most 4294967296 bytes"));
  EXPECT_THAT(shape("(18446744073709551616,)"), HasSubstr("a shape beyond any memory"));
  EXPECT_THAT(shape("(-1, 3)"), HasSubstr("a negative size in its shape"));
  EXPECT_THAT(shape("(1" + std::string(64, ',') + ")"), HasSubstr("malformed header"));
  std::string ones = "(1";
  for (int i = 0; i < 40; ++i) ones += ", 1";
  EXPECT_THAT(shape(ones + ")"), HasSubstr("too many dimensions"));
  // 4 GiB are claimed, four bytes are there.
  EXPECT_THAT(shape("(1073741824,)"), HasSubstr("ends inside its data"));
}

TEST_F(Npy, MalformedHeadersAreRefused) {
  const std::string rest = "'fortran_order': False, 'shape': (1,), }";
  for (const std::string& header : std::vector<std::string>{
           "", "{", "}", "{}", "[]", "{'descr': '<f4'}", "{'descr': '<f4', " + rest + "x",
           "{'descr': '<f4' " + rest, "{'descr': '<f4, " + rest, "{'descr': <f4, " + rest,
           "{'descr': '<f4', 'descr': '<f4', " + rest, "{'descr': '<f4', 'more': 1, " + rest,
           "{'descr': '<f4', 'fortran_order': false, 'shape': (1,)}",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (1)}",
           "{'descr': '<f4', 'fortran_order': False, 'shape': 1}",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (a,)}",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (1,"})
    EXPECT_THAT(refusal(header, "1234"), HasSubstr("a.npy: ")) << header;
}

TEST_F(Npy, AHugeHeaderLengthIsRefused) {
  EXPECT_THAT(refusal_of_bytes(std::string("\x93NUMPY\x02\0\xff\xff\xff\xff", 12)),
              HasSubstr("has a header of 4294967295 bytes"));
  EXPECT_THAT(refusal_of_bytes(std::string("\x93NUMPY\x09\0\x10\0", 10) + std::string(16, ' ')),
              HasSubstr("has .npy version 9 (expected 1 to 3)"));
}

TEST_F(Npy, OtherFilesAreRefused) {
  EXPECT_THAT(refusal_of_bytes("PK\x03\x04 a zip file"), HasSubstr("is not an .npy file"));
  EXPECT_THAT(message_of<FileError>([&] { read_npy<float>(directory_ / "none.npy"); }),
              HasSubstr("none.npy: cannot be opened: No such file or directory"));
}

}  // namespace
