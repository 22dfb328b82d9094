// SPDX-License-Identifier: GPL-3.0-or-later
// Draws one row of implied attention: q.k, decay, their product and each source token's share of the head's output
// on one x axis, or one row of probabilities for a softmax head. No widget: pictures and exports use it too.
#pragma once

#include "core/probe/capture/views.h"
#include "ui/base/theme_manager.h"
#include "ui/inspect/range_extremes.h"
#include "ui/inspect/token_scale.h"

#include <QRect>
#include <QString>

#include <functional>
#include <optional>
#include <vector>

class QPainter;

namespace fulgurite {

// A row with what drawing it fast needs. Shared, never changed.
struct TrackData {
    explicit TrackData(capture::AttentionRow row);
    TrackData(const TrackData&) = delete;
    TrackData& operator=(const TrackData&) = delete;

    capture::AttentionRow row;
    RangeExtremes score;
    RangeExtremes decay;
    RangeExtremes weight;
    RangeExtremes share;
    double rate = 0; // per token, from the decay itself; 0 for softmax
};

// Where each track lies. All have the same left and right edge as `plot`.
struct TrackLayout {
    QRect remaining; // labels of the 50, 10 and 1 % lines; empty for softmax
    QRect score;
    QRect decay;
    QRect weight; // product, or probability
    QRect share;
    QRect axis;
    QRect plot; // from the first track to the last
    QRect gutter;
};
// `gutter`: pixels at the left of `area` for the names of the tracks.
TrackLayout trackLayout(const QRect& area, int gutter, LayerKind kind, const ThemeManager& themes);

struct TrackScene {
    const TrackData& data;
    const ThemeManager& themes;
    TrackLayout layout;
    TokenScale scale;                           // x = 0 is the left edge of layout.plot
    double gain = 1;                            // heightens the bars; what does not fit is capped with a mark
    std::function<QString(std::size_t)> text{}; // of a token; empty when it is not known yet
};
void paintTracks(QPainter& painter, const TrackScene& scene);
// The line through all tracks with the values at `cursor`, and a line at the selected `source`.
void paintTrackMarks(QPainter& painter, const TrackScene& scene, std::optional<std::size_t> cursor,
                     std::optional<std::size_t> source);

// How the row came about and how far weights x values are from the recorded output.
struct ProvenanceLabel {
    QString text;
    QString brief; // "✓ exact, 3e-6"
    QString detail;
    Role role = Role::Muted;
};
ProvenanceLabel provenanceLabel(const capture::AttentionRow& row);
// Relative difference from which a row is called wrong rather than rounded. Sums of signed float32 products over n
// tokens differ by about sqrt(n) x 6e-8 of their largest partial sum: 6e-5 at a million tokens; partial sums of a
// lightning head may exceed its output by an order of magnitude.
inline constexpr double kRowTolerance = 1e-3;

// One line with the values at a token, as the cursor's labels have them.
QString rowValues(const capture::AttentionRow& row, std::size_t token, const QString& text);

} // namespace fulgurite
