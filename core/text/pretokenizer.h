// SPDX-License-Identifier: Apache-2.0
// The published split pattern, matched by hand: cuts text into the pieces inside which byte pairs merge.
#pragma once

#include "core/text/unicode_classes.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fulgurite {

// The one pattern that this program splits by.
extern const std::string_view kPublishedPattern;

// Yields the matches one after the other; they cover the text. Time is linear in the text, whatever it holds.
class Pretokenizer {
  public:
    // `text` must be valid UTF-8 and outlive the object.
    explicit Pretokenizer(std::string_view text) : text_(text), classes_(UnicodeClasses::get()) {}

    // The next piece; empty at the end.
    std::string_view next();

  private:
    struct Char {
        std::uint8_t classes = 0; // none at the end of the text, where length is 0
        std::uint32_t length = 0;
    };

    Char at(std::size_t position) const;
    // The end of the run of characters of which each has one of `classes`.
    std::size_t runEnd(std::size_t position, std::uint8_t classes) const;
    std::size_t word(Char first) const;
    std::size_t wordFrom(std::size_t begin, bool allow_upper_only) const;
    std::size_t contractionEnd(std::size_t position) const;
    std::size_t numberEnd() const;
    std::size_t symbolsEnd(Char first) const;
    std::size_t spaceEnd() const;

    std::string_view text_;
    const UnicodeClasses& classes_;
    std::size_t at_ = 0;
};

} // namespace fulgurite
