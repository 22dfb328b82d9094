// SPDX-License-Identifier: Apache-2.0
// Whole-file reads with a size limit, and writes that are complete or absent.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace fulgurite {

// Reads a text file. Throws Error{NotFound | Io}, or Error{InvalidInput} when it is larger than `max_bytes`.
std::string readTextFile(const std::filesystem::path& path, std::size_t max_bytes = std::size_t{256} << 20);

// Writes to a temporary name beside `path`, syncs, then renames over it, so that a crash or a full disk leaves the
// old file whole. Throws Error{Io} with path and cause.
void writeFileAtomically(const std::filesystem::path& path, std::string_view content);

} // namespace fulgurite
