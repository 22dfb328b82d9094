// SPDX-License-Identifier: Apache-2.0
// CLIP's byte-level BPE with end-of-word mark, from tokenizer.json or vocab.json and merges.txt: lower-cased NFC
// text, cut into words, each word's last symbol marked "</w>", pairs merged by rank. As the reference's fast
// tokenizer.
#pragma once

#include "core/base/types.h"
#include "core/text/bpe.h"

#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fulgurite::clip {

// The tables as the files spell them.
struct ClipVocabulary {
    std::vector<std::pair<std::string, std::int64_t>> tokens;   // spelling in the byte alphabet, id
    std::vector<std::pair<std::string, std::string>> merges;    // in order of rank
    std::vector<std::pair<std::string, std::int64_t>> specials; // tokenizer.json's added tokens
};

class ClipTokenizer {
  public:
    // `name` begins errors. Throws Error{Corrupt} for tables that contradict themselves.
    ClipTokenizer(const ClipVocabulary& vocabulary, const std::string& name);

    // tokenizer.json where there is one. Throws Error{NotFound} that names what is missing.
    static ClipTokenizer load(const std::filesystem::path& folder);
    static ClipTokenizer fromJson(std::string_view tokenizer_json, const std::string& name);
    static ClipTokenizer fromFiles(std::string_view vocab_json, std::string_view merges_txt,
                                   const std::string& name);

    TokenId begin() const { return begin_; }
    TokenId end() const { return end_; }
    std::size_t size() const { return size_; } // ids are below

    // begin, at most `longest` - 2 tokens of `text`, end. Throws Error{InvalidInput} unless it is UTF-8.
    TokenIds encode(std::string_view text, std::size_t longest) const;

  private:
    void appendWord(std::string_view word, TokenIds& out) const;
    void appendPlain(std::string_view text, TokenIds& out) const;

    std::array<TokenId, 256> bytes_{};      // a byte within a word
    std::array<TokenId, 256> last_bytes_{}; // the byte that ends one
    MergeTable merges_{0};
    std::string begin_text_;
    std::string end_text_;
    TokenId begin_ = 0;
    TokenId end_ = 0;
    std::size_t size_ = 0;
};

} // namespace fulgurite::clip
