// SPDX-License-Identifier: Apache-2.0
// The pattern backtracks; each function below says which of the attempts wins, so that none has to be made twice.
#include "core/text/pretokenizer.h"

#include "core/base/utf8.h"

namespace fulgurite {

const std::string_view kPublishedPattern =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

namespace {

constexpr std::size_t kNoMatch = 0; // every match ends behind the position it starts at

} // namespace

Pretokenizer::Char Pretokenizer::at(std::size_t position) const {
    if (position >= text_.size()) {
        return {};
    }
    const auto byte = static_cast<unsigned char>(text_[position]);
    if (byte < 0x80) {
        return {classes_.latin()[byte], 1};
    }
    const Utf8Char next = decodeUtf8(text_.data() + position);
    return {classes_.of(next.code), next.length};
}

std::size_t Pretokenizer::runEnd(std::size_t position, std::uint8_t classes) const {
    Char next = at(position);
    while ((next.classes & classes) != 0) {
        position += next.length;
        next = at(position);
    }
    return position;
}

std::string_view Pretokenizer::next() {
    const Char first = at(at_);
    if (first.length == 0) {
        return {};
    }
    const std::size_t begin = at_;
    if (const std::size_t end = word(first); end != kNoMatch) {
        at_ = end;
    } else if ((first.classes & kNumber) != 0) {
        at_ = numberEnd();
    } else if (const std::size_t symbols = symbolsEnd(first); symbols != kNoMatch) {
        at_ = symbols;
    } else {
        at_ = spaceEnd();
    }
    return text_.substr(begin, at_ - begin);
}

// The first two alternatives, each with and without the optional character in front. The second can only win where
// the first fails both ways.
std::size_t Pretokenizer::word(Char first) const {
    const bool may_lead = (first.classes & (kLetter | kNumber | kNewline)) == 0;
    const bool in_word = (first.classes & (kUpperLike | kLowerLike)) != 0;
    for (const bool allow_upper_only : {false, true}) {
        if (may_lead) {
            const std::size_t end = wordFrom(at_ + first.length, allow_upper_only);
            if (end != kNoMatch) {
                return end;
            }
        }
        if (in_word) {
            const std::size_t end = wordFrom(at_, allow_upper_only);
            if (end != kNoMatch) {
                return end;
            }
        }
    }
    return kNoMatch;
}

// [upper-like]*[lower-like]+: after the greedy run of upper-likes either a lower-case letter follows, or the run is
// given back down to its last character that is lower-like too.
std::size_t Pretokenizer::wordFrom(std::size_t begin, bool allow_upper_only) const {
    std::size_t end = begin;
    std::size_t last_lower_end = kNoMatch;
    Char next = at(end);
    while ((next.classes & kUpperLike) != 0) {
        end += next.length;
        if ((next.classes & kLowerLike) != 0) {
            last_lower_end = end;
        }
        next = at(end);
    }
    if ((next.classes & kLowerLike) != 0) {
        return contractionEnd(runEnd(end + next.length, kLowerLike));
    }
    if (last_lower_end != kNoMatch) {
        return contractionEnd(last_lower_end);
    }
    return allow_upper_only && end > begin ? contractionEnd(end) : kNoMatch;
}

// (?i:'s|'t|'re|'ve|'m|'ll|'d)? where, case being ignored, the long s counts as s.
std::size_t Pretokenizer::contractionEnd(std::size_t position) const {
    const auto lower = [this](std::size_t i) {
        const char c = i < text_.size() ? text_[i] : '\0';
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    };
    if (lower(position) != '\'') {
        return position;
    }
    const char first = lower(position + 1);
    const char second = lower(position + 2);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') {
        return position + 2;
    }
    if ((first == 'r' && second == 'e') || (first == 'v' && second == 'e') || (first == 'l' && second == 'l')) {
        return position + 3;
    }
    return text_.substr(position + 1).starts_with("\xC5\xBF") ? position + 3 : position;
}

std::size_t Pretokenizer::numberEnd() const {
    std::size_t end = at_;
    for (int i = 0; i < 3; ++i) {
        const Char next = at(end);
        if ((next.classes & kNumber) == 0) {
            break;
        }
        end += next.length;
    }
    return end;
}

//  ?[^\s\p{L}\p{N}]+[\r\n/]*
std::size_t Pretokenizer::symbolsEnd(Char first) const {
    constexpr std::uint8_t kOutside = kSpace | kLetter | kNumber;
    std::size_t end = at_;
    Char next = first;
    if (text_[at_] == ' ') {
        end += 1;
        next = at(end);
    }
    const std::size_t begin = end;
    while (next.length != 0 && (next.classes & kOutside) == 0) {
        end += next.length;
        next = at(end);
    }
    if (end == begin) {
        return kNoMatch;
    }
    while (end < text_.size() && (text_[end] == '\r' || text_[end] == '\n' || text_[end] == '/')) {
        ++end;
    }
    return end;
}

// \s*[\r\n]+ up to the last newline of the run; else the run without its last character when something follows.
std::size_t Pretokenizer::spaceEnd() const {
    std::size_t end = at_;
    std::size_t last_begin = at_;
    std::size_t newline_end = kNoMatch;
    Char next = at(end);
    while ((next.classes & kSpace) != 0) {
        last_begin = end;
        end += next.length;
        if ((next.classes & kNewline) != 0) {
            newline_end = end;
        }
        next = at(end);
    }
    if (newline_end != kNoMatch) {
        return newline_end;
    }
    return next.length == 0 || last_begin == at_ ? end : last_begin;
}

} // namespace fulgurite
