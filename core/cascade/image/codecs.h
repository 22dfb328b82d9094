// SPDX-License-Identifier: Apache-2.0
// One reader per format; image_reader.cpp chooses. Private to core/cascade/image.
#pragma once

#include "core/cascade/image/image.h"

namespace fulgurite::image {

// Width and height of the header, orientation left at 1; sizes are checked by the caller.
ImageInfo inspectJpeg(std::span<const std::byte> bytes, const std::string& name);
ImageInfo inspectPng(std::span<const std::byte> bytes, const std::string& name);
ImageInfo inspectWebp(std::span<const std::byte> bytes, const std::string& name);

// `info` is what inspect said: a picture that then has another size is corrupt.
Image decodeJpeg(std::span<const std::byte> bytes, const std::string& name, const ImageInfo& info);
Image decodePng(std::span<const std::byte> bytes, const std::string& name, const ImageInfo& info);
Image decodeWebp(std::span<const std::byte> bytes, const std::string& name, const ImageInfo& info);

// The orientation tag of a picture's EXIF block, 1 when there is none or it cannot be read: it is a hint, no reason
// to refuse a picture.
int exifOrientation(std::span<const std::byte> bytes, ImageFormat format);

// Turns or mirrors by an EXIF orientation.
Image oriented(Image image, int orientation);

} // namespace fulgurite::image
