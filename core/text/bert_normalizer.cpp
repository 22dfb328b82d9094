// SPDX-License-Identifier: Apache-2.0
#include "core/text/bert_normalizer.h"

#include "core/base/utf8.h"
#include "core/text/nfc.h"
#include "core/text/unicode_classes.h"

#include <algorithm>
#include <array>
#include <utf8proc.h>

namespace fulgurite {
namespace {

utf8proc_category_t categoryOf(char32_t code) {
    return utf8proc_category(static_cast<utf8proc_int32_t>(code));
}

bool isSpace(char32_t code) {
    return (UnicodeClasses::get().of(code) & kSpace) != 0;
}

// Other: control, format, private use; unassigned characters stay.
bool isControl(char32_t code) {
    const auto category = categoryOf(code);
    return category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_CF ||
           category == UTF8PROC_CATEGORY_CO || category == UTF8PROC_CATEGORY_CS;
}

bool isPunctuation(char32_t code) {
    if (code < 0x80) { // symbols such as $ and + count as well
        return (code >= 0x21 && code <= 0x2F) || (code >= 0x3A && code <= 0x40) || (code >= 0x5B && code <= 0x60) ||
               (code >= 0x7B && code <= 0x7E);
    }
    switch (categoryOf(code)) {
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
        return true;
    default:
        return false;
    }
}

// The blocks that BERT's original tokenizer lists; Hangul, Hiragana and Katakana are not among them.
bool isIdeograph(char32_t code) {
    static constexpr std::array<std::pair<char32_t, char32_t>, 8> kBlocks{{{0x4E00, 0x9FFF},
                                                                           {0x3400, 0x4DBF},
                                                                           {0x20000, 0x2A6DF},
                                                                           {0x2A700, 0x2B73F},
                                                                           {0x2B740, 0x2B81F},
                                                                           {0x2B920, 0x2CEAF},
                                                                           {0xF900, 0xFAFF},
                                                                           {0x2F800, 0x2FA1F}}};
    return std::any_of(kBlocks.begin(), kBlocks.end(),
                       [code](const auto& block) { return code >= block.first && code <= block.second; });
}

template <class Body>
void forCharacters(std::string_view text, const Body& body) {
    for (std::size_t at = 0; at < text.size();) {
        const Utf8Char next = decodeUtf8(text.data() + at);
        body(next.code, text.substr(at, next.length));
        at += next.length;
    }
}

std::string cleaned(std::string_view text, const BertNormalization& options) {
    std::string out;
    out.reserve(text.size() + 16);
    forCharacters(text, [&](char32_t code, std::string_view bytes) {
        if (options.clean_text) {
            if (code == '\t' || code == '\n' || code == '\r') {
                out += ' ';
                return;
            }
            if (code == 0 || code == 0xFFFD || isControl(code)) {
                return;
            }
            if (isSpace(code)) {
                out += ' ';
                return;
            }
        }
        if (options.handle_chinese_chars && isIdeograph(code)) {
            out += ' ';
            out += bytes;
            out += ' ';
            return;
        }
        out += bytes;
    });
    return out;
}

std::string withoutAccents(std::string_view text) {
    std::string out;
    const std::string decomposed = toNfd(text);
    forCharacters(decomposed, [&](char32_t code, std::string_view bytes) {
        if (code < 0x300 || categoryOf(code) != UTF8PROC_CATEGORY_MN) {
            out += bytes;
        }
    });
    return out;
}

std::string lowered(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    forCharacters(text, [&](char32_t code, std::string_view) {
        if (code == 0x130) { // the one character whose lower case is two
            out += "i\u0307";
        } else {
            appendUtf8(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code))));
        }
    });
    return out;
}

} // namespace

std::string normalizeForBert(std::string_view text, const BertNormalization& options) {
    std::string result = cleaned(text, options);
    if (options.strip_accents) {
        result = withoutAccents(result);
    }
    if (options.lowercase) {
        result = lowered(result);
    }
    return result;
}

void forBertWords(std::string_view text, const std::function<void(std::string_view)>& onWord) {
    std::size_t begin = 0;
    const auto endAt = [&](std::size_t end) {
        if (end > begin) {
            onWord(text.substr(begin, end - begin));
        }
    };
    for (std::size_t at = 0; at < text.size();) {
        const Utf8Char next = decodeUtf8(text.data() + at);
        const std::size_t after = at + next.length;
        if (isSpace(next.code)) {
            endAt(at);
            begin = after;
        } else if (isPunctuation(next.code)) {
            endAt(at);
            onWord(text.substr(at, next.length));
            begin = after;
        }
        at = after;
    }
    endAt(text.size());
}

} // namespace fulgurite
