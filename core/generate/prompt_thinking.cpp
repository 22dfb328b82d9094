// SPDX-License-Identifier: Apache-2.0
#include "core/generate/prompt_thinking.h"

#include <string>
#include <vector>

namespace fulgurite {

PromptThinking thinkingAtEnd(std::span<const TokenId> prompt, const Tokenizer& tokenizer) {
    std::size_t begin = prompt.size();
    while (begin > 0 && !tokenizer.isSpecial(prompt[begin - 1])) {
        --begin;
    }
    std::string turn;
    std::vector<std::size_t> starts; // of each token in `turn`
    for (const TokenId id : prompt.subspan(begin)) {
        starts.push_back(turn.size());
        turn += tokenizer.bytesOf(id);
    }
    PromptThinking result{ThinkingSplitter::resume(turn), 0};
    if (result.splitter.thinking()) {
        const std::size_t inside = turn.rfind(kThinkingBegin) + kThinkingBegin.size();
        for (const std::size_t start : starts) {
            result.tokens += start >= inside ? 1 : 0;
        }
    }
    return result;
}

} // namespace fulgurite
