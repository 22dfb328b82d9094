// SPDX-License-Identifier: Apache-2.0
// The file of tokens: names, hashes, scopes and limits as JSON. Tokens themselves are in nobody's file: they are
// 256 random bits, so one round of SHA-256 keeps them as well as a slow hash would. Format: docs/protocol.md.
#pragma once

#include "core/node/access.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite::node {

struct TokenEntry {
    std::string name;   // 1 to 64 of a-z A-Z 0-9 . _ -; things belong to it
    std::string sha256; // of the token, 64 lower-case hexadecimal digits
    ScopeSet scopes;
    AccessLimits limits;
    std::int64_t created = 0; // seconds since 1970; 0: not said
    std::int64_t expires = 0; // 0: never
};

// Two entries may have one name: a token that is being replaced by the next.
struct TokenList {
    std::vector<TokenEntry> entries;
};

// Whether a token file is a list; else its first line is a token.
bool isTokenList(std::string_view text);
// Throws Error{InvalidInput} that names `file` and the field.
TokenList parseTokenList(std::string_view text, const std::string& file);
// An absent file is an empty list. Throws Error as parseTokenList, and Io.
TokenList readTokenList(const std::filesystem::path& path);
// Mode 600, replaced in one step; written by root it belongs to who owns the folder.
void writeTokenList(const std::filesystem::path& path, const TokenList& list);

std::string newToken();                          // "fg-" and 43 characters of base64url
std::string hashOfToken(std::string_view token); // as in TokenEntry
void checkTokenName(std::string_view name);      // throws Error{InvalidInput}

} // namespace fulgurite::node
