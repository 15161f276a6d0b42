// Included by kernel_generic.cpp, kernel_avx2.cpp and kernel_avx512.cpp, which first define, in an
// anonymous namespace, vectors of 16 lanes (Ints, Floats) and their operations. Everything here
// stays in that namespace, so that nothing compiled for one instruction set can be linked into
// another.
//
// No integer sum can overflow (see the engines), so their order does not matter; sums of floats are
// taken step after step.
#include <type_traits>

namespace uswim::workloads::kernel {
namespace {

constexpr std::ptrdiff_t kCodesVector = kVectorCodes;  // int16 in a vector

}  // namespace
}  // namespace uswim::workloads::kernel

#include "workloads/engine/kernel_arithmetic.h"
#include "workloads/engine/kernel_codes.h"
#include "workloads/engine/kernel_products.h"
