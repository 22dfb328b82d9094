// SPDX-License-Identifier: Apache-2.0
// One generated token as it travels from an engine to the window and into a workspace file: plain data.
#pragma once

#include "core/base/types.h"

#include <cstdint>
#include <string>
#include <vector>

namespace fulgurite {

enum class StreamChannel : std::uint8_t {
    Answer,
    Thinking,
    Marker, // the tokens that open and close thinking; not part of any text
};

// A token that could have stood in this place. Logarithms are natural.
struct Candidate {
    TokenId id = 0;
    float logprob = 0;
    std::string text;

    bool operator==(const Candidate&) const = default;
};

struct TokenInfo {
    TokenId id = 0;
    // The whole UTF-8 characters that this token completed, possibly none; the texts of one channel in order are
    // its text.
    std::string text;
    StreamChannel channel = StreamChannel::Answer;
    float logprob = 0;       // before the samplers
    float logprob_after = 0; // after them; 0 when greedy
    int rank = 0;            // 1 is the most likely before the samplers; 0 means not reported
    float entropy = 0;       // nats, before the samplers
    int kept = 0;            // tokens the samplers left
    float kept_mass = 1;     // their probability before the cut
    bool forced = false;     // put there by a budget or a person, not sampled
    std::vector<Candidate> before;
    std::vector<Candidate> after;

    bool operator==(const TokenInfo&) const = default;
};

} // namespace fulgurite
