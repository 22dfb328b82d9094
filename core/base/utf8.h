// SPDX-License-Identifier: Apache-2.0
// UTF-8 as the Unicode standard defines it: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fulgurite {

// Bytes from the start that are well formed: text.size() when all of it is.
std::size_t validUtf8Prefix(std::string_view text);

// Throws Error{InvalidInput} "WHAT: invalid UTF-8 at byte N".
void requireUtf8(std::string_view text, std::string_view what);

// Each maximal ill-formed sequence becomes one U+FFFD.
std::string replaceInvalidUtf8(std::string_view text);

// Bytes at the end that begin a character which more bytes could complete: 0 to 3.
std::size_t incompleteUtf8Tail(std::string_view text);

void appendUtf8(std::string& out, char32_t code);

// Where the last character of `text`, which must be well formed and not empty, begins.
std::size_t lastCharacter(std::string_view text);

struct Utf8Char {
    char32_t code = 0;
    std::uint32_t length = 0; // bytes
};

// The character at `text`, which must be well formed.
inline Utf8Char decodeUtf8(const char* text) {
    const auto byte = [text](int i) { return static_cast<char32_t>(static_cast<unsigned char>(text[i])); };
    const char32_t first = byte(0);
    if (first < 0x80) {
        return {first, 1};
    }
    if (first < 0xE0) {
        return {(first & 0x1F) << 6 | (byte(1) & 0x3F), 2};
    }
    if (first < 0xF0) {
        return {(first & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
    }
    return {(first & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F), 4};
}

} // namespace fulgurite
