// SPDX-License-Identifier: GPL-3.0-or-later
// Best placement of the query's letters by dynamic programming: titles have a few dozen letters, so it is exact.
#include "ui/shell/command_match.h"

#include <limits>
#include <vector>

namespace fulgurite {
namespace {

constexpr double kWordStart = 10; // "oc" finds Open Checkpoint
constexpr double kAdjacent = 6;   // "ope" stays together
constexpr double kGap = 0.15;     // for each letter skipped
constexpr double kNone = -std::numeric_limits<double>::infinity();

bool startsWord(const QString& title, int at) {
    return at == 0 || (!title[at - 1].isLetterOrNumber() && title[at].isLetterOrNumber());
}

} // namespace

std::optional<CommandMatch> matchCommand(const QString& query, const QString& title) {
    const QString wanted = QString(query).remove(QLatin1Char(' ')).toCaseFolded();
    const QString folded = title.toCaseFolded();
    const int m = static_cast<int>(wanted.size());
    const int n = static_cast<int>(folded.size());
    if (m == 0)
        return CommandMatch{};
    if (m > n || n != title.size())
        return std::nullopt;

    // best[i][j]: letters 0..i placed, the last one at j.
    std::vector<std::vector<double>> best(m, std::vector<double>(n, kNone));
    std::vector<std::vector<int>> previous(m, std::vector<int>(n, -1));
    for (int i = 0; i < m; ++i) {
        for (int j = i; j < n; ++j) {
            if (folded[j] != wanted[i])
                continue;
            const double here = startsWord(title, j) ? kWordStart : 0;
            if (i == 0) {
                best[i][j] = here - kGap * j;
                continue;
            }
            for (int k = i - 1; k < j; ++k) {
                if (best[i - 1][k] == kNone)
                    continue;
                const double step = k == j - 1 ? kAdjacent : -kGap * (j - k - 1);
                if (const double score = best[i - 1][k] + here + step; score > best[i][j]) {
                    best[i][j] = score;
                    previous[i][j] = k;
                }
            }
        }
    }
    int end = -1;
    for (int j = 0; j < n; ++j) {
        if (best[m - 1][j] != kNone && (end < 0 || best[m - 1][j] > best[m - 1][end]))
            end = j;
    }
    if (end < 0)
        return std::nullopt;
    CommandMatch match{.score = best[m - 1][end], .positions = {}};
    for (int i = m - 1, j = end; i >= 0; j = previous[i][j], --i)
        match.positions.prepend(j);
    return match;
}

} // namespace fulgurite
