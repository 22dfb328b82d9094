// SPDX-License-Identifier: Apache-2.0
// Reads and checks the two spellings of a WordPiece tokenizer: tokenizer.json and vocab.txt.
#pragma once

#include "core/text/added_tokens.h"
#include "core/text/bert_normalizer.h"
#include "core/text/vocabulary.h"

#include <string>
#include <string_view>
#include <vector>

namespace fulgurite {

struct WordPieceFile {
    Vocabulary vocabulary;
    std::vector<AddedToken> added;
    TokenId unknown = 0;
    std::string continuation = "##"; // begins a piece that is not the first of its word
    std::size_t longest_word = 100;  // characters; a longer word is unknown
    BertNormalization normalization{};
    TokenIds before{}; // what stands around a single text
    TokenIds after{};
};

// `name` is what errors call the file. Throw Error{Corrupt | Unsupported}.
WordPieceFile readWordPieceJson(std::string_view json_text, const std::string& name);
WordPieceFile readWordPieceVocabulary(std::string_view vocabulary, bool lowercase, const std::string& name);

} // namespace fulgurite
