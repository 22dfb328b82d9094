// SPDX-License-Identifier: Apache-2.0
// PNG through libpng. The library reports errors by a jump: between setjmp and the jump there is nothing here with
// a destructor.
#include "core/base/error.h"
#include "core/cascade/image/codecs.h"

#include <csetjmp>
#include <cstdio>
#include <cstring>

#include <png.h>

namespace fulgurite::image {

namespace {

// Text and colour profiles may inflate to this much before the library gives up on them.
constexpr png_alloc_size_t kMostChunkBytes = 16 << 20;

struct Source {
    std::span<const std::byte> bytes;
    std::size_t at = 0;
    jmp_buf jump;
    char message[256] = {};
};

void onError(png_structp png, png_const_charp message) {
    auto& source = *static_cast<Source*>(png_get_error_ptr(png));
    std::snprintf(source.message, sizeof(source.message), "%s", message);
    std::longjmp(source.jump, 1);
}

void onWarning(png_structp, png_const_charp) {}

void onRead(png_structp png, png_bytep out, png_size_t count) {
    auto& source = *static_cast<Source*>(png_get_io_ptr(png));
    if (source.bytes.size() - source.at < count) {
        png_error(png, "the file ends too early");
    }
    std::memcpy(out, source.bytes.data() + source.at, count);
    source.at += count;
}

// Owns the library's reader.
struct PngReader {
    Source source;
    png_structp png = nullptr;
    png_infop info = nullptr;

    explicit PngReader(std::span<const std::byte> bytes) {
        source.bytes = bytes;
        png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, onError, onWarning);
        info = png == nullptr ? nullptr : png_create_info_struct(png);
        if (info == nullptr) {
            png_destroy_read_struct(&png, nullptr, nullptr);
            fail(ErrorKind::OutOfMemory, "no memory for a PNG reader");
        }
    }
    ~PngReader() { png_destroy_read_struct(&png, &info, nullptr); }
    PngReader(const PngReader&) = delete;
    PngReader& operator=(const PngReader&) = delete;

    bool readHeader() {
        if (setjmp(source.jump) != 0) {
            return false;
        }
        png_set_read_fn(png, &source, onRead);
        png_set_user_limits(png, 0x7fffffff, 0x7fffffff); // the caller has a limit on both together
        png_set_chunk_malloc_max(png, kMostChunkBytes);
        png_read_info(png, info);
        return true;
    }

    // Interlaced pictures need all rows at once.
    bool readRows(png_bytepp rows, std::size_t expected_row_bytes) {
        if (setjmp(source.jump) != 0) {
            return false;
        }
        png_set_palette_to_rgb(png);
        png_set_expand_gray_1_2_4_to_8(png);
        png_set_strip_16(png);
        png_set_strip_alpha(png);
        png_set_gray_to_rgb(png);
        png_set_interlace_handling(png);
        png_read_update_info(png, info);
        if (png_get_rowbytes(png, info) != expected_row_bytes) {
            png_error(png, "rows of an unexpected size");
        }
        png_read_image(png, rows);
        png_read_end(png, nullptr);
        return true;
    }
};

[[noreturn]] void refuse(const std::string& name, const PngReader& reader) {
    fail(ErrorKind::Corrupt, "{}: not a readable PNG: {}", name, reader.source.message);
}

} // namespace

ImageInfo inspectPng(std::span<const std::byte> bytes, const std::string& name) {
    PngReader reader(bytes);
    if (!reader.readHeader()) {
        refuse(name, reader);
    }
    return {ImageFormat::Png, static_cast<int>(png_get_image_width(reader.png, reader.info)),
            static_cast<int>(png_get_image_height(reader.png, reader.info)), 1};
}

Image decodePng(std::span<const std::byte> bytes, const std::string& name, const ImageInfo& info) {
    PngReader reader(bytes);
    Image image = makeImage(info.width, info.height);
    std::vector<png_bytep> rows(static_cast<std::size_t>(info.height));
    for (int y = 0; y < info.height; ++y) {
        rows[static_cast<std::size_t>(y)] = image.row(y);
    }
    if (!reader.readHeader() || !reader.readRows(rows.data(), image.rowBytes())) {
        refuse(name, reader);
    }
    return image;
}

} // namespace fulgurite::image
