// SPDX-License-Identifier: Apache-2.0
#include "core/generate/prompt_thinking.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite {

namespace {

// Where the answer begins in the text behind a special token: "ai name=assistant\n" is the header of a turn. A frame
// without one, and a prompt without a frame, may begin with the thoughts at once; else a prompt without a frame is what
// stands before the answer.
std::size_t answerIn(std::string_view turn, bool framed) {
    const std::size_t text = std::min(turn.find_first_not_of(" \t\r\n"), turn.size());
    if (turn.substr(text).starts_with(kThinkingBegin)) {
        return 0;
    }
    if (!framed) {
        return turn.size();
    }
    const std::size_t line = turn.find('\n', text);
    return line == std::string_view::npos ? turn.size() : line + 1;
}

} // namespace

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
    const std::size_t answer = answerIn(turn, begin > 0);
    PromptThinking result{ThinkingSplitter::resume(std::string_view(turn).substr(answer)), 0};
    if (result.splitter.thinking()) {
        const std::size_t inside = turn.find(kThinkingBegin, answer) + kThinkingBegin.size();
        for (const std::size_t start : starts) {
            result.tokens += start >= inside ? 1 : 0;
        }
    }
    return result;
}

} // namespace fulgurite
