// SPDX-License-Identifier: Apache-2.0
#include "core/text/unicode_classes.h"

#include <algorithm>
#include <map>
#include <utf8proc.h>

namespace fulgurite {
namespace {

constexpr char32_t kCodes = 0x110000;

std::uint8_t categoryClass(char32_t code) {
    switch (utf8proc_category(static_cast<utf8proc_int32_t>(code))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LT:
        return kLetter | kUpperLike;
    case UTF8PROC_CATEGORY_LL:
        return kLetter | kLowerLike;
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
        return kLetter | kUpperLike | kLowerLike;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
        return kUpperLike | kLowerLike;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return kNumber;
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
        return kSpace;
    default:
        break;
    }
    if (code == '\r' || code == '\n') {
        return kSpace | kNewline;
    }
    return (code >= 0x09 && code <= 0x0D) || code == 0x85 ? kSpace : 0;
}

// Marks what can be the later part of a composition: the last characters of canonical decompositions. A few of
// them never compose in fact; that costs a look, not a wrong answer.
void markNfcUnsafe(std::vector<std::uint8_t>& classes) {
    std::array<utf8proc_int32_t, 16> parts{};
    for (char32_t code = 0xC0; code < kCodes; ++code) {
        const auto* property = utf8proc_get_property(static_cast<utf8proc_int32_t>(code));
        if (property->combining_class != 0) {
            classes[code] |= kNfcUnsafe;
        }
        if (property->category == UTF8PROC_CATEGORY_CN) {
            continue;
        }
        int boundary = 0;
        const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(code), parts.data(), parts.size(),
                                                   UTF8PROC_DECOMPOSE, &boundary);
        if (count < 1 || (count == 1 && static_cast<char32_t>(parts[0]) == code)) {
            continue;
        }
        for (utf8proc_ssize_t i = 1; i < count; ++i) {
            classes[static_cast<char32_t>(parts[static_cast<std::size_t>(i)])] |= kNfcUnsafe;
        }
        utf8proc_normalize_utf32(parts.data(), count,
                                 static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
        if (static_cast<char32_t>(parts[0]) != code) {
            classes[code] |= kNfcUnsafe;
        }
    }
}

} // namespace

const UnicodeClasses& UnicodeClasses::get() {
    static const UnicodeClasses classes;
    return classes;
}

UnicodeClasses::UnicodeClasses() {
    std::vector<std::uint8_t> classes(kCodes);
    for (char32_t code = 0; code < kCodes; ++code) {
        classes[code] = categoryClass(code);
    }
    markNfcUnsafe(classes);
    std::map<Block, std::uint16_t> known;
    for (std::size_t i = 0; i < index_.size(); ++i) {
        Block block{};
        std::copy_n(classes.begin() + static_cast<std::ptrdiff_t>(i * block.size()), block.size(), block.begin());
        const auto [entry, added] = known.emplace(block, static_cast<std::uint16_t>(blocks_.size()));
        if (added) {
            blocks_.push_back(block);
        }
        index_[i] = entry->second;
    }
}

} // namespace fulgurite
