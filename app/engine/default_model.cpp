// SPDX-License-Identifier: Apache-2.0
#include "app/engine/default_model.h"

#include "core/base/error.h"

#include <cstdlib>
#include <optional>

namespace fulgurite::app {

namespace {

namespace fs = std::filesystem;

bool isModel(const fs::path& folder) {
    std::error_code ignored;
    return fs::exists(folder / "config.json", ignored);
}

// An installation has bin/ beside share/; a source tree has build/PRESET/bin/ below its root.
std::optional<fs::path> besideProgram() {
    std::error_code error;
    fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
    while (!error && folder.has_relative_path()) {
        folder = folder.parent_path();
        for (const char* place : {"share/fulgurite/models/ember", "resources/models/ember"}) {
            if (isModel(folder / place)) {
                return folder / place;
            }
        }
    }
    return std::nullopt;
}

} // namespace

fs::path findModel(const std::string& option) {
    if (!option.empty()) {
        return option;
    }
    if (const char* named = std::getenv("FULGURITE_MODEL"); named != nullptr && *named != '\0') {
        return named;
    }
    if (const auto found = besideProgram()) {
        return *found;
    }
    fail(ErrorKind::NotFound, "no model: the one that comes with the program is not beside it; name a folder with "
                              "--model DIR or in the environment variable FULGURITE_MODEL");
}

} // namespace fulgurite::app
