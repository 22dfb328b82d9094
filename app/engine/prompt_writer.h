// SPDX-License-Identifier: Apache-2.0
// A language model that writes the search prompts of fusion.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace fulgurite::app {

// Loads the model and asks it once, greedily. Throws Error{Unavailable} when nothing of its answer can be used.
std::vector<std::string> writeFusionPrompts(const std::filesystem::path& model, const std::string& query,
                                            std::size_t threads);

} // namespace fulgurite::app
