// SPDX-License-Identifier: Apache-2.0
// A vocabulary as a tree of bytes, laid out in the order of a walk, so that tokens which begin alike are tried
// once.
#pragma once

#include "core/base/types.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace fulgurite::grammar {

// Immutable and thread-safe.
class TokenTrie {
  public:
    // `bytes_of`: empty for ids that must never be drawn where something is prescribed, as special tokens. `ends`:
    // the tokens that end an answer.
    TokenTrie(std::size_t count, const std::function<std::string_view(TokenId)>& bytes_of, TokenIds ends);

    // In depth-first order; the children of a node follow it.
    struct Step {
        std::uint8_t byte = 0;
        std::uint16_t depth = 0;       // 0 for the first byte of a token
        std::uint32_t next = 0;        // the step after all that continue this one
        std::uint32_t first_token = 0; // in tokens(); up to the first of the next step
    };

    std::span<const Step> steps() const {
        return {steps_.data(), steps_.size() - 1};
    } // one more follows as the end
    std::span<const TokenId> tokensAt(std::size_t step) const;
    const TokenIds& ends() const { return ends_; }
    std::size_t tokenCount() const { return count_; } // one more than the largest id
    std::size_t depth() const { return depth_; }      // bytes of the longest token

  private:
    std::vector<Step> steps_;
    TokenIds tokens_;
    TokenIds ends_;
    std::size_t count_;
    std::size_t depth_ = 0;
};

// Built when the first answer needs it.
class SharedTrie {
  public:
    explicit SharedTrie(std::function<std::shared_ptr<const TokenTrie>()> make) : make_(std::move(make)) {}
    // Thread-safe.
    std::shared_ptr<const TokenTrie> get();

  private:
    std::function<std::shared_ptr<const TokenTrie>()> make_;
    std::once_flag once_;
    std::shared_ptr<const TokenTrie> trie_;
};

} // namespace fulgurite::grammar
