// SPDX-License-Identifier: Apache-2.0
// The few facts about a character that splitting and normalising text ask for, one byte each.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace fulgurite {

enum CharClass : std::uint8_t {
    kUpperLike = 1, // Lu, Lt, Lm, Lo, M: what the published pattern lets stand before lower case
    kLowerLike = 2, // Ll, Lm, Lo, M
    kLetter = 4,
    kNumber = 8,
    kSpace = 16,     // White_Space
    kNewline = 32,   // CR, LF; kSpace as well
    kNfcUnsafe = 64, // may be changed by NFC, or change what stands before it
};

// Two levels, equal blocks shared. Immutable once built; about 5 ms and 60 KB.
class UnicodeClasses {
  public:
    static const UnicodeClasses& get();

    std::uint8_t of(char32_t code) const { return blocks_[index_[code >> 8]][code & 0xFF]; }
    const std::array<std::uint8_t, 256>& latin() const { return blocks_[index_[0]]; }

  private:
    UnicodeClasses();

    using Block = std::array<std::uint8_t, 256>;
    std::array<std::uint16_t, 0x1100> index_{};
    std::vector<Block> blocks_;
};

} // namespace fulgurite
