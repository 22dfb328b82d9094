// SPDX-License-Identifier: Apache-2.0
// Learns a byte-level vocabulary from text: the most frequent pair of neighbours merges, of equally frequent ones
// the pair with the smallest ids (Sennrich, Haddow, Birch 2016). Text is normalised and cut as the tokenizer does
// it. The result is a function of the text alone.
#pragma once

#include "core/text/added_tokens.h"
#include "core/text/bpe.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace fulgurite {

struct BpeTraining {
    std::size_t vocabulary = 0;       // tokens in all: 256 bytes, merged ones, special ones
    std::vector<std::string> special; // their ids follow those of the others; in the text they are passed over
    bool single_digits = false;       // no token has a digit and anything else
    std::uint64_t least_count = 2;    // a pair that is rarer is no token
};

struct LearntVocabulary {
    std::vector<std::string> tokens; // the bytes of each, ids in the order of their spelling, then the merged ones
    std::vector<Merge> merges;       // merge i makes token 256 + i
};

class BpeTrainer {
  public:
    // Throws Error{InvalidInput} for a vocabulary without room for the bytes and the special tokens, and for
    // special tokens that are empty or occur twice.
    explicit BpeTrainer(BpeTraining options);

    // One document. Throws Error{InvalidInput} for text that is not UTF-8.
    void add(std::string_view text);
    std::uint64_t pieces() const { return pieces_; }
    std::size_t differentPieces() const { return counts_.size(); }

    // Fewer tokens than asked for where the text has no more pairs.
    LearntVocabulary learn() const;

    const BpeTraining& options() const { return options_; }

  private:
    void addPlain(std::string_view text);

    BpeTraining options_;
    AddedTokenMatcher special_;
    std::unordered_map<std::string, std::uint64_t> counts_; // of pieces
    std::uint64_t pieces_ = 0;
};

// tokenizer.json in the published layout, and the tokenizer_config.json that goes with it. `chat_template` may be
// empty; the roles "bos_token" and so on go to special tokens of the published names, where there are such.
std::string tokenizerJson(const LearntVocabulary& vocabulary, const std::vector<std::string>& special);
std::string tokenizerConfigJson(std::size_t learnt_tokens, const std::vector<std::string>& special,
                                const std::string& chat_template);

// The special tokens of the MiniMax-M1 family, in the order of their ids.
const std::vector<std::string>& publishedSpecialTokens();

} // namespace fulgurite
