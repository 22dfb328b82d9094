// SPDX-License-Identifier: Apache-2.0
// "Did you mean": the known name that is spelled most like one that is not known.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace fulgurite {

// Nothing when none is within three edits.
std::optional<std::string> nearestName(std::string_view word, std::span<const std::string> known);

} // namespace fulgurite
