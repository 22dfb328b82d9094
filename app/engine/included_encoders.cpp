// SPDX-License-Identifier: Apache-2.0
#include "app/engine/included_encoders.h"

#include <initializer_list>
#include <system_error>

namespace fulgurite::app {

namespace {

namespace fs = std::filesystem;

// `inside` below share/fulgurite of an installation or resources of a source tree, above the program's own folder.
fs::path besideProgram(const fs::path& inside) {
    std::error_code error;
    fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
    while (!error && folder.has_relative_path()) {
        folder = folder.parent_path();
        for (const char* place : {"share/fulgurite", "resources"}) {
            std::error_code ignored;
            if (fs::exists(folder / place / inside, ignored)) {
                return folder / place / inside;
            }
        }
    }
    return {};
}

} // namespace

std::vector<fs::path> includedEncoders() {
    std::vector<fs::path> folders;
    for (const char* name : {"models/spyglass-s", "models/spyglass-m", "models/spyglass-l"}) {
        const fs::path config = besideProgram(fs::path(name) / "config.json");
        if (!config.empty()) {
            folders.push_back(config.parent_path());
        }
    }
    return folders;
}

fs::path includedScenes() {
    return besideProgram("images/scenes");
}

} // namespace fulgurite::app
