// SPDX-License-Identifier: Apache-2.0
#include "core/grammar/char_set.h"

#include <algorithm>
#include <array>
#include <utility>

namespace fulgurite::grammar {

namespace {

constexpr std::uint32_t kLast = 0x10FFFF;
constexpr CharRange kSurrogates{0xD800, 0xDFFF};

std::vector<CharRange> merged(std::vector<CharRange> ranges) {
    std::sort(ranges.begin(), ranges.end(), [](const CharRange& a, const CharRange& b) { return a.low < b.low; });
    std::vector<CharRange> result;
    for (const CharRange& range : ranges) {
        if (!result.empty() && range.low <= result.back().high + 1) {
            result.back().high = std::max(result.back().high, range.high);
        } else {
            result.push_back(range);
        }
    }
    return result;
}

std::vector<CharRange> withoutSurrogates(const std::vector<CharRange>& ranges) {
    std::vector<CharRange> result;
    for (const CharRange& range : ranges) {
        if (range.low < kSurrogates.low) {
            result.push_back({range.low, std::min(range.high, kSurrogates.low - 1)});
        }
        if (range.high > kSurrogates.high) {
            result.push_back({std::max(range.low, kSurrogates.high + 1), range.high});
        }
    }
    return result;
}

ByteRanges encode(CharRange range, std::size_t length) {
    ByteRanges result;
    static constexpr std::array<std::uint8_t, 5> kLead{0, 0x00, 0xC0, 0xE0, 0xF0};
    for (std::size_t i = 0; i < length; ++i) {
        const std::size_t shift = 6 * (length - 1 - i);
        const auto byteOf = [&](std::uint32_t code) {
            return static_cast<std::uint8_t>(i == 0 ? kLead[length] | code >> shift
                                                    : 0x80U | (code >> shift & 0x3FU));
        };
        result.push_back({byteOf(range.low), byteOf(range.high)});
    }
    return result;
}

// Cuts a range of equally long codes where the bytes after the first that differs do not run through all values.
void split(CharRange range, std::size_t length, std::vector<ByteRanges>& result) {
    for (std::size_t i = 1; i < length; ++i) {
        const std::uint32_t tail = (1U << 6 * i) - 1;
        if ((range.low & ~tail) == (range.high & ~tail)) {
            continue;
        }
        if ((range.low & tail) != 0) {
            split({range.low, range.low | tail}, length, result);
            split({(range.low | tail) + 1, range.high}, length, result);
            return;
        }
        if ((range.high & tail) != tail) {
            split({range.low, (range.high & ~tail) - 1}, length, result);
            split({range.high & ~tail, range.high}, length, result);
            return;
        }
    }
    result.push_back(encode(range, length));
}

} // namespace

CharSet::CharSet(std::vector<CharRange> ranges) : ranges_(merged(withoutSurrogates(ranges))) {}

const CharSet& CharSet::all() {
    static const CharSet set(std::vector<CharRange>{{0, kLast}});
    return set;
}

bool CharSet::contains(std::uint32_t code) const {
    return std::any_of(ranges_.begin(), ranges_.end(),
                       [code](const CharRange& range) { return range.low <= code && code <= range.high; });
}

CharSet CharSet::complement() const {
    std::vector<CharRange> gaps;
    std::uint32_t next = 0;
    for (const CharRange& range : ranges_) {
        if (range.low > next) {
            gaps.push_back({next, range.low - 1});
        }
        next = range.high + 1;
    }
    if (next <= kLast) {
        gaps.push_back({next, kLast});
    }
    return gaps;
}

CharSet CharSet::operator|(const CharSet& other) const {
    std::vector<CharRange> both = ranges_;
    both.insert(both.end(), other.ranges_.begin(), other.ranges_.end());
    return both;
}

CharSet CharSet::operator-(const CharSet& other) const {
    return (complement() | other).complement();
}

std::vector<ByteRanges> utf8Ranges(const CharSet& set) {
    static constexpr CharRange kLengths[] = {{0, 0x7F}, {0x80, 0x7FF}, {0x800, 0xFFFF}, {0x10000, kLast}};
    std::vector<ByteRanges> result;
    for (const CharRange& range : set.ranges()) {
        for (std::size_t i = 0; i < std::size(kLengths); ++i) {
            const CharRange part{std::max(range.low, kLengths[i].low), std::min(range.high, kLengths[i].high)};
            if (part.low <= part.high) {
                split(part, i + 1, result);
            }
        }
    }
    return result;
}

} // namespace fulgurite::grammar
