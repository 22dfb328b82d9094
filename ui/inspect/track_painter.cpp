// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/track_painter.h"

#include "ui/base/format.h"
#include "ui/charts/scales.h"
#include "ui/prompt/tint.h"

#include <QCoreApplication>
#include <QLocale>
#include <QPainter>
#include <QPainterPath>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace fulgurite {
namespace {

QString trackText(const char* text) {
    return QCoreApplication::translate("AttentionTracks", text);
}

class Painting {
  public:
    Painting(QPainter& painter, const TrackScene& scene) : p_(painter), s_(scene) {}

    void all();
    void marks(std::optional<std::size_t> cursor, std::optional<std::size_t> source);

  private:
    // Pixels beside a token.
    struct Frame {
        double left;
        double right;
    };

    std::pair<double, double> limits(const RangeExtremes& values) const;
    void bars(const QRect& area, const RangeExtremes& values, const QString& name, const QString& kind);
    void bar(int left, int width, const QRect& area, double low, double high, RangeExtremes::Range range);
    void decay();
    void probability();
    void share();
    void axis();
    void remaining();
    void peaks();
    void name(const QRect& area, const QString& title, const QString& kind);
    std::optional<Frame> frame(std::size_t token, const QPen& pen);
    void label(const QRect& area, const QString& text, const Frame& frame);
    void edgeLabel(const QRect& area, Qt::Alignment edge, const QString& text);
    template <class Draw>
    void columns(const RangeExtremes& values, Draw&& draw);

    Role hue() const { return s_.data.row.kind == LayerKind::Lightning ? Role::Lightning : Role::Softmax; }
    bool softmax() const { return s_.data.row.kind == LayerKind::Softmax; }
    QString text(std::size_t token) const { return s_.text ? s_.text(token) : QString(); }

