// SPDX-License-Identifier: GPL-3.0-or-later
// Evaluating filters; run_filter_parser.cpp reads them.
#include "ui/train/run_filter.h"

#include "ui/train/run_filter_parser.h"

#include <QSet>

#include <algorithm>
#include <array>

namespace fulgurite {
namespace {

using Node = RunFilter::Node;

const QStringList kOwnFields{QStringLiteral("name"),   QStringLiteral("project"), QStringLiteral("algo"),
                             QStringLiteral("source"), QStringLiteral("status"),  QStringLiteral("seed"),
                             QStringLiteral("step"),   QStringLiteral("tag"),     QStringLiteral("notes")};

bool contains(const QString& text, const QString& part) {
    return text.contains(part, Qt::CaseInsensitive);
}

// "rl.mu" by "rl.mu" or by "mu"; the whole path wins.
std::optional<QString> configValue(const RunInfo& run, const QString& field) {
    if (const auto whole = run.config.constFind(field); whole != run.config.constEnd()) {
        return *whole;
    }
    const QString end = u'.' + field;
    for (auto each = run.config.constBegin(); each != run.config.constEnd(); ++each) {
        if (each.key().endsWith(end)) {
            return each.value();
        }
    }
    return {};
}

std::optional<QString> seriesValue(const RunInfo& run, const QString& field) {
    if (const SeriesInfo* whole = run.find(field)) {
        return QString::number(whole->last, 'g', 17);
    }
    const QString end = u'.' + field;
    for (const SeriesInfo& each : *run.series) {
        if (each.canonical.endsWith(end) || each.canonical.endsWith(end + QStringLiteral("_mean"))) {
            return QString::number(each.last, 'g', 17);
        }
    }
    return {};
}

bool equal(const QString& a, const QString& b) {
    bool number_a = false;
    bool number_b = false;
    const double x = a.toDouble(&number_a);
    const double y = b.toDouble(&number_b);
    return number_a && number_b ? x == y : a.compare(b, Qt::CaseInsensitive) == 0;
}

bool compare(const QString& have, const QString& comparison, const QString& want) {
    if (comparison == QLatin1String("=")) {
        return equal(have, want);
    }
    if (comparison == QLatin1String("~")) {
        return contains(have, want);
    }
    bool number = false;
    const double x = have.toDouble(&number);
    const double y = want.toDouble();
    if (!number) {
        return false;
    }
    return comparison == QLatin1String("<")    ? x < y
           : comparison == QLatin1String("<=") ? x <= y
           : comparison == QLatin1String(">")  ? x > y
                                               : x >= y;
}

bool compareField(const RunInfo& run, const Node& node) {
    const bool negated = node.comparison.startsWith(u'!');
    const QString comparison = negated ? node.comparison.mid(1) : node.comparison;
    bool found = false;
    if (node.field == QLatin1String("tag")) {
        found = std::any_of(run.tags.begin(), run.tags.end(),
                            [&](const QString& tag) { return compare(tag, comparison, node.value); });
    } else if (const std::optional<QString> have = RunFilter::fieldValue(run, node.field)) {
        found = compare(*have, comparison, node.value);
    }
    return found != negated;
}

bool holds(const RunInfo& run, const Node& node) {
    switch (node.kind) {
    case Node::Kind::And:
        return holds(run, *node.children[0]) && holds(run, *node.children[1]);
    case Node::Kind::Or:
        return holds(run, *node.children[0]) || holds(run, *node.children[1]);
    case Node::Kind::Not:
        return !holds(run, *node.children[0]);
    case Node::Kind::Compare:
        return compareField(run, node);
    case Node::Kind::Word:
        break;
    }
    return contains(run.name, node.value) || contains(run.project, node.value) ||
           std::any_of(run.tags.begin(), run.tags.end(),
                       [&](const QString& tag) { return contains(tag, node.value); });
}

} // namespace

QString stateName(RunState state) {
    static constexpr std::array kNames{"running", "paused", "done", "stopped", "failed", "cut", "deleted"};
    return QLatin1String(kNames[static_cast<std::size_t>(state)]);
}

RunFilter RunFilter::parse(const QString& text) {
    ParsedFilter parsed = parseRunFilter(text);
    RunFilter filter;
    filter.tokens_ = std::move(parsed.tokens);
    filter.problem_ = std::move(parsed.problem);
    filter.root_ = std::move(parsed.root);
    return filter;
}

bool RunFilter::matches(const RunInfo& run) const {
    return !root_ || holds(run, *root_);
}

std::optional<FilterProblem> RunFilter::unknownField(const std::vector<RunInfo>& runs) const {
    for (const FilterToken& token : tokens_) {
        const bool known = token.kind != FilterToken::Kind::Field || kOwnFields.contains(token.text) ||
                           std::any_of(runs.begin(), runs.end(),
                                       [&](const RunInfo& run) { return fieldValue(run, token.text).has_value(); });
        if (!known && !runs.empty()) {
            return FilterProblem{token.start, token.length,
                                 QStringLiteral("No run has a field \"%1\"").arg(token.text)};
        }
    }
    return {};
}

std::optional<QString> RunFilter::fieldValue(const RunInfo& run, const QString& field) {
    switch (kOwnFields.indexOf(field)) {
    case 0:
        return run.name;
    case 1:
        return run.project;
    case 2:
        return run.algorithm;
    case 3:
        return run.source;
    case 4:
        return stateName(run.state);
    case 5:
        return run.seed ? std::optional(QString::number(*run.seed)) : configValue(run, field);
    case 6:
        return QString::number(run.last_step);
    case 7:
        return run.tags.isEmpty() ? std::optional<QString>() : run.tags.join(u' ');
    case 8:
        return run.notes;
    default:
        break;
    }
    if (std::optional<QString> value = configValue(run, field)) {
        return value;
    }
    return seriesValue(run, field);
}

QStringList RunFilter::fieldNames(const std::vector<RunInfo>& runs) {
    QSet<QString> found;
    for (const RunInfo& run : runs) {
        for (auto each = run.config.constBegin(); each != run.config.constEnd(); ++each) {
            found.insert(each.key());
        }
        for (const SeriesInfo& each : *run.series) {
            if (!each.canonical.isEmpty()) {
                found.insert(each.canonical);
            }
        }
    }
    QStringList sorted(found.begin(), found.end());
    sorted.sort();
    return kOwnFields + sorted;
}

QStringList RunFilter::fieldValues(const std::vector<RunInfo>& runs, const QString& field) {
    QSet<QString> found;
    for (const RunInfo& run : runs) {
        if (field == QLatin1String("tag")) {
            found.unite(QSet<QString>(run.tags.begin(), run.tags.end()));
        } else if (const std::optional<QString> value = fieldValue(run, field); value && !value->isEmpty()) {
            found.insert(*value);
        }
    }
    QStringList sorted(found.begin(), found.end());
    sorted.sort();
    return sorted;
}

} // namespace fulgurite
