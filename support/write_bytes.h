#pragma once
#include <string_view>

namespace uswim::support {

/// Writes all of `bytes` to a file descriptor. 0, or errno of what went wrong; then some of them
/// may have been written.
int write_bytes(int descriptor, std::string_view bytes);

}  // namespace uswim::support