    QPainter& p_;
    const TrackScene& s_;
};

// Calls draw(left, width, extremes) for each visible token, or for each column of pixels where tokens are narrower.
template <class Draw>
void Painting::columns(const RangeExtremes& values, Draw&& draw) {
    const int left = s_.layout.plot.left();
    if (s_.scale.per_token >= 1) {
        const auto [first, last] = s_.scale.visible(s_.layout.plot.width(), values.size());
        for (std::size_t token = first; token < last; ++token) {
            const int begin = static_cast<int>(std::lround(s_.scale.xOf(static_cast<double>(token))));
            const int end = static_cast<int>(std::lround(s_.scale.xOf(static_cast<double>(token) + 1)));
            draw(left + begin, std::max(end - begin, 1), values.over(token, token + 1));
        }
        return;
    }
    for (int x = 0; x < s_.layout.plot.width(); ++x) {
        const auto [begin, end] = s_.scale.inColumn(x, values.size());
        const RangeExtremes::Range range = values.over(begin, end);
        if (!range.empty()) {
            draw(left + x, 1, range);
        }
    }
}

void Painting::name(const QRect& area, const QString& title, const QString& kind) {
    const int height = s_.themes.scaled(15);
    const int top = std::max(area.center().y() - (kind.isEmpty() ? height / 2 : height), area.top() - height / 2);
    const QRect line(s_.layout.gutter.left(), top, s_.layout.gutter.width() - 2, height);
    p_.setFont(s_.themes.uiFont(11.5, QFont::DemiBold));
    p_.setPen(s_.themes.color(Role::Text));
    p_.drawText(line, Qt::AlignLeft | Qt::AlignVCenter, title);
    p_.setFont(s_.themes.uiFont(11));
    p_.setPen(s_.themes.color(Role::Muted));
    p_.drawText(line.translated(0, height - 1), Qt::AlignLeft | Qt::AlignVCenter, kind);
}

// A value at the end of an axis, readable over bars.
void Painting::edgeLabel(const QRect& area, Qt::Alignment edge, const QString& text) {
    const QFontMetrics metrics(p_.font());
    QRect box(area.left() + 2, area.top(), metrics.horizontalAdvance(text) + 4, metrics.height());
    if (edge == Qt::AlignBottom) {
        box.moveBottom(area.bottom());
    }
    p_.fillRect(box, s_.themes.color(Role::Background, 0.8));
    p_.drawText(box, Qt::AlignCenter, text);
}

void Painting::bar(int left, int width, const QRect& area, double low, double high, RangeExtremes::Range range) {
    if (range.empty()) {
        return;
    }
    const double zero = area.top() + high / (high - low) * area.height();
    const double scale = area.height() / (high - low);
    const int gap = width >= 3 ? 1 : 0;
    const auto draw = [&](double value, Role role) {
        const double height = std::max(std::abs(value) * scale, 0.6);
        const double top = value > 0 ? zero - height : zero;
        const QRectF rect = QRectF(left, top, width - gap, height).intersected(QRectF(area));
        p_.fillRect(rect, s_.themes.color(role));
        if (value * (1 - 1e-6) > high || value * (1 - 1e-6) < low) {
            p_.fillRect(QRectF(left, value > 0 ? area.top() : area.bottom() - 1, width - gap, 2),
                        s_.themes.color(Role::Text));
        }
    };
    if (range.high > 0) {
        draw(range.high, Role::Positive);
    }
    if (range.low < 0) {
        draw(range.low, Role::Negative);
    }
}

// Of the axis of a signed track: those of the whole row, so that panning does not rescale it.
std::pair<double, double> Painting::limits(const RangeExtremes& values) const {
    const RangeExtremes::Range whole = values.whole();
    const double low = whole.empty() ? 0 : std::min(0.0F, whole.low) / s_.gain;
    const double high = whole.empty() ? 0 : std::max(0.0F, whole.high) / s_.gain;
    if (!(high > low)) {
        return {-1, 1};
    }
    // A little room, and a sign that has hardly any values still gets a strip of its own.
    const double span = high - low;
    return {std::min(low * 1.06, -0.04 * span), std::max(high * 1.06, 0.04 * span)};
}

void Painting::bars(const QRect& area, const RangeExtremes& values, const QString& title, const QString& kind) {
    p_.fillRect(area, s_.themes.color(Role::Background));
    const auto [low, high] = limits(values);
    columns(values, [&, low = low, high = high](int left, int width, RangeExtremes::Range range) {
        bar(left, width, area, low, high, range);
    });
    const int zero = area.top() + static_cast<int>(high / (high - low) * area.height());
    p_.setPen(s_.themes.color(Role::Faint));
    p_.drawLine(area.left(), zero, area.right(), zero);
    name(area, title, kind);
    p_.setFont(s_.themes.uiFont(10.5));
    p_.setPen(s_.themes.color(Role::Muted));
    edgeLabel(area, Qt::AlignTop, signedText(high / 1.06));
    edgeLabel(area, Qt::AlignBottom, signedText(low / 1.06));
}

void Painting::decay() {
    const QRect& area = s_.layout.decay;
    p_.fillRect(area, s_.themes.color(Role::Background));
    QPainterPath line;
    bool begun = false;
    double last_x = area.left();
    columns(s_.data.decay, [&](int left, int width, RangeExtremes::Range range) {
        const QPointF point(left + width / 2.0, area.bottom() - range.high * (area.height() - 2));
        begun ? line.lineTo(point) : line.moveTo(point);
        begun = true;
        last_x = point.x();
    });
    if (begun) {
        QPainterPath filled = line;
        filled.lineTo(last_x, area.bottom() + 1);
        filled.lineTo(line.elementAt(0).x, area.bottom() + 1);
        p_.setRenderHint(QPainter::Antialiasing);
        p_.fillPath(filled, s_.themes.color(Role::Lightning, 0.28));
        p_.strokePath(line, QPen(s_.themes.color(Role::Lightning), 1.5));
        p_.setRenderHint(QPainter::Antialiasing, false);
    }
    name(area, trackText("decay"), trackText("λ^lag"));
    p_.setFont(s_.themes.uiFont(10.5));
    p_.setPen(s_.themes.color(Role::Muted));
    p_.drawText(area.adjusted(4, 1, 0, 0), Qt::AlignLeft | Qt::AlignTop, QStringLiteral("1"));
}

// On a square-root axis: a head that mostly looks at the first token still shows what it does with the rest.
void Painting::probability() {
    const QRect& area = s_.layout.weight;
    p_.fillRect(area, s_.themes.color(Role::Background));
    p_.setFont(s_.themes.uiFont(10.5));
    const double top = 1 / s_.gain;
    for (const double tick : {0.0, 0.01, 0.1, 0.25, 0.5, 1.0}) {
        const int y = area.bottom() - static_cast<int>(std::sqrt(tick) * (area.height() - 1));
        p_.setPen(s_.themes.color(Role::Grid));
        p_.drawLine(area.left(), y, area.right(), y);
        p_.setPen(s_.themes.color(Role::Muted));
        const QRect line(area.left() + 4, y - (tick > 0.9 ? 0 : 14), 60, 14);
        p_.drawText(line, Qt::AlignLeft | Qt::AlignVCenter, QLocale().toString(tick * top, 'g', 3));
    }
    columns(s_.data.weight, [&](int left, int width, RangeExtremes::Range range) {
        const double shown = std::sqrt(std::min(range.high / top, 1.0));
        const double height = std::max(shown * (area.height() - 1), range.high > 0 ? 0.6 : 0.0);
        const int gap = width >= 3 ? 1 : 0;
        p_.fillRect(QRectF(left, area.bottom() + 1 - height, width - gap, height), s_.themes.color(Role::Softmax));
        if (range.high > top * (1 + 1e-6)) {
            p_.fillRect(QRectF(left, area.top(), width - gap, 2), s_.themes.color(Role::Text));
        }
    });
    name(area, trackText("probability"), s_.gain > 1 ? trackText("√ axis × %1").arg(s_.gain) : trackText("√ axis"));
}

void Painting::share() {
    const QRect& area = s_.layout.share;
    p_.fillRect(area, s_.themes.color(Role::Zero));
    const RangeExtremes::Range whole = s_.data.share.whole();
    if (!whole.empty()) {
        const double most = std::max(std::abs(whole.low), std::abs(whole.high));
        // Shares are signed: a token may push against what the head says in sum.
        const ColorScale scale = ColorScale::diverging(s_.themes.theme(), most);
        const ColorScale positive = ColorScale::sequential(s_.themes.theme(), Role::Probability, 0, most);
        columns(s_.data.share, [&](int left, int width, RangeExtremes::Range range) {
            const bool against = -range.low > range.high;
            p_.fillRect(left, area.top(), width, area.height(),
                        QColor::fromRgb(against ? scale.at(range.low) : positive.at(range.high)));
        });
    }
    p_.setPen(s_.themes.color(Role::Line));
    p_.setBrush(Qt::NoBrush);
    p_.drawRect(area.adjusted(0, 0, -1, -1));
    name(area, trackText("share"), {});
}

void Painting::axis() {
    const QRect& area = s_.layout.axis;
    p_.setFont(s_.themes.uiFont(10.5));
    const double query = static_cast<double>(s_.data.row.position);
    const double first = s_.scale.first - query;
    const double last = s_.scale.first + s_.layout.plot.width() / s_.scale.per_token - query;
    const int wanted = std::max(2, area.width() / s_.themes.scaled(80));
    const std::vector<double> ticks = niceTicks(std::max(first, -query), std::min(last, 0.0), wanted);
    const double step = ticks.size() > 1 ? ticks[1] - ticks[0] : 1;
    int free = area.left() - 40;
    for (const double tick : ticks) {
        if (std::abs(tick - std::round(tick)) > 1e-6) {
            continue; // there is nothing between two tokens
        }
        const int x = area.left() + static_cast<int>(s_.scale.xOf(query + tick + 0.5));
        const QString text = tickText(tick, step);
        const int half = QFontMetrics(p_.font()).horizontalAdvance(text) / 2 + 2;
        const int centre = std::clamp(x, area.left() + half - 10, area.right() - half + 2);
        p_.setPen(s_.themes.color(Role::Line));
        p_.drawLine(x, area.top(), x, area.top() + 3);
        if (centre - half < free + 6) {
            continue;
        }
        p_.setPen(s_.themes.color(Role::Muted));
        p_.drawText(QRect(centre - half, area.top() + 2, 2 * half, area.height() - 2),
                    Qt::AlignHCenter | Qt::AlignTop, text);
        free = centre + half;
    }
}

void Painting::remaining() {
    if (s_.layout.remaining.isEmpty() || s_.data.rate <= 0) {
        return;
    }
    p_.setFont(s_.themes.uiFont(11));
    p_.setPen(s_.themes.color(Role::Muted));
    p_.drawText(QRect(s_.layout.gutter.left(), s_.layout.remaining.top(), s_.layout.gutter.width(),
                      s_.layout.remaining.height()),
                Qt::AlignLeft | Qt::AlignVCenter, trackText("remaining"));
    p_.setFont(s_.themes.uiFont(11, QFont::DemiBold));
    const QFontMetrics metrics(p_.font());
    int free = s_.layout.plot.right() + 1;
    const double query = static_cast<double>(s_.data.row.position) + 1;
    for (const auto& [left_over, words] :
         std::array<std::pair<double, const char*>, 3>{{{0.5, "50 %"}, {0.1, "10 %"}, {0.01, "1 %"}}}) {
        const double lag = -std::log(left_over) / s_.data.rate;
        const double at = s_.scale.xOf(query - lag);
        if (at < 0 || at > s_.layout.plot.width() || lag > query) {
            continue;
        }
        const int x = s_.layout.plot.left() + static_cast<int>(at);
        const QString text = QLatin1String(words);
        const int width = metrics.horizontalAdvance(text);
        const int left = std::min(x - width / 2, free - width - 6);
        p_.setPen(QPen(s_.themes.color(Role::Lightning), 1, Qt::DotLine));
        p_.drawLine(x, s_.layout.score.top(), x, s_.layout.weight.bottom());
        if (left >= s_.layout.plot.left() - width / 2) {
            p_.setPen(s_.themes.color(Role::Lightning));
            p_.drawText(QRect(left, s_.layout.remaining.top(), width + 2, s_.layout.remaining.height()),
                        Qt::AlignLeft | Qt::AlignVCenter, text);
            free = left;
        }
    }
}

// Names the tallest visible bars of the first track, where there is room beside the cursor's label.
void Painting::peaks() {
    const QRect& area = softmax() ? s_.layout.weight : s_.layout.score;
    const std::vector<float>& values = softmax() ? s_.data.row.weight : s_.data.row.score;
    const auto [first, last] = s_.scale.visible(s_.layout.plot.width(), values.size());
    if (!s_.text || last - first > 20000 || s_.scale.per_token < 0.5) {
        return;
    }
    std::vector<std::size_t> order;
    for (std::size_t i = first; i < last; ++i) {
        order.push_back(i);
    }
    const std::size_t best = std::min<std::size_t>(order.size(), 8);
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(best), order.end(),
                      [&](std::size_t a, std::size_t b) { return values[a] > values[b]; });
    order.resize(best);
    const auto [low, high] = softmax() ? std::pair(0.0, 1 / s_.gain) : limits(s_.data.score);
    p_.setFont(s_.themes.uiFont(10.5));
    const QFontMetrics metrics(p_.font());
    std::vector<QRect> taken;
    taken.emplace_back(area.left(), area.top(), s_.themes.scaled(40), s_.themes.scaled(16));
    for (const std::size_t token : order) {
        const QString words = text(token).trimmed();
        // Part of a word says little, a marker of the chat format nothing; low bars are no peaks.
        if (words.size() < 2 || words.startsWith(u'<') || values[token] < (softmax() ? 0.005 : 0.08) * high) {
            continue;
        }
        const int x = area.left() + static_cast<int>(s_.scale.xOf(static_cast<double>(token) + 0.5));
        const int width = metrics.horizontalAdvance(words) + 4;
        const double value = std::min<double>(values[token], high);
        const double level = softmax() ? std::sqrt(value / high) : (value - low) / (high - low);
        const double top = area.top() + (1 - level) * area.height();
        QRect place(x - width / 2, static_cast<int>(top) - metrics.height(), width, metrics.height());
        place.moveLeft(std::clamp(place.left(), area.left(), std::max(area.left(), area.right() - width)));
        place.moveTop(std::max(place.top(), area.top()));
        const bool free = std::none_of(taken.begin(), taken.end(), [&](const QRect& other) {
            return other.adjusted(-4, 0, 4, 0).intersects(place);
        });
        if (free) {
            p_.fillRect(place, s_.themes.color(Role::Background, 0.75));
            p_.setPen(s_.themes.color(Role::Text));
            p_.drawText(place, Qt::AlignCenter, words);
            taken.push_back(place);
        }
    }
}

