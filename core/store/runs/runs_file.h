// SPDX-License-Identifier: Apache-2.0
// A runs file: one SQLite database that any number of programs read while others write, each run by one owner. The
// tables are numbered migrations; a published one is never edited. docs/formats/runs.md says what the columns mean.
#pragma once

#include "core/store/database.h"
#include "core/store/runs/run_types.h"

#include <filesystem>
#include <memory>

namespace fulgurite {

constexpr int runs_application_id = 0x46475255; // "FGRU"

// Opens or creates, and migrates. Throws Error: Unsupported for a newer file, Corrupt for one that is no runs file,
// Io for one that cannot be written; the file is left as it was.
std::unique_ptr<Database> openRunsFile(const std::filesystem::path& path);

// Opens for reading; a file of an older version is migrated first. Throws as above, and NotFound.
std::unique_ptr<Database> readRunsFile(const std::filesystem::path& path);

Microseconds nowMicroseconds();
std::string newRunUuid();

} // namespace fulgurite
