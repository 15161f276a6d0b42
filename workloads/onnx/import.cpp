#include "workloads/onnx/import.h"

#include <google/protobuf/arena.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/stubs/logging.h>
#include <onnx/onnx_pb.h>

#include <cstdint>
#include <limits>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "support/results.h"
#include "workloads/onnx/describe.h"
#include "workloads/onnx/graph_index.h"
#include "workloads/onnx/network_builder.h"
#include "workloads/onnx/operators.h"
#include "workloads/onnx/window_reader.h"

namespace uswim::workloads {
namespace {

using namespace onnx_reader;

// Together they keep even a damaged model below 1 GiB. 256 MiB hold 64 million weights.
constexpr std::size_t kLargestFile = std::size_t{1} << 28;
constexpr std::size_t kLargestStructure = std::size_t{1} << 29;  // of the parsed messages
static_assert(kLargestFile <= std::numeric_limits<int>::max(), "protobuf counts bytes in an int");
constexpr int kDeepestNesting = 32;  // protobuf messages within each other; a plain graph needs 6
constexpr int kMostNodes = 1 << 16;
constexpr std::int64_t kOldestOpset = 7, kNewestOpset = 17;

/// An arena whose blocks are counted: two bytes of a file can stand for a message of 200.
class BoundedArena {
 public:
  BoundedArena() : arena_(options()) {}
  google::protobuf::Arena* get() { return &arena_; }

 private:
  static google::protobuf::ArenaOptions options() {
    left_ = kLargestStructure;
    google::protobuf::ArenaOptions options;
    options.block_alloc = [](std::size_t bytes) {
      if (bytes > left_)
        throw NetworkError(fmt::format("its parts take more than {} MiB, which no network needs",
                                       kLargestStructure >> 20));
      left_ -= bytes;
      return ::operator new(bytes);
    };
    options.block_dealloc = [](void* block, std::size_t) { ::operator delete(block); };
    return options;
  }

  static thread_local std::size_t left_;  // block_alloc takes no argument of ours
  google::protobuf::Arena arena_;
};
thread_local std::size_t BoundedArena::left_ = 0;

const ::onnx::ModelProto& parse(const std::vector<std::uint8_t>& bytes, BoundedArena& arena) {
  const google::protobuf::LogSilencer silence;  // libraries do not print
  google::protobuf::io::CodedInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  stream.SetRecursionLimit(kDeepestNesting);
  auto& model = *google::protobuf::Arena::CreateMessage<::onnx::ModelProto>(arena.get());
  if (!model.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage())
    throw NetworkError("this is no ONNX model, or it is truncated or damaged");
  if (!model.has_graph() || model.graph().node_size() == 0)
    throw NetworkError("this is no ONNX model: it holds no graph with nodes");
  if (model.graph().node_size() > kMostNodes)
    throw NetworkError(fmt::format("the graph has {} nodes, expected at most {}",
                                   model.graph().node_size(), kMostNodes));
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

void check_values(const Network& network) {
  std::size_t elements = network.input.size();
  for (const Node& node : network.nodes) {
    elements += node.shape.size();
    if (elements > kMaximumOfAllValues)
      throw NetworkError(
          fmt::format("the values up to node '{}' have more than {} elements an image together",
                      node.name, kMaximumOfAllValues));
  }
}

Network import_bytes(std::vector<std::uint8_t> bytes) {
  if (bytes.empty()) throw NetworkError("the file is empty, expected an ONNX model");
  const std::string hash = support::content_hash(bytes.data(), bytes.size());
  BoundedArena arena;
  const ::onnx::ModelProto& model = parse(bytes, arena);
  std::vector<std::uint8_t>().swap(bytes);  // the model holds it all now
  const std::int64_t opset = read_opset(model);
  const GraphIndex graph(model.graph(), opset);
  check_operators(graph);
  Network network = NetworkBuilder(graph, opset).build();
  check_values(network);
  network.content_hash = hash;
  return network;
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
    return import_bytes(std::move(bytes));
  } catch (const NetworkError& error) {
    throw NetworkError(file.string() + ": " + error.what());
  }
}

}  // namespace uswim::workloads
