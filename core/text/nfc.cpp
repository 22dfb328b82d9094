// SPDX-License-Identifier: Apache-2.0
// utf8proc's own whole-string mapping sorts marks by insertion, which a megabyte of marks turns into minutes; so
// decomposing and sorting happen here, and only around characters that NFC can touch.
#include "core/text/nfc.h"

#include "core/base/error.h"
#include "core/base/utf8.h"
#include "core/text/unicode_classes.h"

#include <algorithm>
#include <array>
#include <utf8proc.h>
#include <vector>

namespace fulgurite {
namespace {

using Codes = std::vector<utf8proc_int32_t>;

bool unsafeAt(const UnicodeClasses& classes, std::string_view text, std::size_t at) {
    return (classes.of(decodeUtf8(text.data() + at).code) & kNfcUnsafe) != 0;
}

std::size_t nextUnsafe(const UnicodeClasses& classes, std::string_view text, std::size_t at) {
    while (at < text.size()) {
        const auto byte = static_cast<unsigned char>(text[at]);
        if (byte < 0xCC) { // below U+0300 everything is safe
            at += byte < 0x80 ? 1 : 2;
        } else if (unsafeAt(classes, text, at)) {
            return at;
        } else {
            at += decodeUtf8(text.data() + at).length;
        }
    }
    return at;
}

std::size_t nextSafe(const UnicodeClasses& classes, std::string_view text, std::size_t at) {
    while (at < text.size() && unsafeAt(classes, text, at)) {
        at += decodeUtf8(text.data() + at).length;
    }
    return at;
}

std::size_t characterBefore(std::string_view text, std::size_t at, std::size_t lowest) {
    while (at > lowest) {
        --at;
        if ((static_cast<unsigned char>(text[at]) & 0xC0) != 0x80) {
            break;
        }
    }
    return at;
}

int combiningClass(utf8proc_int32_t code) {
    return utf8proc_get_property(code)->combining_class;
}

void decompose(std::string_view text, Codes& codes) {
    std::array<utf8proc_int32_t, 16> parts{};
    for (std::size_t at = 0; at < text.size();) {
        const Utf8Char next = decodeUtf8(text.data() + at);
        int boundary = 0;
        const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(next.code), parts.data(),
                                                   parts.size(), UTF8PROC_DECOMPOSE, &boundary);
        if (count < 0 || static_cast<std::size_t>(count) > parts.size()) {
            fail(ErrorKind::Internal, "U+{:04X} has a decomposition of {} characters",
                 static_cast<std::uint32_t>(next.code), count);
        }
        codes.insert(codes.end(), parts.begin(), parts.begin() + count);
        at += next.length;
    }
}

void sortMarks(Codes& codes) {
    const auto starter = [](utf8proc_int32_t code) { return combiningClass(code) == 0; };
    for (auto begin = codes.begin(); begin != codes.end();) {
        begin = std::find_if_not(begin, codes.end(), starter);
        const auto end = std::find_if(begin, codes.end(), starter);
        std::stable_sort(begin, end, [](auto a, auto b) { return combiningClass(a) < combiningClass(b); });
        begin = end;
    }
}

void appendNormalised(std::string_view text, Codes& codes, std::string& out) {
    codes.clear();
    decompose(text, codes);
    sortMarks(codes);
    const auto count = utf8proc_normalize_utf32(codes.data(), static_cast<utf8proc_ssize_t>(codes.size()),
                                                static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
    for (utf8proc_ssize_t i = 0; i < count; ++i) {
        appendUtf8(out, static_cast<char32_t>(codes[static_cast<std::size_t>(i)]));
    }
}

} // namespace

std::string_view toNfc(std::string_view text, std::string& buffer) {
    const UnicodeClasses& classes = UnicodeClasses::get();
    std::size_t unsafe = nextUnsafe(classes, text, 0);
    if (unsafe == text.size()) {
        return text;
    }
    buffer.clear();
    buffer.reserve(text.size());
    Codes codes;
    std::size_t done = 0;
    while (unsafe < text.size()) {
        const std::size_t begin = characterBefore(text, unsafe, done);
        const std::size_t end = nextSafe(classes, text, unsafe);
        buffer.append(text.substr(done, begin - done));
        appendNormalised(text.substr(begin, end - begin), codes, buffer);
        done = end;
        unsafe = nextUnsafe(classes, text, done);
    }
    buffer.append(text.substr(done));
    return buffer;
}

std::string toNfd(std::string_view text) {
    Codes codes;
    codes.reserve(text.size());
    decompose(text, codes);
    sortMarks(codes);
    std::string out;
    out.reserve(text.size());
    for (const utf8proc_int32_t code : codes) {
        appendUtf8(out, static_cast<char32_t>(code));
    }
    return out;
}

} // namespace fulgurite
