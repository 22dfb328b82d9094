// SPDX-License-Identifier: Apache-2.0
// The image-text encoders and the sample pictures that come with the program.
#pragma once

#include <filesystem>
#include <vector>

namespace fulgurite::app {

// Folders of the included encoders, wherever the program was installed; empty when they are not there.
std::vector<std::filesystem::path> includedEncoders();

// The included pictures; an empty path when they are not there.
std::filesystem::path includedScenes();

} // namespace fulgurite::app
