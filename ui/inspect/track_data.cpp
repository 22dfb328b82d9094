// SPDX-License-Identifier: GPL-3.0-or-later
// Rows as the tracks show them: extremes, places and words; track_painter.cpp draws.
#include "ui/base/format.h"
#include "ui/charts/scales.h"
#include "ui/inspect/track_painter.h"
#include "ui/prompt/tint.h"

#include <QCoreApplication>
#include <QLocale>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

QString tr(const char* text) {
    return QCoreApplication::translate("AttentionTracks", text);
}

// The exponent that the row's own decay has: from the farthest token at which float32 still resolves it.
double rateOf(const capture::AttentionRow& row) {
    if (row.decay.size() < 2) {
        return 0;
    }
    std::size_t lag = row.decay.size() - 1;
    const auto value = [&] { return static_cast<double>(row.decay[row.decay.size() - 1 - lag]); };
    while (lag > 1 && value() < 1e-30) {
        lag /= 2;
    }
    return value() > 0 ? -std::log(value()) / static_cast<double>(lag) : 0;
}

} // namespace

TrackData::TrackData(capture::AttentionRow of)
    : row(std::move(of)),
      score(row.score),
      decay(row.decay),
      weight(row.weight),
      share(row.share),
      rate(rateOf(row)) {}

TrackLayout trackLayout(const QRect& area, int gutter, LayerKind kind, const ThemeManager& themes) {
    TrackLayout layout;
    const int gap = themes.scaled(7);
    const int share = themes.scaled(12);
    const int axis = themes.scaled(18);
    const int left = area.left() + gutter;
    const int width = std::max(area.width() - gutter, 1);
    int y = area.top();
    const int bottom = area.bottom() + 1 - axis - share - gap;
    const auto track = [&](int height) {
        const QRect rect(left, y, width, std::max(height, 4));
        y += rect.height() + gap;
        return rect;
    };
    if (kind == LayerKind::Softmax) {
        layout.weight = track(bottom - y);
        layout.plot = layout.weight;
    } else {
        layout.remaining = QRect(area.left(), y, area.width(), themes.scaled(18));
        y += layout.remaining.height();
        const int room = bottom - y - 2 * gap;
        layout.score = track(room * 38 / 100);
        layout.decay = track(room * 24 / 100);
        layout.weight = track(bottom - y);
        layout.plot = layout.score.united(layout.weight);
    }
    layout.share = QRect(left, bottom + gap, width, share);
    layout.axis = QRect(left, layout.share.bottom() + 1, width, axis);
    layout.plot = layout.plot.united(layout.share);
    layout.gutter = QRect(area.left(), area.top(), gutter, area.height());
    return layout;
}

ProvenanceLabel provenanceLabel(const capture::AttentionRow& row) {
    ProvenanceLabel label;
    const bool measured = !std::isnan(row.error);
    const QString error = QLocale().toString(row.error, 'g', 1);
    const bool wrong = measured && row.error > kRowTolerance;
    const bool approximated = row.provenance == capture::Provenance::Approximated;
    const QString kind = approximated                                   ? tr("approximated")
                         : row.provenance == capture::Provenance::Exact ? tr("exact")
                                                                        : tr("recomputed");
    label.role = wrong ? Role::Bad : approximated ? Role::Accent : measured ? Role::Good : Role::Muted;
    label.brief = measured ? (wrong ? tr("✕ %1, off by %2") : tr("✓ %1, %2")).arg(kind, error)
                           : tr("%1, not checked").arg(kind);
    label.text = !measured ? tr("%1, no recorded output to check").arg(kind)
                 : wrong   ? tr("✕ %1, differs from the head's output by %2").arg(kind, error)
                           : tr("✓ %1, reproduces head output to %2").arg(kind, error);
    label.detail =
        tr("Weights × values against the output that the head had when the model ran: largest difference "
           "over the largest channel. Share: weight × (value · output) / |output|², before norm and "
           "gate; shares sum to 1.");
    return label;
}

QString rowValues(const capture::AttentionRow& row, std::size_t token, const QString& text) {
    if (token > row.position) {
        return {};
    }
    const QString where =
        tr("token %1 (%2 back) “%3”")
            .arg(grouped(static_cast<qint64>(token)), grouped(qint64(row.position - token)), readableToken(text));
    if (row.kind == LayerKind::Softmax) {
        return where + tr(": probability %1").arg(QLocale().toString(row.weight[token], 'g', 3));
    }
    return where + tr(": q·k %1, decay %2, product %3")
                       .arg(signedText(row.score[token]), QLocale().toString(row.decay[token], 'g', 3),
                            signedText(row.weight[token]));
}

} // namespace fulgurite
