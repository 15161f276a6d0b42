#include "bench/engine/one_dnn.h"

#include <cstring>
#include <dnnl.hpp>
#include <unordered_map>

namespace uswim::bench {
namespace {

using dnnl::memory;

const dnnl::engine& cpu() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

memory filled(const memory::desc& desc, int byte) {
  memory m(desc, cpu());
  std::memset(m.get_data_handle(), byte, desc.get_size());
  return m;
}

/// Runs a primitive on made-up data: 0x3c3c3c3c is 0.0115 as a float.
template <class PrimitiveDesc>
std::function<void()> runner(const PrimitiveDesc& desc, dnnl::primitive primitive) {
  dnnl::stream stream(cpu());
  std::unordered_map<int, memory> arguments{{DNNL_ARG_SRC, filled(desc.src_desc(), 0x3c)},
                                            {DNNL_ARG_WEIGHTS, filled(desc.weights_desc(), 0x3c)},
                                            {DNNL_ARG_DST, filled(desc.dst_desc(), 0)}};
  return [stream, primitive, arguments]() mutable {
    primitive.execute(stream, arguments);
    stream.wait();
  };
}

memory::dim d(std::size_t n) { return static_cast<memory::dim>(n); }

}  // namespace

std::function<void()> one_dnn_layer(OneDnnType type, std::size_t images,
                                    const workloads::Shape& input, std::size_t outputs,
                                    const workloads::Window& w, const workloads::Shape& result) {
  using Type = memory::data_type;
  using Tag = memory::format_tag;
  const bool integer = type == OneDnnType::U8S8;
  const Type source_type = integer ? Type::u8 : Type::f32;
  const Type weight_type = integer ? Type::s8 : Type::f32;
  const Type result_type = integer ? Type::s32 : Type::f32;
  if (input.height * input.width == 1) {
    const dnnl::inner_product_forward::primitive_desc desc(
        {dnnl::prop_kind::forward_inference,
         memory::desc({d(images), d(input.channels)}, source_type, Tag::any),
         memory::desc({d(outputs), d(input.channels)}, weight_type, Tag::any),
         memory::desc({d(images), d(outputs)}, result_type, Tag::any)},
        cpu());
    return runner(desc, dnnl::inner_product_forward(desc));
  }
  const dnnl::convolution_forward::primitive_desc desc(
      {dnnl::prop_kind::forward_inference,
       dnnl::algorithm::convolution_direct,
       memory::desc({d(images), d(input.channels), d(input.height), d(input.width)}, source_type,
                    Tag::any),
       memory::desc({d(outputs), d(input.channels), d(w.kernel_height), d(w.kernel_width)},
                    weight_type, Tag::any),
       memory::desc({d(images), d(outputs), d(result.height), d(result.width)}, result_type,
                    Tag::any),
       {d(w.stride_height), d(w.stride_width)},
       {d(w.pad_top), d(w.pad_left)},
       {d(w.pad_bottom), d(w.pad_right)}},
      cpu());
  return runner(desc, dnnl::convolution_forward(desc));
}

}  // namespace uswim::bench
