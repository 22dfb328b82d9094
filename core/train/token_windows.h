// SPDX-License-Identifier: Apache-2.0
// Training data: one long row of tokens, cut into windows that come in a new order every epoch. The order is a
// function of (seed, epoch), so a position is one number.
#pragma once

#include "core/train/sample_order.h"

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string_view>

namespace fulgurite {

// Ids of a text.
using TextToTokens = std::function<TokenIds(std::string_view)>;

// The tokens of all files one after another. `.json`: an array of ids. `.jsonl`: one object a line, its "text" a
// document. Everything else is text, one document a file. `separator` follows every document. Throws
// Error{InvalidInput | Io | NotFound} that names the file; without `encode` only ids can be read.
TokenIds readTrainingTokens(std::span<const std::filesystem::path> files, const TextToTokens& encode,
                            std::optional<TokenId> separator);

class TokenWindows : public TrainingData {
  public:
    // Windows of `length` tokens, each with the token that follows it as its target. Throws Error{InvalidInput}
    // when not even one fits.
    TokenWindows(TokenIds tokens, std::size_t length);

    std::uint64_t count() const override { return count_; }
    std::size_t tokens() const override { return tokens_.size(); }
    std::uint64_t checksum() const override;
    std::size_t append(std::uint64_t index, TokenIds& tokens, TokenIds& targets) const override;

  private:
    TokenIds tokens_;
    std::size_t length_;
    std::uint64_t count_;
};

} // namespace fulgurite
