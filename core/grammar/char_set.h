// SPDX-License-Identifier: Apache-2.0
// Sets of Unicode characters, and what their members look like in UTF-8.
#pragma once

#include <cstdint>
#include <vector>

namespace fulgurite::grammar {

struct CharRange {
    std::uint32_t low = 0; // both included
    std::uint32_t high = 0;
};

// Code points without the surrogates.
class CharSet {
  public:
    CharSet() = default;
    CharSet(std::vector<CharRange> ranges);

    static const CharSet& all();

    // Rising, apart from each other by a gap.
    const std::vector<CharRange>& ranges() const { return ranges_; }
    bool contains(std::uint32_t code) const;
    CharSet complement() const;
    CharSet operator|(const CharSet& other) const;
    CharSet operator-(const CharSet& other) const;

  private:
    std::vector<CharRange> ranges_;
};

struct ByteRange {
    std::uint8_t low = 0;
    std::uint8_t high = 0;
};
using ByteRanges = std::vector<ByteRange>; // of one to four bytes that follow each other

// Every member is spelled by exactly one element, and nothing else is.
std::vector<ByteRanges> utf8Ranges(const CharSet& set);

} // namespace fulgurite::grammar
