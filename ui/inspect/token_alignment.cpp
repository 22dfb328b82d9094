// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/token_alignment.h"

#include <algorithm>
#include <cstddef>

namespace fulgurite {

namespace {

// Furthest reach on diagonal k = x - y for each number of differences (E. W. Myers, "An O(ND) difference algorithm
// and its variations", 1986).
class Frontier {
  public:
    explicit Frontier(int most) : most_(most), reach_(2 * static_cast<std::size_t>(most) + 3) {}
    int& at(int diagonal) { return reach_[static_cast<std::size_t>(diagonal + most_ + 1)]; }

  private:
    int most_;
    std::vector<int> reach_;
};

// The step into (d, k) came from above: an insertion, y grew.
bool fromAbove(Frontier& frontier, int d, int k) {
    return k == -d || (k != d && frontier.at(k - 1) < frontier.at(k + 1));
}

void listDifferent(std::vector<AlignedTokens>& rows, int original, int original_end, int changed, int changed_end) {
    for (; original < original_end; ++original) {
        rows.push_back({original, -1});
    }
    for (; changed < changed_end; ++changed) {
        rows.push_back({-1, changed});
    }
}

} // namespace

std::vector<AlignedTokens> alignTokens(std::span<const int> original, std::span<const int> changed) {
    const int n = static_cast<int>(original.size());
    const int m = static_cast<int>(changed.size());
    const int most = std::min(n + m, kMaxDifferences);
    Frontier frontier(most);
    std::vector<Frontier> history; // before each number of differences
    int end_d = -1;
    for (int d = 0; d <= most && end_d < 0; ++d) {
        history.push_back(frontier);
        for (int k = -d; k <= d; k += 2) {
            int x = d == 0 ? 0 : fromAbove(frontier, d, k) ? frontier.at(k + 1) : frontier.at(k - 1) + 1;
            int y = x - k;
            while (x < n && y < m &&
                   original[static_cast<std::size_t>(x)] == changed[static_cast<std::size_t>(y)]) {
                ++x;
                ++y;
            }
            frontier.at(k) = x;
            if (x >= n && y >= m) {
                end_d = d;
                break;
            }
        }
    }
    // Pairs of equal tokens, from the end.
    std::vector<AlignedTokens> equal;
    if (end_d >= 0) {
        int x = n;
        int y = m;
        for (int d = end_d; d >= 0; --d) {
            Frontier& before = history[static_cast<std::size_t>(d)];
            const int k = x - y;
            const bool above = d > 0 && fromAbove(before, d, k);
            const int from_x = d == 0 ? 0 : above ? before.at(k + 1) : before.at(k - 1);
            const int from_y = d == 0 ? 0 : above ? from_x - k - 1 : from_x - k + 1;
            const int snake_x = d == 0 ? 0 : above ? from_x : from_x + 1;
            while (x > snake_x) {
                equal.push_back({--x, --y});
            }
            x = from_x;
            y = from_y;
        }
        std::reverse(equal.begin(), equal.end());
    } else {
        for (int i = 0;
             i < std::min(n, m) && original[static_cast<std::size_t>(i)] == changed[static_cast<std::size_t>(i)];
             ++i) {
            equal.push_back({i, i});
        }
    }
    std::vector<AlignedTokens> rows;
    int x = 0;
    int y = 0;
    for (const AlignedTokens& pair : equal) {
        listDifferent(rows, x, pair.original, y, pair.changed);
        rows.push_back(pair);
        x = pair.original + 1;
        y = pair.changed + 1;
    }
    listDifferent(rows, x, n, y, m);
    return rows;
}

} // namespace fulgurite
