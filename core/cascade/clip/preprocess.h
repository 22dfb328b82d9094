// SPDX-License-Identifier: Apache-2.0
// From a picture to what a vision tower takes in, as preprocessor_config.json says and as the reference library
// computes it: resize, centre crop, rescale, normalise, channels first.
#pragma once

#include "core/cascade/image/resize.h"

#include <array>
#include <string>
#include <string_view>

namespace fulgurite::clip {

struct Preprocess {
    enum class Resize : std::uint8_t {
        None,
        ShortestEdge, // to `width`; the other side is floor(width * long / short)
        Stretch,      // to width x height, proportions lost
    };

    // Defaults: those of CLIP.
    Resize resize = Resize::ShortestEdge;
    int width = 224;
    int height = 224;
    image::ResizeFilter filter = image::ResizeFilter::Bicubic;
    bool crop = true; // what the picture lacks is black
    int crop_width = 224;
    int crop_height = 224;
    bool rescale = true;
    double factor = 1.0 / 255;
    bool normalize = true;
    std::array<double, 3> mean{0.48145466, 0.4578275, 0.40821073}; // R, G, B
    std::array<double, 3> deviation{0.26862954, 0.26130258, 0.27577711};

    // The defaults with every size set to the tower's: what a folder without preprocessor_config.json means.
    static Preprocess forSize(int side);
    // `name` is what errors call the file. Fields that are missing keep the defaults for `side`. Throws
    // Error{InvalidInput | Unsupported}.
    static Preprocess parse(std::string_view json, const std::string& name, int side);

    // Throws Error{Unsupported}, beginning with `name`, unless the result has the tower's size for every picture.
    void requireOutput(int side, const std::string& name) const;
};

// Writes [3, side, side]. Throws Error{Unsupported} for a picture so long that its resized form would be huge.
void preprocess(const Preprocess& settings, const image::Image& image, int side, float* out);

} // namespace fulgurite::clip
