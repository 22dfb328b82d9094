// SPDX-License-Identifier: Apache-2.0
// Byte-pair merging by rank: the lowest rank first, of equal ranks the leftmost, until no neighbours merge.
#pragma once

#include "core/base/types.h"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace fulgurite {

struct Merge {
    TokenId left = 0;
    TokenId right = 0;
    TokenId result = 0;
};

// Which two neighbours merge, how early, and into what. Immutable once filled.
class MergeTable {
  public:
    static constexpr std::uint32_t kNone = 0xFFFFFFFFu;

    struct Entry {
        std::uint64_t key = 0; // left id in the upper half, right id in the lower
        std::uint32_t rank = kNone;
        TokenId result = 0;
    };

    explicit MergeTable(std::size_t capacity);

    // Its rank is the number of merges before it. False, and nothing done, when the pair is there already.
    bool append(const Merge& merge);

    // The entry for the pair, or one whose rank is kNone.
    const Entry& find(TokenId left, TokenId right) const;

  private:
    std::uint32_t count_ = 0;
    std::vector<Entry> slots_; // open addressing, a power of two, at most half full
};

// Merges `symbols` in place and returns how many are left. O(n^2) for short input, O(n log n) for long.
std::size_t mergePairs(const MergeTable& table, std::span<TokenId> symbols);

} // namespace fulgurite
