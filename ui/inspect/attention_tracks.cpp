// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/attention_tracks.h"

#include "ui/inspect/captured_texts.h"

#include <QKeyEvent>
#include <QMenu>
#include <QPainter>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

constexpr double kUsualPixels = 3; // a token
constexpr double kWidestPixels = 48;
constexpr int kGutter = 66;
constexpr int kEdge = 8;
constexpr double kMostGain = 65536;

} // namespace

AttentionTracks::AttentionTracks(ThemeManager& themes, CapturedTexts& texts, QWidget* parent)
    : PlotView(themes, tr("Implied attention"), parent), texts_(texts) {
    setMargins({kEdge + kGutter, 4, kEdge, 2});
    connect(this, &PlotView::hovered, this, [this](std::optional<QPointF> at) {
        if (at && row_) {
            texts_.token(static_cast<std::size_t>(std::max(at->x(), 0.0))); // fetched before it is shown
        }
    });
}

QSize AttentionTracks::sizeHint() const {
    return {themes().scaled(530), themes().scaled(290)};
}

void AttentionTracks::setTokens(std::size_t count) {
    tokens_ = count;
    row_.reset();
    source_.reset();
    pointed_.reset();
    gain_ = 1;
    setFullRange({0, 0, static_cast<double>(std::max<std::size_t>(count, 1)), 1}, Qt::Horizontal);
    showUsual();
    invalidatePlot();
}

void AttentionTracks::setRow(std::shared_ptr<const TrackData> row) {
    setBusy(!row && row_);
    if (!row) {
        return;
    }
    const bool moved = !row_ || row_->row.position != row->row.position;
    row_ = std::move(row);
    if (moved) {
        reveal(row_->row.position);
    }
    setAccessibleDescription(provenanceLabel(row_->row).text);
    invalidatePlot();
}

void AttentionTracks::setSource(std::optional<std::size_t> token) {
    if (token == source_) {
        return;
    }
    source_ = token;
    if (token && row_ && *token <= row_->row.position) {
        reveal(*token);
        announce(rowValues(row_->row, *token, texts_.text(*token)));
    }
    update();
}

void AttentionTracks::setPointedToken(std::optional<std::size_t> token) {
    pointed_ = token;
    update();
}

void AttentionTracks::showUsual() {
    const double span = plotRect().width() / kUsualPixels;
    const double end = row_ ? static_cast<double>(row_->row.position) + 1 : fullRange().right();
    setLeastSpan({plotRect().width() / kWidestPixels, 1});
    setRange({end - span, 0, span, 1});
}

void AttentionTracks::resizeEvent(QResizeEvent* event) {
    PlotView::resizeEvent(event);
    // Tokens keep their width, and the right edge its place: that is where the query usually stands.
    const double width = plotRect().width();
    const double before = std::exchange(last_width_, width);
    setLeastSpan({width / kWidestPixels, 1});
    if (before <= 1 || width <= 1) {
        showUsual();
    } else if (width != before) {
        const double span = range().width() * width / before;
        setRange({range().right() - span, 0, span, 1});
    }
}

void AttentionTracks::reveal(std::size_t token) {
    const double at = static_cast<double>(token);
    const double margin = std::min(4.0, range().width() / 8);
    if (at < range().left()) {
        setRange(range().translated(at - margin - range().left(), 0));
    } else if (at + 1 > range().right()) {
        setRange(range().translated(at + 1 + margin - range().right(), 0));
    }
}

TrackScene AttentionTracks::scene() const {
    const QRect inside = rect().adjusted(themes().scaled(kEdge), themes().scaled(4), 0, -themes().scaled(2));
    const QRect plot = plotRect().toRect();
    const QRect area(inside.left(), inside.top(), plot.right() + 1 - inside.left(), inside.height());
    return {.data = *row_,
            .themes = themes(),
            .layout = trackLayout(area, plot.left() - inside.left(), row_->row.kind, themes()),
            .scale = {range().left(), plotRect().width() / range().width()},
            .gain = gain_,
            .text = [this](std::size_t token) { return texts_.text(token); }};
}

void AttentionTracks::paintPlot(QPainter& painter) {
    if (row_) {
        paintTracks(painter, scene());
    }
}

std::optional<std::size_t> AttentionTracks::cursor() const {
    if (const std::optional<QPointF> at = pointer()) {
        const double token = toData(*at).x();
        if (token >= 0 && row_ && token < static_cast<double>(row_->row.position + 1)) {
            return static_cast<std::size_t>(token);
        }
    }
    return pointed_ ? pointed_ : source_;
}

