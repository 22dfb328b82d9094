// SPDX-License-Identifier: Apache-2.0
// Whole-file reads with a size limit. Writing is core/base/atomic_file.h.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace fulgurite {

// Reads a text file. Throws Error{NotFound | Io}, or Error{InvalidInput} when it is larger than `max_bytes`.
std::string readTextFile(const std::filesystem::path& path, std::size_t max_bytes = std::size_t{256} << 20);

} // namespace fulgurite
