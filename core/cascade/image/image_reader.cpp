// SPDX-License-Identifier: Apache-2.0
#include "core/cascade/image/image.h"

#include "core/base/error.h"
#include "core/base/system_memory.h"
#include "core/cascade/image/codecs.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <fstream>

namespace fulgurite::image {

namespace {

bool startsWith(std::span<const std::byte> bytes, std::string_view magic, std::size_t offset = 0) {
    return bytes.size() >= offset + magic.size() &&
           std::memcmp(bytes.data() + offset, magic.data(), magic.size()) == 0;
}

ImageFormat formatOf(std::span<const std::byte> bytes, const std::string& name) {
    if (startsWith(bytes, "\xff\xd8\xff")) {
        return ImageFormat::Jpeg;
    }
    if (startsWith(bytes, "\x89PNG\r\n\x1a\n")) {
        return ImageFormat::Png;
    }
    if (startsWith(bytes, "RIFF") && startsWith(bytes, "WEBP", 8)) {
        return ImageFormat::Webp;
    }
    fail(ErrorKind::Unsupported, "{}: neither JPEG nor PNG nor WebP", name);
}

} // namespace

Image makeImage(int width, int height) {
    Image image{width, height, {}};
    image.rgb.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
    return image;
}

ImageInfo inspectImage(std::span<const std::byte> bytes, const std::string& name, const ImageLimits& limits) {
    if (bytes.empty()) {
        fail(ErrorKind::InvalidInput, "{}: the file is empty", name);
    }
    const ImageFormat format = formatOf(bytes, name);
    ImageInfo info = format == ImageFormat::Jpeg  ? inspectJpeg(bytes, name)
                     : format == ImageFormat::Png ? inspectPng(bytes, name)
                                                  : inspectWebp(bytes, name);
    info.format = format;
    const auto pixels =
        static_cast<std::uint64_t>(std::max(0, info.width)) * static_cast<std::uint64_t>(std::max(0, info.height));
    if (pixels == 0) {
        fail(ErrorKind::Corrupt, "{}: a picture of {} x {} pixels", name, info.width, info.height);
    }
    if (pixels > limits.max_pixels) {
        fail(ErrorKind::Unsupported, "{}: {} x {} pixels, more than the {} million that are read", name, info.width,
             info.height, limits.max_pixels >> 20);
    }
    info.orientation = exifOrientation(bytes, format);
    return info;
}

Image decodeImage(std::span<const std::byte> bytes, const std::string& name, Rotation rotation,
                  const ImageLimits& limits) {
    const ImageInfo info = inspectImage(bytes, name, limits);
    Image image = info.format == ImageFormat::Jpeg  ? decodeJpeg(bytes, name, info)
                  : info.format == ImageFormat::Png ? decodePng(bytes, name, info)
                                                    : decodeWebp(bytes, name, info);
    return rotation == Rotation::Orientation ? oriented(std::move(image), info.orientation) : image;
}

std::vector<std::byte> readImageFile(const std::filesystem::path& path, const ImageLimits& limits) {
    std::error_code code;
    const auto status = std::filesystem::status(path, code);
    if (!std::filesystem::exists(status)) {
        fail(ErrorKind::NotFound, "{}: no such file", path.string());
    }
    if (!std::filesystem::is_regular_file(status)) {
        fail(ErrorKind::InvalidInput, "{}: not a regular file", path.string());
    }
    const auto size = std::filesystem::file_size(path, code);
    if (code) {
        fail(ErrorKind::Io, "{}: {}", path.string(), code.message());
    }
    if (size == 0) {
        fail(ErrorKind::InvalidInput, "{}: the file is empty", path.string());
    }
    if (size > limits.max_bytes) {
        fail(ErrorKind::InvalidInput, "{}: {}, more than the {} that a picture may have", path.string(),
             readableBytes(size), readableBytes(limits.max_bytes));
    }
    std::vector<std::byte> bytes(size);
    std::ifstream stream(path, std::ios::binary);
    if (!stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size))) {
        fail(ErrorKind::Io, "{}: cannot be read; does this user have the right to?", path.string());
    }
    return bytes;
}

bool hasImageName(const std::filesystem::path& path) {
    std::string ending = path.extension().string();
    std::transform(ending.begin(), ending.end(), ending.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    constexpr std::array<std::string_view, 6> kEndings{".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp"};
    return std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end();
}

} // namespace fulgurite::image
