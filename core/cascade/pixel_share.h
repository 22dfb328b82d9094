// SPDX-License-Identifier: Apache-2.0
// Decoded pictures are large, and as many threads as there are decode at once: a folder of decompression bombs just
// below the limit must not fill the memory of the process, whoever reads them.
#pragma once

#include "core/cascade/image/image.h"

namespace fulgurite::cascade {

// Room for one decoded picture; waits until there is enough.
class PixelShare {
  public:
    explicit PixelShare(const image::ImageInfo& info);
    ~PixelShare();
    PixelShare(const PixelShare&) = delete;
    PixelShare& operator=(const PixelShare&) = delete;

  private:
    std::size_t pixels_;
};

} // namespace fulgurite::cascade
