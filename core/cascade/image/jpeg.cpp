// SPDX-License-Identifier: Apache-2.0
// JPEG through libjpeg-turbo. The library reports errors by a jump: between setjmp and the jump there is nothing
// here with a destructor.
#include "core/base/error.h"
#include "core/cascade/image/codecs.h"

#include <csetjmp>
#include <cstdio>
#include <cstdlib>

#include <jerror.h>
#include <jpeglib.h>

namespace fulgurite::image {

namespace {

// A progressive picture may repeat scans without end; real ones have about ten.
constexpr int kMostScans = 200;

// The library's error manager comes first, so that it can be turned back into this.
struct ErrorTrap {
    jpeg_error_mgr manager;
    jmp_buf jump;
    char message[JMSG_LENGTH_MAX] = {};
    bool truncated = false;
};

ErrorTrap& trapOf(j_common_ptr info) {
    return *reinterpret_cast<ErrorTrap*>(info->err);
}

void onError(j_common_ptr info) {
    ErrorTrap& trap = trapOf(info);
    trap.manager.format_message(info, trap.message);
    std::longjmp(trap.jump, 1);
}

// The library goes on after data that ends early, with grey in place of what is missing.
void onMessage(j_common_ptr info, int level) {
    const int code = info->err->msg_code;
    trapOf(info).truncated |= level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER);
}

void onOutput(j_common_ptr) {}

void onProgress(j_common_ptr info) {
    if (info->is_decompressor && reinterpret_cast<j_decompress_ptr>(info)->input_scan_number > kMostScans) {
        ErrorTrap& trap = trapOf(info);
        std::snprintf(trap.message, sizeof(trap.message), "more than %d scans", kMostScans);
        std::longjmp(trap.jump, 1);
    }
}

void install(ErrorTrap& trap) {
    jpeg_std_error(&trap.manager);
    trap.manager.error_exit = onError;
    trap.manager.emit_message = onMessage;
    trap.manager.output_message = onOutput;
}

// Owns the library's decompressor.
struct JpegReader {
    ErrorTrap trap;
    jpeg_progress_mgr progress{};
    jpeg_decompress_struct info{};

    explicit JpegReader(std::span<const std::byte> bytes) {
        install(trap);
        info.err = &trap.manager;
        created_ = setjmp(trap.jump) == 0 && open(bytes);
    }
    ~JpegReader() { jpeg_destroy_decompress(&info); }
    JpegReader(const JpegReader&) = delete;
    JpegReader& operator=(const JpegReader&) = delete;

    bool created() const { return created_; }

  private:
    bool open(std::span<const std::byte> bytes) {
        jpeg_create_decompress(&info);
        progress.progress_monitor = onProgress;
        info.progress = &progress;
        jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
        return jpeg_read_header(&info, TRUE) == JPEG_HEADER_OK;
    }

    bool created_ = false;
};

[[noreturn]] void refuse(const std::string& name, const JpegReader& reader) {
    fail(ErrorKind::Corrupt, "{}: not a readable JPEG: {}", name,
         reader.trap.message[0] != '\0' ? reader.trap.message : "no picture in it");
}

// Adobe's inverted CMYK, as all programs write it: R = K - C K / 255 of the stored (inverted) values, rounded.
void cmykRow(const JSAMPLE* cmyk, int width, std::uint8_t* rgb) {
    for (int x = 0; x < width; ++x, cmyk += 4, rgb += 3) {
        const int key = cmyk[3];
        for (int c = 0; c < 3; ++c) {
            const int product = (255 - cmyk[c]) * key + 128;
            const int share = (product + (product >> 8)) >> 8;
            rgb[c] = static_cast<std::uint8_t>(key > share ? key - share : 0);
        }
    }
}

// False when the library gave up. `line` holds one row of CMYK.
bool decodeRows(JpegReader& reader, std::uint8_t* rgb, JSAMPLE* line) {
    if (setjmp(reader.trap.jump) != 0) {
        return false;
    }
    jpeg_start_decompress(&reader.info);
    const bool cmyk = reader.info.out_color_space == JCS_CMYK;
    const std::size_t row_bytes = std::size_t{reader.info.output_width} * 3;
    while (reader.info.output_scanline < reader.info.output_height) {
        JSAMPROW target = cmyk ? line : rgb + reader.info.output_scanline * row_bytes;
        std::uint8_t* row = rgb + reader.info.output_scanline * row_bytes;
        jpeg_read_scanlines(&reader.info, &target, 1);
        if (cmyk) {
            cmykRow(line, static_cast<int>(reader.info.output_width), row);
        }
    }
    jpeg_finish_decompress(&reader.info);
    return true;
}

bool writeRows(jpeg_compress_struct& info, ErrorTrap& trap, const Image& image, int quality, unsigned char** bytes,
               unsigned long* size) {
    if (setjmp(trap.jump) != 0) {
        return false;
    }
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, bytes, size);
    info.image_width = static_cast<JDIMENSION>(image.width);
    info.image_height = static_cast<JDIMENSION>(image.height);
    info.input_components = 3;
    info.in_color_space = JCS_RGB;
    jpeg_set_defaults(&info);
    jpeg_set_quality(&info, quality, TRUE);
    jpeg_start_compress(&info, TRUE);
    while (info.next_scanline < info.image_height) {
        JSAMPROW row = const_cast<JSAMPROW>(image.row(static_cast<int>(info.next_scanline)));
        jpeg_write_scanlines(&info, &row, 1);
    }
    jpeg_finish_compress(&info);
    return true;
}

} // namespace

ImageInfo inspectJpeg(std::span<const std::byte> bytes, const std::string& name) {
    const JpegReader reader(bytes);
    if (!reader.created()) {
        refuse(name, reader);
    }
    return {ImageFormat::Jpeg, static_cast<int>(reader.info.image_width),
            static_cast<int>(reader.info.image_height), 1};
}

Image decodeJpeg(std::span<const std::byte> bytes, const std::string& name, const ImageInfo& info) {
    JpegReader reader(bytes);
    if (!reader.created()) {
        refuse(name, reader);
    }
    const bool cmyk = reader.info.jpeg_color_space == JCS_CMYK || reader.info.jpeg_color_space == JCS_YCCK;
    reader.info.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    Image image = makeImage(info.width, info.height);
    std::vector<JSAMPLE> line(cmyk ? static_cast<std::size_t>(info.width) * 4 : 0);
    if (!decodeRows(reader, image.rgb.data(), line.data())) {
        refuse(name, reader);
    }
    if (reader.trap.truncated) {
        fail(ErrorKind::Corrupt, "{}: the JPEG ends before its picture does", name);
    }
    return image;
}

std::string encodeJpeg(const Image& image, int quality) {
    ErrorTrap trap;
    install(trap);
    jpeg_compress_struct info{};
    info.err = &trap.manager;
    unsigned char* bytes = nullptr;
    unsigned long size = 0;
    const bool written = writeRows(info, trap, image, quality, &bytes, &size);
    jpeg_destroy_compress(&info);
    std::string result(written ? reinterpret_cast<const char*>(bytes) : "", written ? size : 0);
    std::free(bytes);
    if (!written) {
        fail(ErrorKind::Internal, "a picture of {} x {} cannot be written as JPEG: {}", image.width, image.height,
             trap.message);
    }
    return result;
}

} // namespace fulgurite::image
