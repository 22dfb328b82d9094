// SPDX-License-Identifier: Apache-2.0
// Any bytes as a picture: an Error or a picture of the size that its header says, which can be resized and written.
#include "core/base/error.h"
#include "core/cascade/image/resize.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fulgurite;
    using namespace fulgurite::image;
    const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
    const ImageLimits limits{.max_bytes = 1 << 20, .max_pixels = 1 << 20};
    try {
        const ImageInfo info = inspectImage(bytes, "fuzz", limits);
        const Image stored = decodeImage(bytes, "fuzz", Rotation::AsStored, limits);
        if (stored.width != info.width || stored.height != info.height ||
            stored.rgb.size() != stored.rowBytes() * static_cast<std::size_t>(stored.height)) {
            std::abort();
        }
        const Image upright = decodeImage(bytes, "fuzz", Rotation::Orientation, limits);
        const PixelSize small = fittedSize(upright.width, upright.height, 16);
        encodeJpeg(resizeImage(upright, small.width, small.height, ResizeFilter::Bicubic), 80);
    } catch (const Error&) {
    }
    return 0;
}
