// SPDX-License-Identifier: Apache-2.0
// Standard input as a whole, with a limit.
#pragma once

#include <cstddef>
#include <string>

namespace fulgurite::app {

// Throws Error{InvalidInput} when there is more.
std::string readStandardInput(std::size_t max_bytes);

} // namespace fulgurite::app
