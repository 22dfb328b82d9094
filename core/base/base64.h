// SPDX-License-Identifier: Apache-2.0
// Bytes as text in JSON (RFC 4648, with padding).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fulgurite {

std::string toBase64(std::string_view bytes);
// Nothing for a text that is none: another character, or a length that is no multiple of four.
std::optional<std::string> fromBase64(std::string_view text);

} // namespace fulgurite
