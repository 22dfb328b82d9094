// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/head_filter.h"

#include "ui/inspect/head_columns.h"

#include <QCoreApplication>
#include <QRegularExpression>
#include <QStringList>

#include <algorithm>
#include <cmath>
#include <utility>

namespace fulgurite {
namespace {

using Ranges = std::vector<std::pair<int, int>>;

QString message(const char* source) {
    return QCoreApplication::translate("fulgurite", source);
}

QString figureKeys() {
    QStringList keys;
    for (const HeadColumn& column : headColumns()) {
        keys << column.key;
    }
    return keys.join(QStringLiteral(", "));
}

// "3-5,8"; empty when it is not that.
Ranges parseRanges(const QString& text) {
    static const QRegularExpression kRange(QStringLiteral("^(\\d{1,6})(?:-(\\d{1,6}))?$"));
    Ranges ranges;
    for (const QString& part : text.split(u',')) {
        const auto match = kRange.match(part);
        if (!match.hasMatch()) {
            return {};
        }
        const int low = match.captured(1).toInt();
        ranges.emplace_back(low, match.captured(2).isEmpty() ? low : match.captured(2).toInt());
    }
    return ranges;
}

bool holds(double value, const QString& comparison, double limit) {
    return comparison == QLatin1String(">")    ? value > limit
           : comparison == QLatin1String(">=") ? value >= limit
           : comparison == QLatin1String("<")  ? value < limit
           : comparison == QLatin1String("<=") ? value <= limit
                                               : value == limit;
}

} // namespace

HeadFilter::Term HeadFilter::parseTerm(const QString& text, QString& error) {
    if (text.startsWith(u'!') && text.size() > 1) {
        Term inner = parseTerm(text.mid(1), error);
        return [inner](const auto& figures, const Ticked& ticked) { return !inner(figures, ticked); };
    }
    if (text == QLatin1String("ticked")) {
        return [](const auto& figures, const Ticked& ticked) { return ticked(figures.head); };
    }
    static const QRegularExpression kWord(QStringLiteral("^(kind|layer|head):(.+)$"));
    if (const auto match = kWord.match(text); match.hasMatch()) {
        const QString value = match.captured(2);
        if (match.captured(1) == QLatin1String("kind")) {
            const QString kind = value.toLower();
            if (kind != QLatin1String("l") && kind != QLatin1String("s") && kind != QLatin1String("lightning") &&
                kind != QLatin1String("softmax")) {
                error = message("kind is L or S, not “%1”").arg(value);
            }
            const LayerKind wanted = kind.startsWith(u's') ? LayerKind::Softmax : LayerKind::Lightning;
            return [wanted](const auto& figures, const Ticked&) { return figures.kind == wanted; };
        }
        const Ranges ranges = parseRanges(value);
        if (ranges.empty()) {
            error = message("“%1” is no number or range: write %2:3-5,8").arg(value, match.captured(1));
        }
        const bool layer = match.captured(1) == QLatin1String("layer");
        return [ranges, layer](const auto& figures, const Ticked&) {
            const int number = layer ? figures.head.layer : figures.head.head;
            return std::any_of(ranges.begin(), ranges.end(), [number](const auto& range) {
                return number >= range.first && number <= range.second;
            });
        };
    }
    static const QRegularExpression kComparison(
        QStringLiteral("^(abs\\()?([a-z]+)\\)?(>=|<=|>|<|=)([+-]?[0-9.]+(?:[eE][+-]?\\d+)?)$"));
    if (const auto match = kComparison.match(text); match.hasMatch()) {
        const HeadColumn* column = findHeadColumn(match.captured(2));
        if (!column) {
            error = message("there is no figure “%1”; there are %2").arg(match.captured(2), figureKeys());
            return {};
        }
        const bool size = !match.captured(1).isEmpty();
        return [value = column->value, size, comparison = match.captured(3),
                limit = match.captured(4).toDouble()](const auto& figures, const Ticked&) {
            const double number = figures.*value;
            return !std::isnan(number) && holds(size ? std::abs(number) : number, comparison, limit);
        };
    }
    error = message("“%1” is not understood: try kind:L, layer:3-5, half>100 or ticked").arg(text);
    return {};
}

HeadFilter HeadFilter::parse(const QString& text) {
    HeadFilter filter;
    // Blanks around a comparison belong to it.
    static const QRegularExpression kAround(QStringLiteral("\\s*(>=|<=|>|<|=)\\s*"));
    const QString joined = QString(text).replace(kAround, QStringLiteral("\\1"));
    for (const QString& word : joined.split(u' ', Qt::SkipEmptyParts)) {
        QString error;
        Term term = parseTerm(word, error);
        if (!error.isEmpty()) {
            filter.terms_.clear();
            filter.error_ = error;
            return filter;
        }
        filter.terms_.push_back(std::move(term));
    }
    return filter;
}

bool HeadFilter::passes(const capture::HeadFigures& figures, const Ticked& ticked) const {
    return std::all_of(terms_.begin(), terms_.end(), [&](const Term& term) { return term(figures, ticked); });
}

} // namespace fulgurite
