#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "workloads/network/network.h"

namespace uswim::workloads {

/// One image file as bytes, channels first.
struct DecodedImage {
  Shape shape;
  std::vector<std::uint8_t> pixels;
};

/// Decodes a PNG (8 bits a channel, no transparency) or JPEG into `channels` (1 or 3); greyscale
/// becomes three equal channels, a colour image where one channel is wanted is an error. The
/// image must be as high and wide as `before`, or up to 4096 x 4096 where `before` has no channels.
/// `name` is for messages. Throws support::FileError.
DecodedImage decode_image(const std::uint8_t* bytes, std::size_t count, std::size_t channels,
                          const Shape& before, const std::string& name);

}  // namespace uswim::workloads
