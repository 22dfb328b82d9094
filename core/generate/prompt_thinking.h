// SPDX-License-Identifier: Apache-2.0
// Where a prompt leaves off, for an answer that goes on from the middle of a turn.
#pragma once

#include "core/base/thinking.h"
#include "core/text/tokenizer.h"

#include <cstddef>
#include <span>

namespace fulgurite {

struct PromptThinking {
    ThinkingSplitter splitter;
    std::size_t tokens = 0; // of the open thinking section, as far as the prompt holds it
};

// Looks at what follows the last special token and the header behind it: the answer that the model is to go on with.
// As in an answer that is streamed, thoughts begin where it begins or not at all.
PromptThinking thinkingAtEnd(std::span<const TokenId> prompt, const Tokenizer& tokenizer);

} // namespace fulgurite
