// SPDX-License-Identifier: Apache-2.0
// Finds the EXIF block of a picture and in it the orientation (tag 0x0112 of the first directory; EXIF 2.3, 4.6.4).
// Every offset in the file may be a lie.
#include "core/cascade/image/codecs.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

namespace fulgurite::image {

namespace {

// Reads integers at offsets; nothing outside the bytes.
class ByteView {
  public:
    explicit ByteView(std::span<const std::byte> bytes, bool big_endian = true)
        : bytes_(bytes), big_endian_(big_endian) {}

    std::size_t size() const { return bytes_.size(); }
    std::optional<std::uint32_t> number(std::size_t at, std::size_t length) const {
        if (at > bytes_.size() || bytes_.size() - at < length) {
            return std::nullopt;
        }
        std::uint32_t value = 0;
        for (std::size_t i = 0; i < length; ++i) {
            value = value << 8 | std::to_integer<std::uint32_t>(bytes_[at + (big_endian_ ? i : length - 1 - i)]);
        }
        return value;
    }
    bool has(std::string_view text, std::size_t at) const {
        return at <= bytes_.size() && bytes_.size() - at >= text.size() &&
               std::memcmp(bytes_.data() + at, text.data(), text.size()) == 0;
    }
    std::span<const std::byte> part(std::size_t at, std::size_t length) const {
        if (at > bytes_.size()) {
            return {};
        }
        return bytes_.subspan(at, std::min(length, bytes_.size() - at));
    }

  private:
    std::span<const std::byte> bytes_;
    bool big_endian_;
};

constexpr std::string_view kExifName("Exif\0\0", 6);

std::span<const std::byte> tiffOfJpeg(std::span<const std::byte> bytes) {
    const ByteView view(bytes);
    for (std::size_t at = 2; view.number(at, 1) == 0xffu;) {
        const std::uint32_t marker = view.number(at + 1, 1).value_or(0);
        const std::uint32_t length = view.number(at + 2, 2).value_or(0);
        if (marker == 0xda || length < 2) { // the picture itself begins
            return {};
        }
        if (marker == 0xe1 && view.has(kExifName, at + 4) && length >= 8) {
            return view.part(at + 10, length - 8);
        }
        at += 2 + length;
    }
    return {};
}

std::span<const std::byte> tiffOfPng(std::span<const std::byte> bytes) {
    const ByteView view(bytes);
    for (std::size_t at = 8; at + 8 <= bytes.size();) {
        const std::uint32_t length = *view.number(at, 4);
        if (view.has("eXIf", at + 4)) {
            return view.part(at + 8, length);
        }
        at += std::size_t{length} + 12;
    }
    return {};
}

std::span<const std::byte> tiffOfWebp(std::span<const std::byte> bytes) {
    const ByteView view(bytes, false);
    for (std::size_t at = 12; at + 8 <= bytes.size();) {
        const std::size_t length = *view.number(at + 4, 4);
        if (view.has("EXIF", at)) {
            const std::size_t skip = view.has(kExifName, at + 8) ? kExifName.size() : 0;
            return view.part(at + 8 + skip, length - std::min(length, skip));
        }
        at += 8 + length + length % 2;
    }
    return {};
}

int orientationOf(std::span<const std::byte> tiff) {
    constexpr std::uint32_t kOrientation = 0x0112;
    if (tiff.size() < 8) {
        return 1;
    }
    const ByteView view(tiff, tiff[0] == std::byte{'M'});
    const std::size_t directory = view.number(4, 4).value_or(0);
    const std::uint32_t entries = view.number(directory, 2).value_or(0);
    for (std::size_t i = 0; i < entries; ++i) {
        const std::size_t entry = directory + 2 + i * 12;
        const auto tag = view.number(entry, 2);
        if (!tag) {
            return 1;
        }
        if (*tag == kOrientation) {
            const std::uint32_t value = view.number(entry + 8, 2).value_or(1);
            return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
        }
    }
    return 1;
}

} // namespace

int exifOrientation(std::span<const std::byte> bytes, ImageFormat format) {
    return orientationOf(format == ImageFormat::Jpeg  ? tiffOfJpeg(bytes)
                         : format == ImageFormat::Png ? tiffOfPng(bytes)
                                                      : tiffOfWebp(bytes));
}

} // namespace fulgurite::image
