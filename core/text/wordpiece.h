// SPDX-License-Identifier: Apache-2.0
// The WordPiece tokenizer of BERT-type encoders: added tokens are cut out, the rest is normalised, split into
// words, and each word taken apart into the longest known pieces from the left.
#pragma once

#include "core/base/types.h"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace fulgurite {

struct WordPieceFile;

// Immutable and thread-safe.
class WordPiece {
  public:
    // Reads FOLDER/tokenizer.json or, where there is none, FOLDER/vocab.txt and the case in tokenizer_config.json.
    // Throws Error{NotFound | Corrupt | Unsupported}.
    static std::shared_ptr<const WordPiece> load(const std::filesystem::path& folder);
    static std::shared_ptr<const WordPiece> parse(std::string_view json_text, const std::string& name);
    // `vocabulary`: one token a line, its number the id.
    static std::shared_ptr<const WordPiece> fromVocabulary(std::string_view vocabulary, bool lowercase,
                                                           const std::string& name);
    ~WordPiece();

    struct Encoding {
        TokenIds ids;          // with the tokens around the text ([CLS], [SEP]), at most `limit`
        std::size_t total = 0; // before anything was cut off
    };
    // Cuts the end of the text off where it has more tokens than fit. `text` must be UTF-8: Error{InvalidInput}
    // with the offset.
    Encoding encode(std::string_view text, std::size_t limit) const;

    // Ids lie below it.
    std::size_t size() const;

  private:
    struct Tables;
    explicit WordPiece(std::unique_ptr<const Tables> tables);
    std::unique_ptr<const Tables> tables_;
};

} // namespace fulgurite
