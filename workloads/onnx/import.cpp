#include "workloads/onnx/import.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/stubs/logging.h>
#include <onnx/onnx_pb.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "support/results.h"
#include "workloads/onnx/describe.h"
#include "workloads/onnx/graph_index.h"
#include "workloads/onnx/network_builder.h"
#include "workloads/onnx/operators.h"

namespace uswim::workloads {
namespace {

using namespace onnx_reader;

constexpr std::size_t kLargestFile = std::size_t{1} << 30;
static_assert(kLargestFile <= std::numeric_limits<int>::max(), "protobuf counts bytes in an int");
constexpr int kDeepestNesting = 32;  // protobuf messages within each other; a plain graph needs 6
constexpr std::int64_t kOldestOpset = 7, kNewestOpset = 17;

::onnx::ModelProto parse(const std::vector<std::uint8_t>& bytes) {
  const google::protobuf::LogSilencer silence;  // libraries do not print
  google::protobuf::io::CodedInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  stream.SetRecursionLimit(kDeepestNesting);
  ::onnx::ModelProto model;
  if (!model.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage())
    throw NetworkError("this is no ONNX model, or it is truncated or damaged");
  if (!model.has_graph() || model.graph().node_size() == 0)
    throw NetworkError("this is no ONNX model: it holds no graph with nodes");
  return model;
}

std::int64_t read_opset(const ::onnx::ModelProto& model) {
  for (const auto& opset : model.opset_import()) {
    if (!opset.domain().empty() && opset.domain() != "ai.onnx") continue;
    if (opset.version() < kOldestOpset || opset.version() > kNewestOpset)
      throw NetworkError(fmt::format("the model uses opset {}, expected {} to {}", opset.version(),
                                     kOldestOpset, kNewestOpset));
    return opset.version();
  }
  throw NetworkError("the model states no opset version; the file may be truncated");
}

void check_operators(const GraphIndex& graph) {
  std::string faults;
  std::size_t count = 0;
  for (const ::onnx::NodeProto* node : graph.order()) {
    const std::string why = why_unsupported(*node, graph);
    if (why.empty()) continue;
    ++count;
    faults += "\n  " + why;
  }
  if (count > 0)
    throw NetworkError(fmt::format("{} {} not supported:{}\nsupported are {}", count,
                                   count == 1 ? "node is" : "nodes are", faults,
                                   supported_operators()));
}

Network import_bytes(const std::vector<std::uint8_t>& bytes) {
  if (bytes.empty()) throw NetworkError("the file is empty, expected an ONNX model");
  const ::onnx::ModelProto model = parse(bytes);
  const std::int64_t opset = read_opset(model);
  const GraphIndex graph(model.graph(), opset);
  check_operators(graph);
  return NetworkBuilder(graph, opset).build();
}

}  // namespace

Network import_onnx(const std::filesystem::path& file) {
  std::vector<std::uint8_t> bytes;
  try {
    bytes = support::read_file(file, kLargestFile);
  } catch (const support::FileError& error) {
    throw NetworkError(error.what());
  }
  try {
    Network network = import_bytes(bytes);
    network.content_hash = support::content_hash(bytes.data(), bytes.size());
    return network;
  } catch (const NetworkError& error) {
    throw NetworkError(file.string() + ": " + error.what());
  }
}

}  // namespace uswim::workloads
