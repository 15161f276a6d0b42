// Import of ONNX files: time against that of parsing their bytes, the least that any reader does,
// and memory against the file's size.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <onnx/onnx_pb.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "bench/engine/cpu_time.h"
#include "support/results.h"
#include "workloads/onnx/import.h"

namespace uswim::bench {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kLargestFile = std::size_t{1} << 31;

/// The largest resident memory of a process that does nothing but this, less that of one that does
/// nothing.
template <class Work>
double resident_bytes(const Work& work) {
  const auto largest = [](auto&& in_child) {
    const pid_t child = ::fork();
    if (child == 0) {
      in_child();
      ::_exit(0);
    }
    int status = 0;
    rusage used{};
    ::wait4(child, &status, 0, &used);
    return status == 0 ? 1024.0 * static_cast<double>(used.ru_maxrss) : 0.0;
  };
  const double nothing = largest([] {});
  return largest(work) - nothing;
}

void import(benchmark::State& state, const fs::path& file) {
  const std::vector<std::uint8_t> bytes = support::read_file(file, kLargestFile);
  double weights = 0.0;
  for (const auto& layer : workloads::import_onnx(file).layers)
    weights += static_cast<double>(layer.weight.size());
  double imported = 1e9, parsed = 1e9;
  for (auto _ : state) {
    parsed = std::min(parsed, seconds_per_call([&] {
                        onnx::ModelProto model;
                        benchmark::DoNotOptimize(
                            model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
                      }));
    const double taken =
        seconds_per_call([&] { benchmark::DoNotOptimize(workloads::import_onnx(file)); });
    imported = std::min(imported, taken);
    state.SetIterationTime(taken);
  }
  const auto size = static_cast<double>(bytes.size());
  state.counters["MB"] = 1e-6 * size;
  state.counters["weights"] = weights;
  state.counters["MB/s"] = 1e-6 * size / imported;
  state.counters["time/parsing"] = imported / parsed;
  // What comes out of it holds a float per weight, whatever the file stores.
  const double needed = size + 4.0 * weights;
  state.counters["memory/needed"] =
      resident_bytes([&] { benchmark::DoNotOptimize(workloads::import_onnx(file)); }) / needed;
}

/// Convolutions of ResNet-18's size one behind the other, in floats: 512 channels, 3 x 3.
fs::path write_large_model(std::size_t layers) {
  constexpr std::int64_t kChannels = 512, kKernel = 3;
  onnx::ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(13);
  onnx::GraphProto& graph = *model.mutable_graph();
  graph.set_name("large");
  const auto describe = [](onnx::ValueInfoProto* value, const std::string& name,
                           std::int64_t side) {
    value->set_name(name);
    auto* type = value->mutable_type()->mutable_tensor_type();
    type->set_elem_type(onnx::TensorProto::FLOAT);
    type->mutable_shape()->add_dim()->set_dim_param("N");
    for (const std::int64_t d : {kChannels, side, side})
      type->mutable_shape()->add_dim()->set_dim_value(d);
  };
  describe(graph.add_input(), "value0", 8);
  for (std::size_t l = 0; l < layers; ++l) {
    onnx::TensorProto& weight = *graph.add_initializer();
    weight.set_name(fmt::format("weight{}", l));
    weight.set_data_type(onnx::TensorProto::FLOAT);
    for (const std::int64_t d : {kChannels, kChannels, kKernel, kKernel}) weight.add_dims(d);
    const std::vector<float> values(kChannels * kChannels * kKernel * kKernel, 0.01f);
    weight.set_raw_data(values.data(), values.size() * sizeof(float));
    onnx::NodeProto& node = *graph.add_node();
    node.set_op_type("Conv");
    node.set_name(fmt::format("conv{}", l));
    node.add_input(fmt::format("value{}", l));
    node.add_input(weight.name());
    node.add_output(fmt::format("value{}", l + 1));
    onnx::AttributeProto& pads = *node.add_attribute();
    pads.set_name("pads");
    pads.set_type(onnx::AttributeProto::INTS);
    for (int i = 0; i < 4; ++i) pads.add_ints(1);
  }
  onnx::NodeProto& pool = *graph.add_node();
  pool.set_op_type("GlobalAveragePool");
  pool.add_input(fmt::format("value{}", layers));
  pool.add_output("pooled");
  onnx::NodeProto& flatten = *graph.add_node();
  flatten.set_op_type("Flatten");
  flatten.add_input("pooled");
  flatten.add_output("logits");
  graph.add_output()->set_name("logits");
  const fs::path file = fs::temp_directory_path() / fmt::format("uswim_bench_{}.onnx", ::getpid());
  std::ofstream out(file, std::ios::binary);
  if (!model.SerializeToOstream(&out)) throw support::FileError(file.string() + ": not written");
  return file;
}

void import_large(benchmark::State& state, std::size_t layers) {
  const fs::path file = write_large_model(layers);
  import(state, file);
  fs::remove(file);
}

const bool kRegistered = [] {
  const fs::path networks = fs::path(USWIM_SOURCE_DIR) / "workloads" / "networks";
  const auto settle = [](benchmark::internal::Benchmark* benchmark) {
    benchmark->UseManualTime()->Iterations(5)->Unit(benchmark::kMillisecond);
  };
  for (const char* name : {"lenet_mnist_4bit", "convnet_cifar10_6bit"})
    settle(benchmark::RegisterBenchmark((std::string("import/") + name).c_str(), import,
                                        networks / (std::string(name) + ".onnx")));
  // Nine million weights and three times as many, in floats.
  settle(benchmark::RegisterBenchmark("import/float_4_layers", import_large, std::size_t{4}));
  settle(benchmark::RegisterBenchmark("import/float_12_layers", import_large, std::size_t{12}));
  return true;
}();

}  // namespace
}  // namespace uswim::bench
