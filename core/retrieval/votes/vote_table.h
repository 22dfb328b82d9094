// SPDX-License-Identifier: Apache-2.0
// The lists of all heads with their votes worked out once, so that ranking under another choice of heads is one
// pass over small arrays. Private to this folder.
#pragma once

#include "core/retrieval/votes/ranking.h"

#include <unordered_map>

namespace fulgurite::retrieval {

class VoteTable {
  public:
    VoteTable(const HeadLists& lists, VoteRule rule);

    std::size_t heads() const { return heads_; }
    std::size_t documents() const { return documents_.size(); }
    // The dense number of a document that any head found; documents(): none did.
    std::size_t find(std::int32_t document) const;

    // Adds up the votes of the heads that are on.
    void count(std::span<const std::uint8_t> heads_on);
    // After count(): all documents with a vote, best first.
    std::vector<Ranked> ranking() const;
    bool voted(std::size_t dense) const { return seen_[dense] != kUnseen; }
    // After count(): how many documents stand before it. An unvoted one stands behind all that are voted for.
    std::size_t place(std::size_t dense) const;

  private:
    static constexpr std::uint32_t kUnseen = ~std::uint32_t{0};
    struct Entry {
        std::uint32_t document; // dense
        double vote;
    };

    bool before(std::size_t a, std::size_t b) const {
        return totals_[a] > totals_[b] || (totals_[a] == totals_[b] && seen_[a] < seen_[b]);
    }

    std::size_t heads_;
    std::vector<std::size_t> first_; // [heads + 1] of entries_
    std::vector<Entry> entries_;
    std::vector<std::int32_t> documents_;
    std::unordered_map<std::int32_t, std::uint32_t> dense_;
    std::vector<double> totals_;
    std::vector<std::uint32_t> seen_; // order of first sight under the last count()
    std::uint32_t seen_count_ = 0;
};

} // namespace fulgurite::retrieval
