// SPDX-License-Identifier: Apache-2.0
// Where tests find their files, and the data that only some machines have.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace fulgurite::test {

inline std::filesystem::path sourceDir() {
    const char* folder = std::getenv("FULGURITE_SOURCE_DIR");
    return folder != nullptr ? folder : ".";
}

// FULGURITE_SHARED_DATA, or `shared/data` beside the sources. Whoever uses it skips when the file is not there.
inline std::filesystem::path sharedData(const std::string& name) {
    const char* folder = std::getenv("FULGURITE_SHARED_DATA");
    const std::filesystem::path base = folder != nullptr ? folder : sourceDir() / ".." / "shared" / "data";
    return base / name;
}

} // namespace fulgurite::test
