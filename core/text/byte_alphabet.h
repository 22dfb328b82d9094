// SPDX-License-Identifier: Apache-2.0
// The spelling of bytes as printable characters that byte-level vocabularies use in files: space is U+0120 and so
// on.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fulgurite {

// The bytes that `spelling`, valid UTF-8, stands for; nothing when it has a character outside the alphabet.
std::optional<std::string> bytesOfSpelling(std::string_view spelling);

std::string spellingOfBytes(std::string_view bytes);

} // namespace fulgurite
