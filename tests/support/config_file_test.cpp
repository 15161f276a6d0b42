#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "sample_config.h"
#include "temporary_directory.h"

/// The configuration as a file: where it lies, and what its text looks like.
namespace {

using namespace uswim::support;
using sample::faults_of;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(ConfigFile, ColumnsCountCharactersAndAByteOrderMarkIsNone) {
  EXPECT_THAT(faults_of("\xef\xbb\xbfnetwork: n\ndevice: {pulse_width: 1 µs, sigma: x}\n"),
              ElementsAre(HasSubstr("x.yaml:2:36: device.sigma:")));
}

TEST(ConfigFile, LineEndingsOfWindowsAreFine) {
  EXPECT_THAT(faults_of("network: n\r\nseed: x\r\n"),
              ElementsAre(HasSubstr("x.yaml:2:7: seed: 'x' is")));
}

TEST(ConfigFile, AnEmptyFileIsAnEmptyMapping) {
  for (const char* text : {"", "# only a comment\n", "---\n", "{}"})
    EXPECT_THAT(faults_of(text), ElementsAre("x.yaml:1:1: network: missing required key")) << text;
}

TEST(ConfigFile, TheTopMustBeAMapping) {
  EXPECT_THAT(faults_of("- a"), ElementsAre("x.yaml:1:1: the top of a configuration is a mapping "
                                            "of keys to values"));
  EXPECT_THAT(faults_of("just text"), ElementsAre(HasSubstr("mapping of keys to values")));
}

TEST(ConfigFile, AMissingFileOrADirectoryIsOneFault) {
  const TemporaryDirectory directory;
  const auto open = [](const std::filesystem::path& file) {
    return message_of<ConfigError>([&] { ConfigDocument::from_file(file); });
  };
  EXPECT_EQ(open(directory / "none.yaml"),
            (directory / "none.yaml").string() + ": cannot be opened: No such file or directory");
  EXPECT_THAT(open(directory.path()), HasSubstr("is a directory"));
}

TEST(ConfigFile, RelativePathsStartAtTheFileThatHoldsThem) {
  const TemporaryDirectory directory;
  const auto file = directory.file("c.yaml", "network: nets/a.onnx\nscores: /abs/s.npy\n");
  ConfigDocument document = ConfigDocument::from_file(file, {"layers=[a]"});
  const sample::Config c = sample::read(document.root());
  document.finish();
  EXPECT_EQ(c.network, directory / "nets/a.onnx");
  EXPECT_EQ(c.scores, "/abs/s.npy");

  ConfigDocument overridden = ConfigDocument::from_file(file, {"network=b.onnx"});
  EXPECT_EQ(sample::read(overridden.root()).network, std::filesystem::current_path() / "b.onnx");
}

}  // namespace
