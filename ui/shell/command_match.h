// SPDX-License-Identifier: GPL-3.0-or-later
// Matching what a person types against a command's title: a subsequence, best where it starts words.
#pragma once

#include <QList>
#include <QString>

#include <optional>

namespace fulgurite {

struct CommandMatch {
    double score = 0;     // higher is better
    QList<int> positions; // of the matched letters in the title
};

// Empty query: matches everything with score 0. Case does not matter; spaces in the query match any gap.
std::optional<CommandMatch> matchCommand(const QString& query, const QString& title);

} // namespace fulgurite