void AttentionTracks::paintMarks(QPainter& painter) {
    if (row_) {
        paintTrackMarks(painter, scene(), cursor(), source_);
    }
}

void AttentionTracks::clicked(QPointF at, Qt::KeyboardModifiers modifiers) {
    if (at.x() < 0 || at.x() >= static_cast<double>(tokens_)) {
        return;
    }
    const auto token = static_cast<std::size_t>(at.x());
    if (modifiers & Qt::ControlModifier) {
        emit queryChosen(token);
    } else if (row_ && token <= row_->row.position) {
        emit sourceChosen(token, false);
    }
}

bool AttentionTracks::walk(QKeyEvent* event) {
    if (!row_) {
        return false;
    }
    const auto last = static_cast<std::ptrdiff_t>(row_->row.position);
    const auto page = static_cast<std::ptrdiff_t>(std::max(range().width() * 0.8, 1.0));
    std::ptrdiff_t at = source_ ? static_cast<std::ptrdiff_t>(*source_) : last;
    const bool control = event->modifiers() & Qt::ControlModifier;
    switch (event->key()) {
    case Qt::Key_Left:
        at -= control ? 10 : 1;
        break;
    case Qt::Key_Right:
        at += control ? 10 : 1;
        break;
    case Qt::Key_PageUp:
        at -= page;
        break;
    case Qt::Key_PageDown:
        at += page;
        break;
    case Qt::Key_Home:
        at = 0;
        break;
    case Qt::Key_End:
        at = last;
        break;
    case Qt::Key_Up:
        setGain(gain_ * 2);
        return true;
    case Qt::Key_Down:
        setGain(gain_ / 2);
        return true;
    case Qt::Key_0:
        showUsual();
        return true;
    case Qt::Key_Return:
    case Qt::Key_Enter:
        if (source_) {
            emit queryChosen(*source_);
        }
        return true;
    default:
        return false;
    }
    emit sourceChosen(static_cast<std::size_t>(std::clamp(at, std::ptrdiff_t{0}, last)), true);
    return true;
}

void AttentionTracks::setGain(double gain) {
    gain_ = std::clamp(gain, 1.0, kMostGain);
    invalidatePlot();
}

void AttentionTracks::addToMenu(QMenu& menu) {
    menu.addAction(tr("Three pixels a token\t0"), this, &AttentionTracks::showUsual);
    menu.addAction(tr("Taller bars\tUp"), this, [this] { setGain(gain_ * 2); });
    menu.addAction(tr("Lower bars\tDown"), this, [this] { setGain(gain_ / 2); })->setEnabled(gain_ > 1);
    QAction* query =
        menu.addAction(tr("Make the source token the query\tReturn"), this, [this] { emit queryChosen(*source_); });
    query->setEnabled(source_.has_value());
}

std::optional<QPointF> AttentionTracks::walkPoint() const {
    return source_ ? std::optional(QPointF(static_cast<double>(*source_) + 0.5, 0.5)) : std::nullopt;
}

TableTwin AttentionTracks::table() const {
    TableTwin twin;
    twin.title = name();
    if (!row_) {
        return twin;
    }
    twin.rows = static_cast<int>(row_->row.position) + 1;
    twin.current = source_ ? static_cast<int>(*source_) : twin.rows - 1;
    const bool softmax = row_->row.kind == LayerKind::Softmax;
    twin.columns = {tr("token"), tr("back"), tr("text")};
    twin.columns += softmax ? QStringList{tr("score"), tr("probability"), tr("share")}
                            : QStringList{tr("q·k"), tr("decay"), tr("product"), tr("share")};
    twin.cell = [data = row_, texts = texts_.snapshot(), softmax](int index, int column) -> QVariant {
        const capture::AttentionRow& row = data->row;
        const auto token = static_cast<std::size_t>(index);
        const auto value = [token](const std::vector<float>& values) {
            return token < values.size() && !std::isnan(values[token]) ? QVariant(values[token]) : QVariant();
        };
        switch (column) {
        case 0:
            return index;
        case 1:
            return static_cast<int>(row.position) - index;
        case 2:
            return texts.text(token);
        case 3:
            return value(row.score);
        case 4:
            return value(softmax ? row.weight : row.decay);
        case 5:
            return value(softmax ? row.share : row.weight);
        default:
            return value(row.share);
        }
    };
    return twin;
}

} // namespace fulgurite
