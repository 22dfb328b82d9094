// SPDX-License-Identifier: GPL-3.0-or-later
// Filter expressions over runs:
//
//   task = countdown-4 and seed < 5          comparisons: = != < <= > >= ~ (contains) !~
//   tag = "for report" or not status = done  and, or, not, brackets; words side by side mean "and"
//   reward > 0.5                             a series: its last value
//   countdown                                a word alone: the name, the project or a tag contains it
//
// Fields: name, project, algo, source, status, seed, step, tag, notes, every field of the configuration by its path
// or by the end of it ("rl.mu" or "mu"), every series by name. Comparison of texts ignores case.
#pragma once

#include "ui/train/run_data.h"

#include <QString>
#include <QStringList>

#include <memory>
#include <vector>

namespace fulgurite {

// A piece of the text, for colouring it and for marking what is wrong.
struct FilterToken {
    enum class Kind { Field, Operator, Value, Word, Logic, Bracket };
    Kind kind = Kind::Word;
    qsizetype start = 0;
    qsizetype length = 0;
    QString text; // without quotes
};

struct FilterProblem {
    qsizetype start = 0;
    qsizetype length = 0;
    QString message; // what is wrong and what would be right
};

class RunFilter {
  public:
    struct Node;

    RunFilter() = default; // lets every run through

    // Never fails: a wrong text gives a filter with problem() set, and its tokens as far as they were read.
    static RunFilter parse(const QString& text);

    const std::optional<FilterProblem>& problem() const { return problem_; }
    const std::vector<FilterToken>& tokens() const { return tokens_; }
    bool matches(const RunInfo& run) const;
    // Fields that are named and that no run of the list has: probably mistyped.
    std::optional<FilterProblem> unknownField(const std::vector<RunInfo>& runs) const;

    // The value of a field as text; unset: the run has none.
    static std::optional<QString> fieldValue(const RunInfo& run, const QString& field);
    // What can be typed: fields of these runs, and the values of one of them.
    static QStringList fieldNames(const std::vector<RunInfo>& runs);
    static QStringList fieldValues(const std::vector<RunInfo>& runs, const QString& field);

  private:
    std::vector<FilterToken> tokens_;
    std::optional<FilterProblem> problem_;
    std::shared_ptr<const Node> root_;
};

QString stateName(RunState state);

} // namespace fulgurite
