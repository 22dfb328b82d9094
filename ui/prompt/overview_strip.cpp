// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/overview_strip.h"

#include "ui/prompt/tint.h"
#include "ui/prompt/transcript_document.h"

#include <QApplication>
#include <QMouseEvent>
#include <QPainter>

#include <algorithm>
#include <cmath>

namespace fulgurite {

OverviewStrip::OverviewStrip(const ThemeManager& themes, TranscriptDocument& document, QWidget* parent)
    : QWidget(parent), themes_(themes), document_(document) {
    setFixedWidth(14);
    setCursor(Qt::PointingHandCursor);
    setAccessibleName(tr("Overview of the conversation"));
    setAccessibleDescription(
        tr("Surprise along the conversation. Page Up, Page Down, Home and End in the transcript "
           "move the visible part."));
    connect(&themes_, &ThemeManager::changed, this, [this] { update(); });
}

void OverviewStrip::setTint(TintMode mode) {
    mode_ = mode == TintMode::Off ? TintMode::Surprise : mode;
    invalidate();
}

void OverviewStrip::setView(int top, int height) {
    view_top_ = top;
    view_height_ = height;
    update();
}

void OverviewStrip::invalidate() {
    stale_ = true;
    update();
}

void OverviewStrip::resizeEvent(QResizeEvent*) {
    stale_ = true;
}

// Tokens are spread evenly over the height of their chunk: exact enough at a few pixels for a screenful, and it
// needs no layout of what is not visible.
void OverviewStrip::fill() {
    stale_ = false;
    rows_.assign(static_cast<std::size_t>(std::max(height(), 1)), Row{});
    std::vector<int> counts(rows_.size(), 0);
    const double scale = static_cast<double>(rows_.size()) / std::max(document_.height(), std::max(height(), 1));
    const auto rowAt = [&](double y) {
        return static_cast<std::size_t>(std::clamp(y * scale, 0.0, static_cast<double>(rows_.size() - 1)));
    };
    for (int turn = 0; turn < document_.turnCount(); ++turn) {
        const Turn& value = document_.turn(turn);
        const double top = document_.top(turn);
        if (value.role != TurnRole::Assistant) {
            for (std::size_t row = rowAt(top + 10); row <= rowAt(top + document_.geometry(turn).height - 4);
                 ++row) {
                rows_[row].person = true;
            }
            continue;
        }
        for (const PartKind kind : {PartKind::Thinking, PartKind::Body}) {
            TextPart& part = document_.part(turn, kind);
            if (!document_.partVisible(turn, kind) || part.chunkCount() == 0) {
                continue;
            }
            const double origin = document_.partOrigin(turn, kind).y();
            int chunk = 0;
            for (const int index : part.tokens) {
                const TokenView& token = value.tokens[index];
                while (chunk + 1 < part.chunkCount() && part.chunk(chunk).end <= token.offset) {
                    ++chunk;
                }
                const MarkdownChunk& range = part.chunk(chunk);
                const double share =
                    static_cast<double>(token.offset - range.begin) / std::max(range.end - range.begin, 1);
                const double y = origin + part.top(chunk) + share * (part.bottom(chunk) - part.top(chunk));
                const std::size_t row = rowAt(y);
                rows_[row].strength = std::max(rows_[row].strength, 0.0) + tintStrength(token, mode_);
                ++counts[row];
            }
        }
    }
    for (std::size_t row = 0; row < rows_.size(); ++row) {
        rows_[row].strength = counts[row] > 0 ? rows_[row].strength / counts[row] : -1;
    }
}

const std::vector<OverviewStrip::Row>& OverviewStrip::rows() {
    if (stale_) {
        fill();
    }
    return rows_;
}

void OverviewStrip::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.fillRect(rect(), themes_.color(Role::Background));
    const std::vector<Row>& all = rows();
    const QColor faint = themes_.color(Role::Line);
    const QColor person = themes_.color(Role::Faint, 0.7);
    for (std::size_t i = 0; i < all.size(); ++i) {
        const auto y = static_cast<int>(i);
        if (all[i].person) {
            painter.fillRect(4, y, 7, 1, person);
        } else if (all[i].strength >= 0) {
            painter.fillRect(2, y, 11, 1, faint);
            // Means are far below the strongest token: stretched, or all rows would look alike.
            const double strength = mode_ == TintMode::Probability ? all[i].strength : std::sqrt(all[i].strength);
            painter.fillRect(2, y, 11, 1, tintColor(strength, mode_, themes_));
        }
    }
    if (document_.height() > view_height_) {
        const double scale = static_cast<double>(height()) / std::max(document_.height(), 1);
        const QRectF frame(0.5, view_top_ * scale + 0.5, width() - 1.0, std::max(8.0, view_height_ * scale - 1));
        painter.setPen(themes_.color(Role::Muted));
        painter.setBrush(themes_.color(Role::Text, 0.06));
        painter.drawRect(frame);
    }
}

void OverviewStrip::scrollTo(int y) {
    const double share = static_cast<double>(y) / std::max(height(), 1);
    emit scrollRequested(static_cast<int>(share * document_.height()) - view_height_ / 2);
}

void OverviewStrip::mousePressEvent(QMouseEvent* event) {
    if (event->button() == Qt::LeftButton) {
        scrollTo(event->pos().y());
    }
}

void OverviewStrip::mouseMoveEvent(QMouseEvent* event) {
    if ((event->buttons() & Qt::LeftButton) != 0) {
        scrollTo(event->pos().y());
    }
}

void OverviewStrip::wheelEvent(QWheelEvent* event) {
    event->ignore();
}

} // namespace fulgurite
