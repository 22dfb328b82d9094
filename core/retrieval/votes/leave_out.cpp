// SPDX-License-Identifier: Apache-2.0
// Which heads hold a document up.
#include "core/base/error.h"
#include "core/retrieval/votes/vote_table.h"

#include <algorithm>

namespace fulgurite::retrieval {
namespace {

// Deeper than any place: nobody votes for it.
constexpr std::size_t kOut = ~std::size_t{0};

struct Search {
    VoteTable& table;
    std::size_t document; // dense
    const std::vector<HeadVote>& votes;
    const std::vector<std::size_t>& candidates;
    std::vector<std::uint8_t> on;
    LeaveOut best;
    std::size_t deepest = 0;
    double best_votes = 0;

    // Groups of exactly `missing` more heads, from candidate `from` on.
    void tryGroups(std::vector<std::size_t>& group, double group_votes, std::size_t from, std::size_t missing) {
        if (missing == 0)
            return judge(group, group_votes);
        for (std::size_t i = from; i + missing <= candidates.size(); ++i) {
            const std::size_t head = candidates[i];
            on[head] = 0;
            group.push_back(head);
            tryGroups(group, group_votes + votes[head].vote, i + 1, missing - 1);
            group.pop_back();
            on[head] = 1;
        }
    }

    // Smaller groups come first, so a larger one has to bring a deeper fall.
    void judge(const std::vector<std::size_t>& group, double group_votes) {
        if (std::find(on.begin(), on.end(), 1) == on.end())
            return; // without any head there is no ranking to fall in
        table.count(on);
        const bool unvoted = !table.voted(document);
        const std::size_t depth = unvoted ? kOut : table.place(document);
        const bool same = depth == deepest && group.size() == best.heads.size();
        if (depth < deepest || (depth == deepest && !(same && group_votes > best_votes)))
            return;
        deepest = depth;
        best.heads = group;
        best.after = table.place(document);
        best.unvoted = unvoted;
        best_votes = group_votes;
    }
};

} // namespace

LeaveOut leaveOut(const HeadLists& lists, VoteRule rule, std::int32_t document,
                  std::span<const std::uint8_t> heads_on, std::size_t most_heads) {
    const std::vector<HeadVote> votes = votesFor(lists, rule, document, heads_on);
    std::vector<std::size_t> candidates;
    for (std::size_t head = 0; head < votes.size(); ++head) {
        if (votes[head].rank >= 0 && (heads_on.empty() || heads_on[head] != 0))
            candidates.push_back(head);
    }
    std::stable_sort(candidates.begin(), candidates.end(),
                     [&votes](std::size_t a, std::size_t b) { return votes[a].vote > votes[b].vote; });
    candidates.resize(std::min(candidates.size(), kLeaveOutHeads));

    VoteTable table(lists, rule);
    const std::size_t dense = table.find(document);
    if (candidates.empty() || dense == table.documents())
        return {};
    table.count(heads_on);
    std::vector<std::uint8_t> on(heads_on.begin(), heads_on.end());
    on.resize(lists.heads, 1);
    Search search{table, dense, votes, candidates, std::move(on), {}, 0, 0};
    search.best.before = search.best.after = search.deepest = table.place(dense);
    std::vector<std::size_t> group;
    for (std::size_t size = 1; size <= std::min(most_heads, candidates.size()); ++size)
        search.tryGroups(group, 0, 0, size);
    std::sort(search.best.heads.begin(), search.best.heads.end());
    return search.best;
}

} // namespace fulgurite::retrieval
