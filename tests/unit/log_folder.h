// SPDX-License-Identifier: Apache-2.0
// A folder for logs of other programs, and the runs file that they are brought into.
#pragma once

#include "tests/unit/temporary_folder.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>

namespace fulgurite::test {

class LogFolder : public testing::Test {
  protected:
    std::filesystem::path write(const std::string& name, const std::string& content) {
        std::filesystem::create_directories((folder / name).parent_path());
        std::ofstream(folder / name, std::ios::binary) << content;
        return folder / name;
    }

    TemporaryFolder folder;
    std::filesystem::path file = folder / "runs.fulgurite";
};

} // namespace fulgurite::test
