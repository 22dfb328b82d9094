// SPDX-License-Identifier: Apache-2.0
// Reads and checks a Hugging Face `tokenizer.json`: what comes out is consistent and within what we implement.
#pragma once

#include "core/text/added_tokens.h"
#include "core/text/bpe.h"
#include "core/text/vocabulary.h"

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite {

struct TokenizerFile {
    Vocabulary vocabulary; // added tokens included; find() knows those of the model only
    MergeTable merges;
    std::vector<AddedToken> added;
    std::array<TokenId, 256> byte_ids{}; // the token of each byte
    bool nfc = false;
    bool ignore_merges = false; // a piece that is a token is taken whole, whatever the merges say
};

// `name` is what errors call the file. Throws Error{Corrupt | Unsupported}.
TokenizerFile readTokenizerFile(std::string_view json_text, const std::string& name);

} // namespace fulgurite
