// SPDX-License-Identifier: Apache-2.0
// A picture in memory, and reading one from bytes that may be hostile: JPEG, PNG and WebP, whatever the file is
// called.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace fulgurite::image {

// 8-bit RGB, rows from the top, no padding: [height, width, 3].
struct Image {
    int width = 0;
    int height = 0;
    std::vector<std::uint8_t> rgb;

    const std::uint8_t* row(int y) const { return rgb.data() + static_cast<std::size_t>(y) * rowBytes(); }
    std::uint8_t* row(int y) { return rgb.data() + static_cast<std::size_t>(y) * rowBytes(); }
    std::size_t rowBytes() const { return static_cast<std::size_t>(width) * 3; }
};

Image makeImage(int width, int height);

enum class ImageFormat : std::uint8_t { Jpeg, Png, Webp };

struct ImageInfo {
    ImageFormat format = ImageFormat::Jpeg;
    int width = 0; // as stored
    int height = 0;
    int orientation = 1; // of EXIF, 1 to 8; 1 where there is none
};

// What a picture may cost before it is refused. A file of a few kilobytes can claim gigapixels.
struct ImageLimits {
    std::size_t max_bytes = std::size_t{256} << 20;  // of the file
    std::size_t max_pixels = std::size_t{128} << 20; // width times height: 384 MiB decoded
};

enum class Rotation : std::uint8_t {
    AsStored,    // as CLIP was trained
    Orientation, // turned as EXIF says, as people see it
};

// All of these throw Error, whose message begins with `name`: Corrupt for what breaks its format, Unsupported for
// another format, more pixels than the limit or an animation, InvalidInput for an empty or too large file.

// From the header alone: nothing is decoded.
ImageInfo inspectImage(std::span<const std::byte> bytes, const std::string& name, const ImageLimits& limits = {});

// Grey becomes three equal channels, palettes are expanded, of 16 bits the upper eight are taken, alpha is dropped
// (the colours under it stay), CMYK is converted without profiles. A truncated picture is refused, not shown half.
Image decodeImage(std::span<const std::byte> bytes, const std::string& name, Rotation rotation = Rotation::AsStored,
                  const ImageLimits& limits = {});

// The bytes of a regular file. Throws Error{NotFound | Io | InvalidInput} when it is empty or larger than the
// limit.
std::vector<std::byte> readImageFile(const std::filesystem::path& path, const ImageLimits& limits = {});

// Whether a folder scan should look at the file: by its name's ending.
bool hasImageName(const std::filesystem::path& path);

// Baseline JPEG, 4:2:0. `quality` 1 to 100.
std::string encodeJpeg(const Image& image, int quality);

} // namespace fulgurite::image
