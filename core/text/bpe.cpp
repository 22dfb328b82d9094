// SPDX-License-Identifier: Apache-2.0
#include "core/text/bpe.h"

#include "core/text/pair_key.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <queue>
#include <tuple>

namespace fulgurite {
namespace {

constexpr std::size_t kShort = 64; // up to here scanning an array beats a heap

std::size_t hashOf(std::uint64_t key) {
    key *= 0x9E3779B97F4A7C15u;
    return static_cast<std::size_t>(key ^ key >> 31);
}

std::size_t mergeShort(const MergeTable& table, std::span<TokenId> symbols) {
    std::array<const MergeTable::Entry*, kShort> merges{}; // merges[i]: of symbols i and i + 1
    std::size_t count = symbols.size();
    for (std::size_t i = 0; i + 1 < count; ++i) {
        merges[i] = &table.find(symbols[i], symbols[i + 1]);
    }
    while (count > 1) {
        const auto end = merges.begin() + static_cast<std::ptrdiff_t>(count - 1);
        const auto best = std::min_element(merges.begin(), end, [](auto a, auto b) { return a->rank < b->rank; });
        if ((*best)->rank == MergeTable::kNone) {
            break;
        }
        const auto i = static_cast<std::size_t>(best - merges.begin());
        symbols[i] = (*best)->result;
        --count;
        for (std::size_t j = i + 1; j < count; ++j) {
            symbols[j] = symbols[j + 1];
            merges[j - 1] = merges[j];
        }
        if (i > 0) {
            merges[i - 1] = &table.find(symbols[i - 1], symbols[i]);
        }
        if (i + 1 < count) {
            merges[i] = &table.find(symbols[i], symbols[i + 1]);
        }
    }
    return count;
}

// A doubly linked list of symbols and a heap of candidate merges; a candidate whose symbols have changed since is
// dropped when it comes up.
class LongMerger {
  public:
    LongMerger(const MergeTable& table, std::span<TokenId> symbols) : table_(table), symbols_(symbols) {
        const auto count = static_cast<std::uint32_t>(symbols.size());
        next_.resize(count);
        previous_.resize(count);
        for (std::uint32_t i = 0; i < count; ++i) {
            next_[i] = i + 1 < count ? i + 1 : kEnd;
            previous_[i] = i > 0 ? i - 1 : kEnd;
        }
        for (std::uint32_t i = 0; i + 1 < count; ++i) {
            propose(i);
        }
    }

    std::size_t run() {
        while (!candidates_.empty()) {
            const Candidate best = candidates_.top();
            candidates_.pop();
            const std::uint32_t right = next_[best.left];
            if (symbols_[best.left] == kGone || right == kEnd) {
                continue;
            }
            const MergeTable::Entry& entry = table_.find(symbols_[best.left], symbols_[right]);
            if (entry.rank == best.rank) {
                join(best.left, right, entry.result);
            }
        }
        const auto end = std::remove(symbols_.begin(), symbols_.end(), kGone);
        return static_cast<std::size_t>(end - symbols_.begin());
    }

  private:
    static constexpr std::uint32_t kEnd = 0xFFFFFFFFu;
    static constexpr TokenId kGone = -1;

    struct Candidate {
        std::uint32_t rank;
        std::uint32_t left;
        bool operator<(const Candidate& other) const { // std::priority_queue puts the largest on top
            return std::tie(rank, left) > std::tie(other.rank, other.left);
        }
    };

    void propose(std::uint32_t left) {
        const std::uint32_t right = next_[left];
        if (right == kEnd) {
            return;
        }
        const std::uint32_t rank = table_.find(symbols_[left], symbols_[right]).rank;
        if (rank != MergeTable::kNone) {
            candidates_.push({rank, left});
        }
    }

    void join(std::uint32_t left, std::uint32_t right, TokenId result) {
        symbols_[left] = result;
        symbols_[right] = kGone;
        next_[left] = next_[right];
        if (next_[right] != kEnd) {
            previous_[next_[right]] = left;
        }
        propose(left);
        if (previous_[left] != kEnd) {
            propose(previous_[left]);
        }
    }

    const MergeTable& table_;
    std::span<TokenId> symbols_;
    std::vector<std::uint32_t> next_;
    std::vector<std::uint32_t> previous_;
    std::priority_queue<Candidate> candidates_;
};

} // namespace

MergeTable::MergeTable(std::size_t capacity) : slots_(std::bit_ceil(capacity * 2 + 1)) {}

bool MergeTable::append(const Merge& merge) {
    const std::uint64_t key = pairKey(merge.left, merge.right);
    std::size_t slot = hashOf(key) & (slots_.size() - 1);
    while (slots_[slot].rank != kNone) {
        if (slots_[slot].key == key) {
            return false;
        }
        slot = (slot + 1) & (slots_.size() - 1);
    }
    slots_[slot] = {key, count_++, merge.result};
    return true;
}

const MergeTable::Entry& MergeTable::find(TokenId left, TokenId right) const {
    const std::uint64_t key = pairKey(left, right);
    std::size_t slot = hashOf(key) & (slots_.size() - 1);
    while (slots_[slot].rank != kNone && slots_[slot].key != key) {
        slot = (slot + 1) & (slots_.size() - 1);
    }
    return slots_[slot];
}

std::size_t mergePairs(const MergeTable& table, std::span<TokenId> symbols) {
    return symbols.size() <= kShort ? mergeShort(table, symbols) : LongMerger(table, symbols).run();
}

} // namespace fulgurite
