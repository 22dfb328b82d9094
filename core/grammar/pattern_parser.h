// SPDX-License-Identifier: Apache-2.0
// Regular expressions as JSON schemas use them (ECMA-262), as far as they are regular.
#pragma once

#include "core/grammar/char_set.h"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace fulgurite::grammar {

struct PatternNode {
    enum class Kind : std::uint8_t { Characters, Sequence, Choice, Repeat };
    Kind kind = Kind::Sequence;
    CharSet set;                       // of Characters: one of them
    std::vector<PatternNode> children; // of Repeat: one
    std::uint32_t min = 0;
    std::uint32_t max = 0; // or kUnlimited
};

// One alternative of the whole pattern. Without its anchors a match may begin and end anywhere.
struct PatternBranch {
    bool from_start = false; // ^
    bool to_end = false;     // $
    PatternNode body;
};

// Throws Error{InvalidInput} for what is no pattern and Error{Unsupported} that names what cannot be done: looking
// around, references back, borders of words, anchors in the middle.
std::vector<PatternBranch> parsePattern(std::string_view pattern);

} // namespace fulgurite::grammar
