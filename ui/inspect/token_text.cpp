// SPDX-License-Identifier: GPL-3.0-or-later
// Layout and painting; token_text_input.cpp has pointer, keyboard and table.
#include "ui/inspect/token_text.h"

#include "ui/charts/scales.h"
#include "ui/inspect/captured_texts.h"
#include "ui/inspect/head_badge.h"

#include <QFontMetricsF>
#include <QPainter>

#include <algorithm>
#include <array>
#include <cmath>

namespace fulgurite {
namespace {

// Tokens laid out around the one that is looked at. Both ends are far outside the few lines that show.
constexpr std::size_t kBefore = 1200;
constexpr std::size_t kAfter = 400;
constexpr std::array<std::pair<int, double>, 3> kReachPercents{{{1, 0.01}, {10, 0.1}, {50, 0.5}}};
constexpr double kPad = 6;
// Strong enough to see, weak enough to read text on.
constexpr double kGroundDark = 0.62;
constexpr double kGroundLight = 0.5;

QString shownText(const QString& text) {
    QString shown = text;
    return shown.replace(u'\n', QChar(0x21b5)).replace(u'\t', QChar(0x21e5));
}

// "<beginning_of_sentence>" is too long for a line of text: "beginning…".
QString markerName(const QString& text) {
    QString name = text;
    name.remove(u'<').remove(u'>').remove(u'|');
    return name.size() > 11 ? name.left(10) + u'…' : name;
}

} // namespace

TokenText::TokenText(ThemeManager& themes, Selection& selection, CapturedTexts& texts, QWidget* parent)
    : PlotView(themes, tr("Tokens"), parent), selection_(selection), texts_(texts) {
    setFullRange({0, 0, 1, 1}, {});
    connect(&selection_, &Selection::changed, this, [this](const InspectState& now, const InspectState& before) {
        if (now.query && now.query != before.query) {
            reveal(*now.query);
        } else if (now.source && now.source != before.source) {
            reveal(*now.source);
        }
        if (now.query != before.query) {
            relayout(anchor_); // flags stand before the query
        }
        invalidatePlot();
    });
    connect(&texts_, &CapturedTexts::arrived, this, [this](std::size_t first, std::size_t count) {
        if (first < first_ + kBefore + kAfter && first + count > first_) {
            relayout(anchor_);
            if (kept_) {
                placeScroll(*kept_);
            }
        }
    });
    connect(&themes, &ThemeManager::changed, this, [this] { relayout(anchor_); });
}

void TokenText::setTokens(std::size_t count) {
    tokens_ = count;
    row_.reset();
    relayout(count > 0 ? count - 1 : 0);
    setAccessibleDescription(
        tr("%1 tokens. Left and Right step the source token, with Ctrl the query token; G goes to a "
           "position.")
            .arg(count));
    placeScroll(anchor_);
}

void TokenText::setRow(std::shared_ptr<const capture::AttentionRow> row) {
    row_ = std::move(row);
    row_max_ = 0;
    if (row_) {
        for (const float weight : row_->weight) {
            row_max_ = std::max(row_max_, std::abs(weight));
        }
    }
    invalidatePlot();
}

void TokenText::setRate(double rate) {
    if (rate != rate_) {
        rate_ = rate;
        relayout(anchor_);
    }
}

void TokenText::relayout(std::size_t anchor) {
    anchor_ = anchor;
    stale_layout_ = true;
    invalidatePlot();
}

double TokenText::lineHeight() const {
    return std::round(QFontMetricsF(themes().uiFont(12.5)).height() + 4);
}

// The reach that ends right before this token, seen from the query.
int TokenText::flagBefore(std::size_t token) const {
    const std::optional<std::size_t> query = selection_.state().query;
    if (!query || rate_ <= 0 || token > *query) {
        return 0;
    }
    for (const auto& [percent, fraction] : kReachPercents) {
        const double back = capture::reach(rate_, fraction);
        if (back < static_cast<double>(*query) && *query - static_cast<std::size_t>(std::lround(back)) == token) {
            return percent;
        }
    }
    return 0;
}

QString TokenText::flagText(int percent) const {
    return tr("%1 % · %2").arg(percent).arg(distanceText(capture::reach(rate_, percent / 100.0)));
}

void TokenText::layOut() {
    stale_layout_ = false;
    pieces_.clear();
    first_ = anchor_ > kBefore ? anchor_ - kBefore : 0;
    const std::size_t last = std::min(tokens_, anchor_ + kAfter);
    const QFontMetricsF text(themes().uiFont(12.5));
    const QFontMetricsF small(themes().uiFont(10.5));
    const double right = width() - kPad;
    double x = kPad;
    int line = 0;
    for (std::size_t token = first_; token < last; ++token) {
        const capture::CapturedToken* known = texts_.token(token);
        Piece piece;
        piece.token = token;
        piece.marker = known && known->special;
        const QString words = texts_.text(token);
        // A token without text is a place all the same: it can be pointed at.
        piece.text = words.isEmpty() ? QStringLiteral("◦") : piece.marker ? markerName(words) : shownText(words);
        piece.flag = flagBefore(token);
        const double flag = piece.flag > 0 ? small.horizontalAdvance(flagText(piece.flag)) + 16 : 0;
        piece.width = piece.marker ? small.horizontalAdvance(piece.text) + 12 : text.horizontalAdvance(piece.text);
        if (x + flag + piece.width > right && x > kPad) {
            x = kPad;
            ++line;
        }
        piece.x = x + flag;
        piece.line = line;
        x = piece.x + piece.width;
        pieces_.push_back(piece);
        // A line break of the text is one here as well, unless it would leave a line nearly empty.
        if (words.contains(u'\n') && x > right * 0.35) {
            x = kPad;
            ++line;
        }
    }
    lines_ = line + 1;
    scroll_ = std::clamp(scroll_, 0.0, std::max(0.0, lines_ * lineHeight() - height()));
}

const TokenText::Piece* TokenText::pieceOf(std::size_t token) const {
    return token >= first_ && token - first_ < pieces_.size() ? &pieces_[token - first_] : nullptr;
}

void TokenText::placeScroll(std::size_t token) {
    kept_ = token;
    if (stale_layout_) {
        layOut();
    }
    if (const Piece* piece = pieceOf(token)) {
        const double top = piece->line * lineHeight();
        if (top < scroll_ || top + lineHeight() > scroll_ + height()) {
            // Two lines of what follows stay in sight.
            scroll_ =
                std::clamp(top - height() + 2 * lineHeight(), 0.0, std::max(0.0, lines_ * lineHeight() - height()));
            scroll_ = std::ceil(scroll_ / lineHeight()) * lineHeight();
        }
    }
    invalidatePlot();
    emit visibleChanged();
}

void TokenText::reveal(std::size_t token) {
    if (token >= tokens_) {
        return;
    }
    const bool inside = token >= first_ + (first_ == 0 ? 0 : 100) && token < first_ + pieces_.size();
    if (!inside || stale_layout_) {
        relayout(inside ? anchor_ : token);
    }
    placeScroll(token);
}

std::pair<std::size_t, std::size_t> TokenText::visible() const {
    std::size_t low = tokens_;
    std::size_t high = 0;
    for (const Piece& piece : pieces_) {
        const double top = piece.line * lineHeight() - scroll_;
        if (top > -lineHeight() / 2 && top + lineHeight() / 2 < height()) {
            low = std::min(low, piece.token);
            high = std::max(high, piece.token);
        }
    }
    return {std::min(low, high), high};
}

std::optional<std::size_t> TokenText::tokenAt(QPointF point) const {
    const int line = static_cast<int>(std::floor((point.y() + scroll_) / lineHeight()));
    for (const Piece& piece : pieces_) {
        if (piece.line == line && point.x() >= piece.x && point.x() < piece.x + piece.width) {
            return piece.token;
        }
    }
    return {};
}

QRectF TokenText::tokenRect(std::size_t token) const {
    const Piece* piece = pieceOf(token);
    return piece ? QRectF(piece->x, piece->line * lineHeight() - scroll_, piece->width, lineHeight()) : QRectF();
}

// What the query takes from the token: diverging for lightning, one hue for softmax.
QColor TokenText::groundOf(std::size_t token) const {
    if (!row_ || row_max_ <= 0 || token >= row_->weight.size()) {
        return Qt::transparent;
    }
    const float weight = row_->weight[token];
    const Role role = row_->kind == LayerKind::Softmax ? Role::Probability
                      : weight < 0                     ? Role::Negative
                                                       : Role::Positive;
    // The square root keeps what is a tenth of the largest visible; the sign and the order stay.
    const double strength = std::sqrt(std::abs(weight) / row_max_);
    return strength < 0.03
               ? QColor(Qt::transparent)
               : themes().color(role, strength * (themes().theme().dark() ? kGroundDark : kGroundLight));
}

void TokenText::paintPiece(QPainter& painter, const Piece& piece, double top) const {
    const double height = lineHeight();
    const QRectF box(piece.x, top + 1, piece.width, height - 3);
    const std::optional<std::size_t> query = selection_.state().query;
    const bool is_query = query == piece.token;
    const bool later = query && piece.token > *query;
    if (piece.flag > 0) {
        const QString flag = flagText(piece.flag);
        painter.setFont(themes().uiFont(10.5, QFont::DemiBold));
        painter.setPen(themes().color(Role::Lightning));
        const double width = QFontMetricsF(painter.font()).horizontalAdvance(flag);
        painter.drawText(QRectF(piece.x - width - 8, top, width + 1, height), Qt::AlignLeft | Qt::AlignVCenter,
                         flag);
        painter.fillRect(QRectF(std::round(piece.x - width - 13), top + 2, 2, height - 5),
                         themes().color(Role::Lightning));
    }
    if (is_query) {
        painter.setPen(Qt::NoPen);
        painter.setBrush(themes().color(Role::Accent));
        painter.drawRoundedRect(box.adjusted(-1, 0, 1, 0), 3, 3);
    } else {
        painter.fillRect(box, groundOf(piece.token));
    }
    // Under each token how much of it decay leaves: 50, 10, 1 %, less.
    if (query && rate_ > 0 && piece.token <= *query && !is_query) {
        const double left = capture::weightAt(rate_, static_cast<double>(*query - piece.token));
        const double alpha = left >= 0.5 ? 1 : left >= 0.1 ? 0.55 : left >= 0.01 ? 0.28 : 0;
        if (alpha > 0) {
            painter.fillRect(QRectF(box.left(), box.bottom(), box.width() - 1, left >= 0.5 ? 2 : 1),
                             themes().color(Role::Lightning, alpha));
        }
    }
    if (piece.marker) {
        painter.setPen(themes().color(Role::Line));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(box.adjusted(2.5, 1.5, -2.5, -1.5), 3, 3);
        painter.setFont(themes().uiFont(10.5));
        painter.setPen(themes().color(is_query ? Role::OnAccent : Role::Muted));
        painter.drawText(box, Qt::AlignCenter, piece.text);
        return;
    }
    painter.setFont(themes().uiFont(12.5, is_query ? QFont::DemiBold : QFont::Normal));
    painter.setPen(themes().color(is_query ? Role::OnAccent : later ? Role::Muted : Role::Text));
    painter.drawText(QRectF(piece.x, top, piece.width + 4, height - 1), Qt::AlignLeft | Qt::AlignVCenter,
                     piece.text);
}

void TokenText::paintPlot(QPainter& painter) {
    if (stale_layout_) {
        layOut();
    }
    painter.setRenderHint(QPainter::Antialiasing);
    for (const Piece& piece : pieces_) {
        const double top = piece.line * lineHeight() - scroll_;
        if (top > -lineHeight() && top < height()) {
            paintPiece(painter, piece, top);
        }
    }
}

void TokenText::paintMarks(QPainter& painter) {
    if (const auto source = selection_.state().source) {
        const QRectF box = tokenRect(*source);
        if (!box.isEmpty()) {
            painter.setRenderHint(QPainter::Antialiasing);
            painter.setPen(QPen(themes().color(Role::Focus), 2));
            painter.setBrush(Qt::NoBrush);
            painter.drawRoundedRect(box.adjusted(-1, 1, 1, -2), 3, 3);
        }
    }
}

} // namespace fulgurite