// To the left of a frame, or to its right where there is no room.
void Painting::label(const QRect& area, const QString& text, const Frame& frame) {
    p_.setFont(s_.themes.uiFont(11, QFont::DemiBold));
    const QFontMetrics metrics(p_.font());
    const int width = metrics.horizontalAdvance(text) + 12;
    const int height = s_.themes.scaled(19);
    const int right = static_cast<int>(frame.left) - 4;
    const bool fits = right - width >= area.left();
    QRect box(fits ? right - width : static_cast<int>(frame.right) + 5, area.top() + 3, width, height);
    p_.setRenderHint(QPainter::Antialiasing);
    p_.setPen(s_.themes.color(Role::Line));
    p_.setBrush(s_.themes.color(Role::Raised));
    p_.drawRoundedRect(QRectF(box).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4);
    p_.setRenderHint(QPainter::Antialiasing, false);
    p_.setPen(s_.themes.color(Role::Text));
    p_.drawText(box, Qt::AlignCenter, text);
}

// Two lines with the token between them: what is drawn for it stays in sight, also where it is a spike of one
// pixel.
std::optional<Painting::Frame> Painting::frame(std::size_t token, const QPen& pen) {
    const QRect& plot = s_.layout.plot;
    const double left = plot.left() + s_.scale.xOf(static_cast<double>(token));
    const double right = plot.left() + s_.scale.xOf(static_cast<double>(token) + 1);
    const double centre = (left + right) / 2;
    if (centre < plot.left() || centre > plot.right() + 1) {
        return {};
    }
    const double half = std::max((right - left) / 2, s_.themes.scaled(4) * 0.75);
    const Frame frame{std::floor(centre - half) - 1, std::ceil(centre + half)};
    p_.save();
    p_.setClipRect(plot);
    p_.setPen(pen);
    for (const double x : {frame.left, frame.right}) {
        p_.drawLine(QPointF(x + 0.5, plot.top()), QPointF(x + 0.5, s_.layout.share.bottom()));
    }
    p_.restore();
    return frame;
}

