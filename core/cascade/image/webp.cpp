// SPDX-License-Identifier: Apache-2.0
// WebP through libwebp.
#include "core/base/error.h"
#include "core/cascade/image/codecs.h"

#include <webp/decode.h>

namespace fulgurite::image {

namespace {

const std::uint8_t* dataOf(std::span<const std::byte> bytes) {
    return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

} // namespace

ImageInfo inspectWebp(std::span<const std::byte> bytes, const std::string& name) {
    WebPBitstreamFeatures features{};
    if (WebPGetFeatures(dataOf(bytes), bytes.size(), &features) != VP8_STATUS_OK) {
        fail(ErrorKind::Corrupt, "{}: not a readable WebP: its header is damaged", name);
    }
    if (features.has_animation != 0) {
        fail(ErrorKind::Unsupported, "{}: an animated WebP; save one of its frames as a picture", name);
    }
    return {ImageFormat::Webp, features.width, features.height, 1};
}

Image decodeWebp(std::span<const std::byte> bytes, const std::string& name, const ImageInfo& info) {
    Image image = makeImage(info.width, info.height);
    if (WebPDecodeRGBInto(dataOf(bytes), bytes.size(), image.rgb.data(), image.rgb.size(),
                          static_cast<int>(image.rowBytes())) == nullptr) {
        fail(ErrorKind::Corrupt, "{}: not a readable WebP: its data are damaged or end too early", name);
    }
    return image;
}

} // namespace fulgurite::image
