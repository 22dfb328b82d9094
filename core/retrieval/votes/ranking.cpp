// SPDX-License-Identifier: Apache-2.0
#include "core/retrieval/votes/ranking.h"

#include "core/base/error.h"
#include "core/retrieval/votes/vote_table.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace fulgurite::retrieval {
namespace {

constexpr double kFusionConstant = 60;

bool isOn(std::span<const std::uint8_t> heads_on, std::size_t head) {
    return heads_on.empty() || heads_on[head] != 0;
}

void checkHeads(const HeadLists& lists, std::span<const std::uint8_t> heads_on) {
    if (!heads_on.empty() && heads_on.size() != lists.heads)
        fail(ErrorKind::InvalidInput, "a choice of {} heads does not fit a search with {} heads", heads_on.size(),
             lists.heads);
}

} // namespace

double vote(VoteRule rule, double score, std::size_t rank, double distance) {
    // Exact: a power of two, and 0 once it is smaller than any double.
    const double halved = std::ldexp(1.0, -static_cast<int>(std::min<std::size_t>(rank, 2000)));
    switch (rule) {
    case VoteRule::Scaled:
        return score * halved;
    case VoteRule::Decay:
        return halved;
    case VoteRule::Distance:
        return 1 / std::max(distance, kLeastDistance);
    }
    return 0;
}

void checkLists(const HeadLists& lists) {
    const std::size_t entries = lists.heads * lists.depth;
    if (lists.documents.size() != entries || lists.distances.size() != entries ||
        lists.scores.size() != lists.heads)
        fail(
            ErrorKind::InvalidInput,
            "a search with {} heads and lists of {} needs {} documents, {} distances and {} scores, but has {}, {} "
            "and {}",
            lists.heads, lists.depth, entries, entries, lists.heads, lists.documents.size(), lists.distances.size(),
            lists.scores.size());
}

VoteTable::VoteTable(const HeadLists& lists, VoteRule rule) : heads_(lists.heads) {
    checkLists(lists);
    first_.reserve(heads_ + 1);
    entries_.reserve(lists.documents.size());
    for (std::size_t head = 0; head < heads_; ++head) {
        first_.push_back(entries_.size());
        for (std::size_t rank = 0; rank < lists.depth; ++rank) {
            const std::size_t at = head * lists.depth + rank;
            const std::int32_t document = lists.documents[at];
            if (document < 0)
                break;
            const auto [found, added] = dense_.try_emplace(document, static_cast<std::uint32_t>(documents_.size()));
            if (added)
                documents_.push_back(document);
            entries_.push_back({found->second, vote(rule, lists.scores[head], rank, lists.distances[at])});
        }
    }
    first_.push_back(entries_.size());
    totals_.resize(documents_.size());
    seen_.resize(documents_.size());
}

std::size_t VoteTable::find(std::int32_t document) const {
    const auto found = dense_.find(document);
    return found == dense_.end() ? documents_.size() : found->second;
}

void VoteTable::count(std::span<const std::uint8_t> heads_on) {
    std::fill(totals_.begin(), totals_.end(), 0.0);
    std::fill(seen_.begin(), seen_.end(), kUnseen);
    seen_count_ = 0;
    for (std::size_t head = 0; head < heads_; ++head) {
        if (!isOn(heads_on, head))
            continue;
        for (std::size_t i = first_[head]; i < first_[head + 1]; ++i) {
            const Entry& entry = entries_[i];
            totals_[entry.document] += entry.vote;
            if (seen_[entry.document] == kUnseen)
                seen_[entry.document] = seen_count_++;
        }
    }
}

std::vector<Ranked> VoteTable::ranking() const {
    std::vector<std::uint32_t> order;
    order.reserve(seen_count_);
    for (std::uint32_t dense = 0; dense < documents_.size(); ++dense) {
        if (voted(dense))
            order.push_back(dense);
    }
    std::sort(order.begin(), order.end(), [this](std::uint32_t a, std::uint32_t b) { return before(a, b); });
    std::vector<Ranked> ranked;
    ranked.reserve(order.size());
    for (const std::uint32_t dense : order)
        ranked.push_back({documents_[dense], totals_[dense]});
    return ranked;
}

std::size_t VoteTable::place(std::size_t dense) const {
    if (!voted(dense))
        return seen_count_;
    std::size_t place = 0;
    for (std::size_t other = 0; other < documents_.size(); ++other)
        place += voted(other) && before(other, dense) ? 1 : 0;
    return place;
}

std::vector<Ranked> rankByVotes(const HeadLists& lists, VoteRule rule, std::span<const std::uint8_t> heads_on) {
    checkHeads(lists, heads_on);
    VoteTable table(lists, rule);
    table.count(heads_on);
    return table.ranking();
}

std::vector<HeadVote> votesFor(const HeadLists& lists, VoteRule rule, std::int32_t document,
                               std::span<const std::uint8_t> heads_on) {
    checkLists(lists);
    checkHeads(lists, heads_on);
    std::vector<HeadVote> votes(lists.heads);
    for (std::size_t head = 0; head < lists.heads; ++head) {
        const auto begin = lists.documents.begin() + static_cast<std::ptrdiff_t>(head * lists.depth);
        const auto end = begin + static_cast<std::ptrdiff_t>(lists.depth);
        const auto found = std::find(begin, end, document);
        if (document < 0 || found == end)
            continue;
        const auto rank = static_cast<std::size_t>(found - begin);
        votes[head].rank = static_cast<int>(rank);
        votes[head].distance = lists.distances[head * lists.depth + rank];
        if (isOn(heads_on, head))
            votes[head].vote = vote(rule, lists.scores[head], rank, votes[head].distance);
    }
    return votes;
}

std::vector<Ranked> fuseRanks(std::span<const std::vector<std::int32_t>> lists, std::size_t count) {
    std::vector<Ranked> fused; // in the order of first sight
    std::unordered_map<std::int32_t, std::size_t> at;
    for (const std::vector<std::int32_t>& list : lists) {
        for (std::size_t rank = 0; rank < list.size(); ++rank) {
            const auto [found, added] = at.try_emplace(list[rank], fused.size());
            if (added)
                fused.push_back({list[rank], 0});
            fused[found->second].total += 1 / (kFusionConstant + static_cast<double>(rank));
        }
    }
    std::stable_sort(fused.begin(), fused.end(),
                     [](const Ranked& a, const Ranked& b) { return a.total > b.total; });
    fused.resize(std::min(count, fused.size()));
    return fused;
}

} // namespace fulgurite::retrieval
