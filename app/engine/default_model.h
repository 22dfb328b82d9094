// SPDX-License-Identifier: Apache-2.0
// Which model a sub-command loads when none is named.
#pragma once

#include <filesystem>
#include <string>

namespace fulgurite::app {

// `option` when it is not empty, else the environment's FULGURITE_MODEL, else the model that came with the program:
// share/fulgurite/models/ember of an installation, resources/models/ember of a source tree. Throws Error{NotFound}.
std::filesystem::path findModel(const std::string& option);

} // namespace fulgurite::app
