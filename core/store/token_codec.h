// SPDX-License-Identifier: Apache-2.0
// The bytes of a chunk of tokens in a workspace file: about 25 bytes a token, and 6 more for each alternative. The
// format is written down in docs/formats/workspace.md.
#pragma once

#include "core/base/token_info.h"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace fulgurite {

struct TokenChunkBytes {
    std::vector<std::byte> tokens;
    std::vector<std::byte> alternatives;
};

TokenChunkBytes encodeTokens(std::span<const TokenInfo> tokens);

// Throws Error{Corrupt} that begins with `where` when the bytes break the format. Without `alternatives` the lists
// stay empty.
std::vector<TokenInfo> decodeTokens(std::span<const std::byte> tokens, const std::string& where);
void decodeAlternatives(std::span<const std::byte> alternatives, std::span<TokenInfo> tokens,
                        const std::string& where);

} // namespace fulgurite
