// SPDX-License-Identifier: Apache-2.0
// Byte-level BPE from a Hugging Face `tokenizer.json`: NFC, the published split pattern, merges by rank, added
// tokens.
#pragma once

#include "core/base/types.h"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace fulgurite {

enum class SpecialTokens : std::uint8_t {
    Parse,  // "<end_of_sentence>" in the text becomes its id: for rendered templates
    AsText, // spelled out in ordinary tokens: for what a person typed
};

// Immutable and thread-safe.
class Tokenizer {
  public:
    // Reads FOLDER/tokenizer.json, or the file itself. Throws Error{NotFound | Corrupt | Unsupported}.
    static std::shared_ptr<const Tokenizer> load(const std::filesystem::path& path);
    static std::shared_ptr<const Tokenizer> parse(std::string_view json_text, const std::string& name);
    ~Tokenizer();

    // `text` must be UTF-8; invalid bytes throw Error{InvalidInput} with the offset.
    TokenIds encode(std::string_view text, SpecialTokens special = SpecialTokens::Parse) const;
    // Concatenated bytes of the tokens, invalid UTF-8 replaced by U+FFFD; special tokens spelled out or left out.
    std::string decode(std::span<const TokenId> ids, bool keep_special = true) const;

    // The bytes of one token, possibly a fragment of a UTF-8 character. Empty for ids that no token has.
    std::string_view bytesOf(TokenId id) const;
    bool isSpecial(TokenId id) const;
    // `token`: the content of an added token, or the bytes of a vocabulary entry.
    std::optional<TokenId> idOf(std::string_view token) const;
    // One more than the largest id.
    std::size_t size() const;

  private:
    struct Tables;
    class Encoding;
    explicit Tokenizer(std::unique_ptr<const Tables> tables);
    std::unique_ptr<const Tables> tables_;
};

// Turns a stream of tokens into a stream of whole UTF-8 characters: a character split over tokens is held back
// until complete. The concatenation of all results equals Tokenizer::decode of all ids.
class StreamDecoder {
  public:
    explicit StreamDecoder(std::shared_ptr<const Tokenizer> tokenizer, bool keep_special = false);
    std::string push(TokenId id);
    std::string flush(); // what is left, replaced by U+FFFD if it is not a character

  private:
    std::shared_ptr<const Tokenizer> tokenizer_;
    bool keep_special_;
    std::string pending_;
};

} // namespace fulgurite
