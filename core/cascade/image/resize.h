// SPDX-License-Identifier: Apache-2.0
// Resizing with anti-aliasing, bit for bit as the imaging library of the reference (Pillow) does it: the vectors
// that a model gives depend on it.
#pragma once

#include "core/cascade/image/image.h"

namespace fulgurite::image {

enum class ResizeFilter : std::uint8_t {
    Bilinear, // triangle, support 1
    Bicubic,  // a = -0.5, support 2
};

// Separable, rows first, then columns, 8 bits after each pass; the filter is widened by the factor of reduction.
// Sizes must be positive.
Image resizeImage(const Image& image, int width, int height, ResizeFilter filter);

// The largest size of the picture's proportions with both sides at most `side`, never larger than it is.
struct PixelSize {
    int width = 0;
    int height = 0;
};
PixelSize fittedSize(int width, int height, int side);

} // namespace fulgurite::image
