// SPDX-License-Identifier: GPL-3.0-or-later
// From the text of a filter to its tree; run_filter.h describes the language.
#pragma once

#include "ui/train/run_filter.h"

namespace fulgurite {

struct RunFilter::Node {
    enum class Kind { And, Or, Not, Compare, Word };
    Kind kind = Kind::Word;
    std::vector<std::shared_ptr<const Node>> children; // And, Or: two; Not: one
    QString field;                                     // Compare
    QString comparison;                                // "=", "!=", "<" ...
    QString value;                                     // Compare, Word
};

struct ParsedFilter {
    std::vector<FilterToken> tokens;
    std::shared_ptr<const RunFilter::Node> root; // null: lets everything through, or there is a problem
    std::optional<FilterProblem> problem;
};

ParsedFilter parseRunFilter(const QString& text);

} // namespace fulgurite
