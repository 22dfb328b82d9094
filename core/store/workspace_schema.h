// SPDX-License-Identifier: Apache-2.0
// The tables of a workspace file, as numbered migrations. A published migration is never edited; see
// docs/formats/workspace.md for what the columns mean.
#pragma once

#include "core/store/database.h"

#include <span>

namespace fulgurite {

constexpr int workspace_application_id = 0x46475753; // "FGWS"

std::span<const Migration> workspaceMigrations();

} // namespace fulgurite
