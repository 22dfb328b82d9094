// SPDX-License-Identifier: Apache-2.0
#include "core/base/file_io.h"

#include "core/base/error.h"

#include <fstream>

namespace fulgurite {

std::string readTextFile(const std::filesystem::path& path, std::size_t max_bytes) {
    std::error_code error;
    const auto size = std::filesystem::file_size(path, error);
    if (error) {
        fail(error == std::errc::no_such_file_or_directory ? ErrorKind::NotFound : ErrorKind::Io, "{}: {}",
             path.string(), error.message());
    }
    if (size > max_bytes) {
        fail(ErrorKind::InvalidInput, "{}: {} bytes, more than the {} bytes such a file may have", path.string(),
             size, max_bytes);
    }
    std::string content(size, '\0');
    std::ifstream stream(path, std::ios::binary);
    if (!stream.read(content.data(), static_cast<std::streamsize>(size))) {
        fail(ErrorKind::Io, "{}: cannot read {} bytes", path.string(), size);
    }
    return content;
}

} // namespace fulgurite
