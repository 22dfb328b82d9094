// SPDX-License-Identifier: Apache-2.0
#include "core/cascade/clip/preprocess.h"

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/json_field.h"

#include <cmath>

namespace fulgurite::clip {

namespace {

constexpr std::int64_t kLargestSide = 8192;
constexpr std::int64_t kMostResizedPixels = std::int64_t{64} << 20;

int side(const JsonField& field) {
    return static_cast<int>(field.integer(1, kLargestSide));
}

// "size" and "crop_size": a number, {"shortest_edge"} or {"height", "width"}. True when it is the shortest edge.
bool readSize(const JsonField& field, int& width, int& height, bool number_is_edge) {
    if (field.value().is_number()) {
        width = height = side(field);
        return number_is_edge;
    }
    if (field.has("shortest_edge")) {
        width = height = side(field["shortest_edge"]);
        if (field.has("longest_edge")) {
            field.refuse("a longest edge beside the shortest is not supported");
        }
        return true;
    }
    width = side(field["width"]);
    height = side(field["height"]);
    return false;
}

void readChannels(const JsonField& root, const char* key, std::array<double, 3>& out) {
    if (!root.has(key)) {
        return;
    }
    const JsonField list = root[key];
    list.expect(list.value().is_array() && list.size() == 3, "a list of three numbers");
    for (std::size_t c = 0; c < 3; ++c) {
        out[c] = list.at(c).number();
    }
}

void readResample(const JsonField& root, Preprocess& settings) {
    if (!root.has("resample")) {
        return;
    }
    const std::int64_t code = root["resample"].integer(0, 5);
    if (code != 2 && code != 3) {
        root["resample"].refuse("only 2 (bilinear) and 3 (bicubic) are supported");
    }
    settings.filter = code == 2 ? image::ResizeFilter::Bilinear : image::ResizeFilter::Bicubic;
}

image::Image resized(const Preprocess& p, const image::Image& picture) {
    std::int64_t width = p.width;
    std::int64_t height = p.height;
    if (p.resize == Preprocess::Resize::ShortestEdge) {
        const bool wide = picture.width > picture.height;
        const std::int64_t longer = std::int64_t{p.width} * std::max(picture.width, picture.height) /
                                    std::min(picture.width, picture.height);
        width = wide ? longer : p.width;
        height = wide ? p.width : longer;
    }
    if (width * height > kMostResizedPixels) {
        fail(ErrorKind::Unsupported, "a picture of {} x {} pixels would become {} x {}: too long and thin",
             picture.width, picture.height, width, height);
    }
    return image::resizeImage(picture, static_cast<int>(width), static_cast<int>(height), p.filter);
}

// Rounds towards minus infinity.
int floorHalf(int value) {
    return value >= 0 ? value / 2 : -((1 - value) / 2);
}

// What each 8-bit value becomes. The reference multiplies in double, rounds to float, then subtracts and divides in
// float; so there are only 256 results for each channel.
std::array<std::array<float, 256>, 3> levels(const Preprocess& p) {
    std::array<std::array<float, 256>, 3> table{};
    for (std::size_t c = 0; c < 3; ++c) {
        for (std::size_t value = 0; value < 256; ++value) {
            float x =
                static_cast<float>(p.rescale ? static_cast<double>(value) * p.factor : static_cast<double>(value));
            if (p.normalize) {
                x = (x - static_cast<float>(p.mean[c])) / static_cast<float>(p.deviation[c]);
            }
            table[c][value] = x;
        }
    }
    return table;
}

} // namespace

Preprocess Preprocess::forSize(int side) {
    Preprocess p;
    p.width = p.height = p.crop_width = p.crop_height = side;
    return p;
}

Preprocess Preprocess::parse(std::string_view json, const std::string& name, int side) {
    const nlohmann::json document = parseJson(json, name);
    const JsonField root(document, name);
    root.expect(document.is_object(), "an object");
    Preprocess p = forSize(side);
    bool shortest = true;
    if (root.has("size")) {
        shortest = readSize(root["size"], p.width, p.height, true);
    }
    if (root.has("crop_size")) {
        int width = 0;
        int height = 0;
        readSize(root["crop_size"], width, height, false);
        p.crop_width = width;
        p.crop_height = height;
    }
    p.resize = !root.boolean("do_resize", true) ? Resize::None : shortest ? Resize::ShortestEdge : Resize::Stretch;
    p.crop = root.boolean("do_center_crop", shortest);
    p.rescale = root.boolean("do_rescale", true);
    p.factor = root.number("rescale_factor", p.factor);
    p.normalize = root.boolean("do_normalize", true);
    readResample(root, p);
    readChannels(root, "image_mean", p.mean);
    readChannels(root, "image_std", p.deviation);
    for (const double deviation : p.deviation) {
        root.expect(!p.normalize || deviation != 0, "an image_std without zeros");
    }
    return p;
}

void Preprocess::requireOutput(int side, const std::string& name) const {
    const bool fits = crop ? crop_width == side && crop_height == side
                           : resize == Resize::Stretch && width == side && height == side;
    if (!fits) {
        fail(ErrorKind::Unsupported,
             "{}: its pictures do not come out as the {} x {} that the model's vision tower takes", name, side,
             side);
    }
}

void preprocess(const Preprocess& p, const image::Image& picture, int side, float* out) {
    const image::Image source = p.resize == Preprocess::Resize::None ? picture : resized(p, picture);
    const auto table = levels(p);
    const int left = p.crop ? floorHalf(source.width - side) : 0;
    const int top = p.crop ? floorHalf(source.height - side) : 0;
    const std::size_t plane = static_cast<std::size_t>(side) * static_cast<std::size_t>(side);
    for (int y = 0; y < side; ++y) {
        const int source_y = y + top;
        const bool inside_y = source_y >= 0 && source_y < source.height;
        float* row = out + static_cast<std::size_t>(y) * static_cast<std::size_t>(side);
        for (int x = 0; x < side; ++x) {
            const int source_x = x + left;
            const bool inside = inside_y && source_x >= 0 && source_x < source.width;
            const std::uint8_t* pixel = inside ? source.row(source_y) + source_x * 3 : nullptr;
            for (std::size_t c = 0; c < 3; ++c) {
                row[c * plane + static_cast<std::size_t>(x)] = table[c][inside ? pixel[c] : 0];
            }
        }
    }
}

} // namespace fulgurite::clip
