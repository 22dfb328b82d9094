// SPDX-License-Identifier: Apache-2.0
#include "core/cascade/image/resize.h"

#include <algorithm>
#include <cmath>

namespace fulgurite::image {

namespace {

constexpr int kFractionBits = 22; // of integer weights: 32 minus 8 of the pixel minus 2 of overshoot

double bilinear(double x) {
    x = std::abs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

double bicubic(double x) {
    constexpr double a = -0.5;
    x = std::abs(x);
    if (x < 1.0) {
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    }
    return x < 2.0 ? (((x - 5.0) * x + 8.0) * x - 4.0) * a : 0.0;
}

// Which input samples each output sample reads, and their weights.
struct Taps {
    struct Range {
        int first = 0;
        int count = 0;
    };
    std::vector<Range> ranges;         // [outputs]
    std::vector<std::int32_t> weights; // [outputs, longest]
    std::size_t longest = 0;

    const std::int32_t* of(std::size_t output) const { return weights.data() + output * longest; }
};

std::int32_t fixedPoint(double weight) {
    const double scaled = weight * (1 << kFractionBits);
    return static_cast<std::int32_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
}

Taps makeTaps(int input, int output, ResizeFilter filter) {
    const auto kernel = filter == ResizeFilter::Bicubic ? bicubic : bilinear;
    const double scale = static_cast<double>(input) / output;
    const double filter_scale = std::max(scale, 1.0);
    const double support = (filter == ResizeFilter::Bicubic ? 2.0 : 1.0) * filter_scale;
    Taps taps;
    taps.longest = static_cast<std::size_t>(std::ceil(support)) * 2 + 1;
    taps.ranges.resize(static_cast<std::size_t>(output));
    taps.weights.assign(taps.ranges.size() * taps.longest, 0);
    std::vector<double> exact(taps.longest);
    for (std::size_t i = 0; i < taps.ranges.size(); ++i) {
        const double centre = (static_cast<double>(i) + 0.5) * scale;
        const int first = std::max(0, static_cast<int>(centre - support + 0.5));
        const int count = std::min(input, static_cast<int>(centre + support + 0.5)) - first;
        double sum = 0;
        for (int s = 0; s < count; ++s) {
            exact[static_cast<std::size_t>(s)] = kernel((s + first - centre + 0.5) * (1.0 / filter_scale));
            sum += exact[static_cast<std::size_t>(s)];
        }
        for (int s = 0; s < count; ++s) {
            const double weight = exact[static_cast<std::size_t>(s)];
            taps.weights[i * taps.longest + static_cast<std::size_t>(s)] =
                fixedPoint(sum != 0 ? weight / sum : weight);
        }
        taps.ranges[i] = {first, count};
    }
    return taps;
}

std::uint8_t toByte(std::int32_t sum) {
    return static_cast<std::uint8_t>(std::clamp(sum >> kFractionBits, 0, 255));
}

Image resizeRows(const Image& image, int width, ResizeFilter filter) {
    const Taps taps = makeTaps(image.width, width, filter);
    Image out = makeImage(width, image.height);
    for (int y = 0; y < image.height; ++y) {
        std::uint8_t* target = out.row(y);
        for (std::size_t x = 0; x < taps.ranges.size(); ++x, target += 3) {
            const std::uint8_t* source = image.row(y) + static_cast<std::ptrdiff_t>(taps.ranges[x].first) * 3;
            const std::int32_t* weights = taps.of(x);
            std::int32_t sums[3] = {1 << (kFractionBits - 1), 1 << (kFractionBits - 1), 1 << (kFractionBits - 1)};
            for (int s = 0; s < taps.ranges[x].count; ++s, source += 3) {
                sums[0] += source[0] * weights[s];
                sums[1] += source[1] * weights[s];
                sums[2] += source[2] * weights[s];
            }
            target[0] = toByte(sums[0]);
            target[1] = toByte(sums[1]);
            target[2] = toByte(sums[2]);
        }
    }
    return out;
}

Image resizeColumns(const Image& image, int height, ResizeFilter filter) {
    const Taps taps = makeTaps(image.height, height, filter);
    Image out = makeImage(image.width, height);
    std::vector<std::int32_t> sums(image.rowBytes());
    for (int y = 0; y < height; ++y) {
        const Taps::Range range = taps.ranges[static_cast<std::size_t>(y)];
        const std::int32_t* weights = taps.of(static_cast<std::size_t>(y));
        std::fill(sums.begin(), sums.end(), 1 << (kFractionBits - 1));
        for (int s = 0; s < range.count; ++s) {
            const std::uint8_t* source = image.row(range.first + s);
            for (std::size_t i = 0; i < sums.size(); ++i) {
                sums[i] += source[i] * weights[s];
            }
        }
        std::transform(sums.begin(), sums.end(), out.row(y), toByte);
    }
    return out;
}

} // namespace

Image resizeImage(const Image& image, int width, int height, ResizeFilter filter) {
    if (width == image.width && height == image.height) {
        return image;
    }
    if (width == image.width) {
        return resizeColumns(image, height, filter);
    }
    const Image rows = resizeRows(image, width, filter);
    return height == image.height ? rows : resizeColumns(rows, height, filter);
}

PixelSize fittedSize(int width, int height, int side) {
    const double factor = std::min(1.0, static_cast<double>(side) / std::max(width, height));
    const auto scaled = [factor](int length) {
        return std::max(1, static_cast<int>(std::lround(length * factor)));
    };
    return {scaled(width), scaled(height)};
}

} // namespace fulgurite::image
