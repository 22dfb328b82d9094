// SPDX-License-Identifier: Apache-2.0
#include "core/base/utf8.h"

#include "core/base/error.h"

#include <cstring>

namespace fulgurite {
namespace {

struct Sequence {
    std::size_t length = 1; // of the longest part that begins a well-formed character; at least 1
    bool whole = false;
    bool cut_off = false; // more bytes could make it whole
};

// Table 3-7 of the Unicode standard: only the second byte has ranges that depend on the first.
Sequence sequenceAt(std::string_view text) {
    const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    if (first < 0x80) {
        return {1, true, false};
    }
    if (first < 0xC2 || first > 0xF4) {
        return {1, false, false};
    }
    const std::size_t wanted = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    for (std::size_t i = 1; i < wanted; ++i) {
        if (i == text.size()) {
            return {i, false, true};
        }
        unsigned char low = 0x80;
        unsigned char high = 0xBF;
        if (i == 1) {
            low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : low;
            high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : high;
        }
        if (byte(i) < low || byte(i) > high) {
            return {i, false, false};
        }
    }
    return {wanted, true, false};
}

std::size_t skipAscii(std::string_view text, std::size_t at) {
    while (at + 8 <= text.size()) {
        std::uint64_t word = 0;
        std::memcpy(&word, text.data() + at, 8);
        if ((word & 0x8080808080808080u) != 0) {
            break;
        }
        at += 8;
    }
    while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) {
        ++at;
    }
    return at;
}

} // namespace

std::size_t validUtf8Prefix(std::string_view text) {
    std::size_t at = 0;
    while ((at = skipAscii(text, at)) < text.size()) {
        const Sequence sequence = sequenceAt(text.substr(at));
        if (!sequence.whole) {
            break;
        }
        at += sequence.length;
    }
    return at;
}

void requireUtf8(std::string_view text, std::string_view what) {
    const std::size_t valid = validUtf8Prefix(text);
    if (valid != text.size()) {
        fail(ErrorKind::InvalidInput, "{}: invalid UTF-8 at byte {} (0x{:02X}); convert it to UTF-8 first", what,
             valid, static_cast<unsigned char>(text[valid]));
    }
}

std::string replaceInvalidUtf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const std::size_t valid = validUtf8Prefix(text);
        out.append(text.substr(0, valid));
        text.remove_prefix(valid);
        if (!text.empty()) {
            out.append("\xEF\xBF\xBD");
            text.remove_prefix(sequenceAt(text).length);
        }
    }
    return out;
}

std::size_t incompleteUtf8Tail(std::string_view text) {
    for (std::size_t back = 1; back <= 3 && back <= text.size(); ++back) {
        const std::string_view tail = text.substr(text.size() - back);
        const auto first = static_cast<unsigned char>(tail[0]);
        if (first >= 0xC0) {
            const Sequence sequence = sequenceAt(tail);
            return sequence.cut_off && sequence.length == back ? back : 0;
        }
        if (first < 0x80) {
            return 0;
        }
    }
    return 0;
}

void appendUtf8(std::string& out, char32_t code) {
    const auto put = [&out](char32_t byte) { out.push_back(static_cast<char>(byte)); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xC0 | code >> 6);
        put(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        put(0xE0 | code >> 12);
        put(0x80 | (code >> 6 & 0x3F));
        put(0x80 | (code & 0x3F));
    } else {
        put(0xF0 | code >> 18);
        put(0x80 | (code >> 12 & 0x3F));
        put(0x80 | (code >> 6 & 0x3F));
        put(0x80 | (code & 0x3F));
    }
}

std::size_t lastCharacter(std::string_view text) {
    std::size_t at = text.size() - 1;
    while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) {
        --at;
    }
    return at;
}

} // namespace fulgurite