void Painting::marks(std::optional<std::size_t> cursor, std::optional<std::size_t> source) {
    const capture::AttentionRow& row = s_.data.row;
    if (source && *source <= row.position && source != cursor) {
        frame(*source, QPen(s_.themes.color(Role::Focus), 2));
    }
    if (!cursor || *cursor > row.position) {
        return;
    }
    const std::size_t at = *cursor;
    const auto around = frame(at, QPen(s_.themes.color(cursor == source ? Role::Focus : Role::Text), 1));
    if (!around) {
        return;
    }
    const QString words = text(at);
    const QString where = (words.isEmpty() ? QString() : trackText("“%1” ").arg(readableToken(words))) +
                          tickText(static_cast<double>(at) - static_cast<double>(row.position)) + u' ';
    const QString part = row.share.empty() || std::isnan(row.share[at])
                             ? QString()
                             : trackText("  %1 % of output").arg(QLocale().toString(row.share[at] * 100, 'f', 1));
    if (softmax()) {
        label(s_.layout.weight, where + QLocale().toString(row.weight[at], 'g', 3) + part, *around);
        return;
    }
    label(s_.layout.score, where + signedText(row.score[at]), *around);
    label(s_.layout.decay, QLocale().toString(row.decay[at], 'g', 3), *around);
    label(s_.layout.weight, signedText(row.weight[at]) + part, *around);
}

void Painting::all() {
    p_.save();
    p_.setClipRect(s_.layout.gutter.united(s_.layout.plot).united(s_.layout.axis).united(s_.layout.remaining));
    if (softmax()) {
        probability();
    } else {
        bars(s_.layout.score, s_.data.score, trackText("q·k"), trackText("signed"));
        decay();
        bars(s_.layout.weight, s_.data.weight, trackText("product"), trackText("signed"));
    }
    share();
    axis();
    remaining();
    peaks();
    p_.restore();
}

} // namespace

void paintTracks(QPainter& painter, const TrackScene& scene) {
    Painting(painter, scene).all();
}

void paintTrackMarks(QPainter& painter, const TrackScene& scene, std::optional<std::size_t> cursor,
                     std::optional<std::size_t> source) {
    Painting(painter, scene).marks(cursor, source);
}

} // namespace fulgurite
