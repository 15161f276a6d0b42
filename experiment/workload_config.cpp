#include "experiment/workload_config.h"

namespace uswim::experiment {

using support::ConfigReader;

namespace {

void read_data(ConfigReader in, workloads::DataSource& data) {
  using workloads::DataFormat;
  in.word("format", data.format, workloads::kDataFormats,
          {"idx: two IDX files; cifar10: binary batches; npz: NumPy arrays; images: PNG and JPEG "
           "files; jpk: packed JPEGs"});
  in.path(
      "images", data.images,
      {"idx: file, plain or gzip; cifar10: a batch, or a folder for all its data_batch_N.bin; npz: "
       ".npz, or .npy of uint8; images: folder; jpk: file. The network sees pixel / 255 unless "
       "'workload.normalization' says otherwise"});
  in.path("labels", data.labels,
          {"idx: file, plain or gzip; npz: .npy or .npz of whole numbers (left out: in 'images'); "
           "images: text file, a name and a label per line (left out: folders are the classes)"});
  in.word("layout", data.layout, workloads::kArrayLayouts, {"npz: order of the images' axes"});
  in.text("image_array", data.image_array, {"npz: name of the images inside an .npz file"});
  in.text("label_array", data.label_array, {"npz: name of the labels inside an .npz file"});
  in.whole("limit", data.limit, support::closed(1, workloads::DataSource::kUnlimited),
           {"the first images that are taken; all where there are fewer"});
  in.check(in.describing() || data.format != DataFormat::Idx || data.images.empty() ||
               !data.labels.empty(),
           "labels", "missing (format 'idx' keeps the labels in a file of their own)");
  in.check(
      (data.format != DataFormat::Cifar10 && data.format != DataFormat::Jpk) || data.labels.empty(),
      "labels", "the labels of this format are in 'images'");
}

workloads::Normalization read_normalization(ConfigReader in) {
  workloads::Normalization n;
  in.numbers("mean", n.mean, support::closed(-1e6, 1e6),
             {"per channel, or one for all; the network sees (pixel / 255 - mean) / std"});
  in.numbers("std", n.deviation, support::left_open(0, 1e6), {"per channel, or one for all"});
  in.check(n.mean.empty() == n.deviation.empty(), "", "'mean' and 'std' go together");
  return n;
}

void read_quantization(ConfigReader in, WorkloadConfig& workload) {
  workloads::QuantizationConfig& c = workload.quantization;
  in.word("weight_scales", c.weight_scales, workloads::kWeightScales,
          {"per_tensor: one scale per layer; per_channel: one per output, multiplied back by the "
           "digital part"});
  in.word("weight_clip", c.weight_clip, workloads::kClipRules,
          {"largest code of a weight: maximum, percentile, or least squared error",
           "paper: the layer's maximum"});
  in.number("weight_percentile", c.weight_percentile, support::left_open(0, 100),
            {"with 'weight_clip: percentile': part of the magnitudes that is not clipped, percent",
             "unconfirmed"});
  in.word("activation_clip", c.activation_clip, workloads::kClipRules,
          {"largest code of a layer's input over the calibration images", "unconfirmed"});
  in.number("activation_percentile", c.activation_percentile, support::left_open(0, 100),
            {"with 'activation_clip: percentile', percent", "unconfirmed"});
  in.whole("calibration_images", workload.calibration_images, support::closed(1, 100000),
           {"the first images of 'sensitivity' that the ranges of activations are taken from",
            "unconfirmed"});
}

}  // namespace

WorkloadConfig read_workload(ConfigReader in, std::uint64_t seed) {
  WorkloadConfig c;
  c.seed = seed;
  in.path("network", c.network, {"ONNX file of a classifier, quantised or not"});
  in.word("synthetic", c.synthetic, workloads::kSyntheticNetworks,
          {"instead of 'network': a network of this shape with Gaussian weights drawn by 'seed', "
           "to be programmed; it has no images and no sensitivity"});
  in.check(c.is_synthetic() || !c.network.empty(), "network",
           "missing required key (or 'synthetic' in its place)");
  in.check(!c.is_synthetic() || c.network.empty(), "synthetic", "stands in place of 'network'");
  in.whole("weight_bits", c.weight_bits, support::closed(1, 8),
           {"bits of a weight's magnitude; the sign is a differential pair", "paper: 4 for LeNet"});
  in.whole("activation_bits", c.quantization.activation_bits, support::closed(2, 8),
           {"bits of a layer's input where the network brings no quantiser; with negative inputs "
            "the sign is among them",
            "unconfirmed"});
  in.boolean(
      "fold_batch_norm", c.fold_batch_norm,
      {"multiply batch norm into the weights where it directly follows a layer whose weights "
       "are no codes yet (of the file, or of weight_bits bits); else it is digital"});
  read_quantization(
      in.section("quantization", {"of networks that were trained in float; a network's own "
                                  "quantisers stay as they are"}),
      c);
  c.normalization = read_normalization(
      in.section("normalization", {"of the pixels, as in the network's training; left out: none"}));
  read_data(in.section("test", {"images for the accuracy"}), c.test);
  read_data(in.section("sensitivity", {"training images for the second derivative"}),
            c.sensitivity);
  return c;
}

}  // namespace uswim::experiment
