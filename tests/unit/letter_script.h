// SPDX-License-Identifier: Apache-2.0
// A scripted model whose answers are known letter by letter, over the small tokenizer whose first ids are the
// bytes.
#pragma once

#include "core/base/token_info.h"
#include "core/text/tokenizer.h"
#include "tests/unit/test_paths.h"

#include <algorithm>
#include <map>
#include <memory>
#include <span>
#include <string>

namespace fulgurite::test::letters {

constexpr int kVocab = 424; // 4 padding rows
constexpr TokenId kBar = '|';

inline std::shared_ptr<const Tokenizer> smallTokenizer() {
    static const auto tokenizer = Tokenizer::load(sourceDir() / "tests/data/tokenizer_small");
    return tokenizer;
}

inline TokenIds bytes(const std::string& text) {
    TokenIds ids;
    for (const char c : text) {
        ids.push_back(static_cast<unsigned char>(c)); // id b is byte b
    }
    return ids;
}

inline TokenId endOfSentence() {
    return *smallTokenizer()->idOf("<end_of_sentence>");
}

// `before`, the token that a turn begins with, and the turn.
inline TokenIds framed(const std::string& before, const std::string& turn) {
    TokenIds ids = bytes(before);
    ids.push_back(*smallTokenizer()->idOf("<beginning_of_sentence>"));
    const TokenIds text = bytes(turn);
    ids.insert(ids.end(), text.begin(), text.end());
    return ids;
}

// "NAME...|" is answered with the text given for the letter NAME, byte by byte, then the end of sentence. Of each
// draw the next token has probability 0.9 or so, and all others share the rest.
class Script {
  public:
    explicit Script(std::map<char, std::string> answers) : answers_(std::move(answers)) {}

    void operator()(const TokenIds& tokens, std::span<float> logits) const {
        const auto bar = std::find(tokens.begin(), tokens.end(), kBar);
        const auto at = static_cast<std::size_t>(tokens.end() - bar);
        const std::string& answer = answers_.at(static_cast<char>(tokens.front()));
        const TokenId next = at == 0                  ? kBar
                             : at - 1 < answer.size() ? static_cast<unsigned char>(answer[at - 1])
                                                      : endOfSentence();
        logits[static_cast<std::size_t>(next)] = 8.3f;
    }

  private:
    std::map<char, std::string> answers_;
};

} // namespace fulgurite::test::letters
