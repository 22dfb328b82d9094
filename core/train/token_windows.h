// SPDX-License-Identifier: Apache-2.0
// Training data: one long row of tokens, cut into windows that come in a new order every epoch. The order is a
// function of (seed, epoch), so a position is one number.
#pragma once

#include "core/base/types.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace fulgurite {

// Ids of a text.
using TextToTokens = std::function<TokenIds(std::string_view)>;

// The tokens of all files one after another. `.json`: an array of ids. `.jsonl`: one object a line, its "text" a
// document. Everything else is text, one document a file. `separator` follows every document. Throws
// Error{InvalidInput | Io | NotFound} that names the file; without `encode` only ids can be read.
TokenIds readTrainingTokens(std::span<const std::filesystem::path> files, const TextToTokens& encode,
                            std::optional<TokenId> separator);

class TokenWindows {
  public:
    // Windows of `length` tokens and the one after them. Throws Error{InvalidInput} when not even one fits.
    TokenWindows(TokenIds tokens, std::size_t length, std::uint64_t seed);

    std::size_t length() const { return length_; }
    // Windows of one epoch.
    std::uint64_t count() const { return count_; }
    std::size_t tokens() const { return tokens_.size(); }
    // FNV-1a of all ids: whether a run goes on with the data that it began with.
    std::uint64_t checksum() const;
    // `length` + 1 tokens of window number `sample` since the beginning of training.
    std::span<const TokenId> window(std::uint64_t sample);

  private:
    TokenIds tokens_;
    std::size_t length_;
    std::uint64_t seed_;
    std::uint64_t count_;
    std::uint64_t epoch_ = 0;
    std::vector<std::uint32_t> order_; // of epoch_
    void shuffle(std::uint64_t epoch);
};

} // namespace fulgurite
