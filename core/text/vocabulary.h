// SPDX-License-Identifier: Apache-2.0
// The bytes of every token and, the other way round, the token of a string of bytes.
#pragma once

#include "core/base/types.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite {

// Immutable once built.
class Vocabulary {
  public:
    // `tokens[id]` are the bytes of token `id`. `in_lookup[id]` says whether find() may return it; Error{Corrupt},
    // which begins with `name`, when two of those have the same bytes.
    Vocabulary(const std::vector<std::string>& tokens, const std::vector<bool>& in_lookup, const std::string& name);

    std::size_t size() const { return offsets_.size() - 1; }
    std::string_view bytes(TokenId id) const {
        const auto i = static_cast<std::size_t>(id);
        return std::string_view(arena_).substr(offsets_[i], offsets_[i + 1] - offsets_[i]);
    }
    std::optional<TokenId> find(std::string_view bytes) const;

  private:
    struct Slot {
        std::uint32_t tag = 0; // part of the hash, so that most misses do not touch the arena
        TokenId id = -1;       // -1: free
    };

    std::string arena_;
    std::vector<std::uint32_t> offsets_;
    std::vector<Slot> slots_; // open addressing, a power of two, at most half full
};

} // namespace fulgurite
