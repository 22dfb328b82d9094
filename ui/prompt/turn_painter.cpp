// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/turn_painter.h"

#include "ui/base/format.h"
#include "ui/prompt/tint.h"

#include <QCoreApplication>
#include <QFontMetrics>
#include <QIcon>
#include <QLocale>
#include <QPainter>

#include <algorithm>

namespace fulgurite {
namespace {

QString say(const char* source) {
    return QCoreApplication::translate("Transcript", source);
}

int textWidth(const QFont& font, const QString& string) {
    return QFontMetrics(font).horizontalAdvance(string);
}

// Draws and returns where the next piece may begin.
int drawPiece(QPainter& painter, const QRect& line, int x, const QFont& font, const QColor& color,
              const QString& string) {
    if (string.isEmpty() || x >= line.right()) {
        return x;
    }
    painter.setFont(font);
    painter.setPen(color);
    const QString shown = QFontMetrics(font).elidedText(string, Qt::ElideRight, line.right() - x);
    painter.drawText(QRect(x, line.top(), line.right() - x + 1, line.height()), Qt::AlignLeft | Qt::AlignVCenter,
                     shown);
    return x + textWidth(font, shown);
}

void paintSparkline(QPainter& painter, const QRect& area, const std::vector<double>& values, const QColor& color) {
    const double most = std::max(1.0, values.empty() ? 1.0 : *std::max_element(values.begin(), values.end()));
    const double step =
        static_cast<double>(area.width()) / static_cast<double>(std::max<std::size_t>(values.size(), 1));
    for (std::size_t i = 0; i < values.size(); ++i) {
        const double height = std::max(1.0, values[i] / most * area.height());
        painter.fillRect(QRectF(area.left() + static_cast<double>(i) * step, area.bottom() + 1 - height,
                                std::max(1.0, step - 1), height),
                         color);
    }
}

void paintThinking(QPainter& painter, const TranscriptDocument& document, int turn, const QRect& row,
                   bool hovered) {
    const Turn& value = document.turn(turn);
    const ThemeManager& themes = *document.style().themes;
    const bool open = document.thinkingOpen(turn);
    painter.setPen(themes.color(Role::Line));
    painter.setBrush(hovered ? themes.color(Role::Raised) : themes.color(Role::Background));
    painter.drawRoundedRect(QRectF(row).adjusted(0.5, 0.5, -0.5, -0.5), metrics::kRadius, metrics::kRadius);
    const QRect inner = row.adjusted(themes.scaled(10), 0, -themes.scaled(12), 0);
    const int icon = themes.scaled(12);
    themes.icon(open ? QStringLiteral("chevron-down") : QStringLiteral("chevron-right"))
        .paint(&painter, QRect(inner.left(), row.center().y() - icon / 2, icon, icon));
    const QString length = grouped(value.thinking.tokens);
    const QString title = value.thinking.finished
                              ? say("Thought for %1 tokens, %2").arg(length, secondsText(value.thinking.seconds))
                              : say("Thinking, %1 tokens, %2").arg(length, secondsText(value.thinking.seconds));
    int x = drawPiece(painter, inner, inner.left() + icon + themes.scaled(10), themes.uiFont(12.5, QFont::DemiBold),
                      themes.color(Role::Text), title);
    x += themes.scaled(10);
    const int spark_width = themes.scaled(120);
    const std::vector<double> spark = thinkingSparkline(value, 40);
    if (!spark.empty() && x + spark_width < inner.right()) {
        paintSparkline(painter,
                       QRect(x, row.top() + themes.scaled(8), spark_width, row.height() - themes.scaled(16)), spark,
                       themes.color(Role::Surprise));
        x += spark_width + themes.scaled(10);
    }
    if (!open) {
        QFont italic = themes.uiFont(12.5);
        italic.setItalic(true);
        const QString first_words = value.thinking.text.left(200).simplified();
        drawPiece(painter, inner, x, italic, themes.color(Role::Muted), first_words);
    }
}

QString tokenFigures(const TranscriptDocument& document, int turn) {
    const Turn& value = document.turn(turn);
    QStringList parts;
    if (value.token_count > 0) {
        parts += say("%1 tokens").arg(grouped(value.token_count));
    }
    if (value.tokens_per_second > 0) {
        const int decimals = value.tokens_per_second < 10 ? 1 : 0;
        parts += say("%1 tok/s").arg(QLocale().toString(value.tokens_per_second, 'f', decimals));
    }
    if (const double mean = document.meanSurpriseBits(turn); mean >= 0) {
        parts += say("%1 bits / token").arg(QLocale().toString(mean, 'f', 2));
    }
    return parts.join(QStringLiteral("    "));
}

QString userFigures(const Turn& turn) {
    QStringList parts;
    if (turn.created.isValid()) {
        const bool today = turn.created.date() == QDate::currentDate();
        parts += today ? QLocale().toString(turn.created.time(), QStringLiteral("HH:mm"))
                       : QLocale().toString(turn.created.date(), QLocale::ShortFormat) + u' ' +
                             QLocale().toString(turn.created.time(), QStringLiteral("HH:mm"));
    }
    if (turn.token_count > 0) {
        parts += say("%1 tokens").arg(grouped(turn.token_count));
    }
    return parts.join(QStringLiteral("   "));
}

void paintButton(QPainter& painter, const TurnButton& button, QPoint origin, const ThemeManager& themes,
                 const TurnPaintState& state) {
    const QRect rect = button.rect.translated(origin);
    const bool hovered = button.enabled && button.action == state.hovered && button.action != TurnAction::None;
    if (hovered) {
        painter.setPen(Qt::NoPen);
        painter.setBrush(themes.color(button.action == state.pressed ? Role::Line : Role::Raised));
        painter.drawRoundedRect(rect, 4, 4);
    }
    if (!button.icon.isEmpty()) {
        const int size = themes.scaled(15);
        const QRect icon(rect.center().x() - size / 2 + 1, rect.center().y() - size / 2 + 1, size, size);
        painter.setOpacity(button.enabled ? 1 : 0.35);
        themes.icon(button.icon, hovered ? Role::Text : Role::Muted).paint(&painter, icon);
        painter.setOpacity(1);
        return;
    }
    painter.setFont(themes.uiFont(12));
    const bool counter = button.action == TurnAction::None;
    painter.setPen(themes.color(counter || hovered ? Role::Text : Role::Muted));
    painter.drawText(rect, Qt::AlignCenter, button.text);
}

} // namespace

std::vector<double> thinkingSparkline(const Turn& turn, int bins) {
    std::vector<double> values;
    qsizetype count = 0;
    while (count < turn.tokens.size() && turn.tokens[count].channel != TokenChannel::Answer) {
        ++count; // thinking comes before the answer
    }
    if (count < 2) {
        return values;
    }
    values.assign(static_cast<std::size_t>(std::min<qsizetype>(bins, count)), 0);
    std::vector<int> filled(values.size(), 0);
    for (qsizetype i = 0; i < count; ++i) {
        const auto bin = static_cast<std::size_t>(i * static_cast<qsizetype>(values.size()) / count);
        if (turn.tokens[i].channel == TokenChannel::Thinking) {
            values[bin] += surpriseBits(turn.tokens[i]);
            ++filled[bin];
        }
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] /= std::max(filled[i], 1);
    }
    return values;
}

QString turnTitle(const Turn& turn) {
    switch (turn.role) {
    case TurnRole::User:
        return say("You");
    case TurnRole::System:
        return say("System prompt");
    case TurnRole::Assistant:
        break;
    }
    return turn.model.isEmpty() ? say("Answer") : turn.model;
}

std::vector<TurnButton> TranscriptDocument::buttons(int index) const {
    std::vector<TurnButton> result;
    const Turn& value = turn(index);
    const TurnGeometry& box = geometry(index);
    const int top = this->top(index);
    const ThemeManager& themes = *style_.themes;
    const int size = themes.scaled(26);
    if (!box.thinking_row.isNull()) {
        result.push_back(
            {TurnAction::ToggleThinking,
             box.thinking_row.translated(0, top),
             {},
             {},
             thinkingOpen(index) ? say("Fold the thinking (Enter)") : say("Unfold the thinking (Enter)")});
    }
    if (value.state == TurnState::Streaming || index == edited_) {
        return result;
    }
    const auto siblings = [&](int x, int y) {
        const QString count = QStringLiteral("%1 / %2").arg(value.sibling_index + 1).arg(value.sibling_count);
        const int width = textWidth(themes.uiFont(12), count) + themes.scaled(8);
        result.push_back({TurnAction::PreviousSibling,
                          QRect(x, y, size, size),
                          QStringLiteral("chevron-left"),
                          {},
                          say("The version before ([)"),
                          value.sibling_index > 0});
        result.push_back({TurnAction::None, QRect(x + size, y, width, size), {}, count, {}});
        result.push_back({TurnAction::NextSibling,
                          QRect(x + size + width, y, size, size),
                          QStringLiteral("chevron-right"),
                          {},
                          say("The version after (])"),
                          value.sibling_index + 1 < value.sibling_count});
        return 2 * size + width;
    };
    if (value.role != TurnRole::Assistant) {
        const QFont font = themes.uiFont(12);
        int right = box.header.right() + 1 + themes.scaled(6);
        const auto word = [&](TurnAction action, const QString& label, const QString& tooltip) {
            const int width = textWidth(font, label) + themes.scaled(12);
            right -= width;
            result.push_back(
                {action, QRect(right, top + box.header.top(), width, box.header.height()), {}, label, tooltip});
        };
        word(TurnAction::Branch, say("Branch"), say("Begin another line after this message (B)"));
        word(TurnAction::Edit, say("Edit"), say("Change this message: the old one stays as a branch (E)"));
        if (value.sibling_count > 1) {
            const QString count = QStringLiteral("%1 / %2").arg(value.sibling_index + 1).arg(value.sibling_count);
            const int width = 2 * size + textWidth(font, count) + themes.scaled(8);
            siblings(right - width - themes.scaled(8), top + box.header.top() - 1);
        }
        return result;
    }
    int x = box.actions.left() - themes.scaled(4);
    const int y = top + box.actions.top() + (box.actions.height() - size) / 2;
    const auto button = [&](TurnAction action, const char* icon, const QString& tooltip, bool enabled = true) {
        result.push_back({action, QRect(x, y, size, size), QString::fromLatin1(icon), {}, tooltip, enabled});
        x += size + themes.scaled(4);
    };
    button(TurnAction::Copy, "copy", say("Copy the answer as Markdown (C)"));
    button(TurnAction::Regenerate, "regenerate", say("Answer again: this answer stays as a branch (R)"));
    if (value.state == TurnState::Cut || !value.note.isEmpty()) {
        const QString title = say("Go on from the last token (G)");
        button(TurnAction::Continue, "play",
               continue_obstacle_.isEmpty() ? title : QStringLiteral("%1: %2").arg(title, continue_obstacle_),
               continue_obstacle_.isEmpty());
    }
    button(TurnAction::Edit, "edit", say("Change this answer: the old one stays as a branch (E)"));
    button(TurnAction::Branch, "branch", say("Begin another line after this answer (B)"));
    button(TurnAction::TokenTable, "table",
           value.tokens.isEmpty() ? say("The node sent no tokens for this answer")
                                  : say("The tokens as a table (T)"),
           !value.tokens.isEmpty());
    if (value.sibling_count > 1) {
        siblings(x + themes.scaled(6), y);
    }
    return result;
}

void paintTurnFrame(QPainter& painter, const TranscriptDocument& document, int turn, QPoint origin,
                    const TurnPaintState& state) {
    const Turn& value = document.turn(turn);
    const TurnGeometry& box = document.geometry(turn);
    const ThemeManager& themes = *document.style().themes;
    const QPoint at = origin + QPoint(0, document.top(turn));
    painter.setRenderHint(QPainter::Antialiasing);
    if (!box.card.isNull()) {
        painter.setPen(state.focused ? QPen(themes.color(Role::Focus), 2) : QPen(themes.color(Role::Line)));
        painter.setBrush(themes.color(Role::Raised));
        painter.drawRoundedRect(QRectF(box.card.translated(at)).adjusted(0.5, 0.5, -0.5, -0.5),
                                metrics::kCardRadius, metrics::kCardRadius);
    } else if (state.focused) {
        painter.setPen(QPen(themes.color(Role::Focus), 2));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(QRectF(0, box.header.top(), document.width(), box.height - box.header.top() - 4)
                                    .translated(at)
                                    .adjusted(-4, 0, 4, 0),
                                metrics::kCardRadius, metrics::kCardRadius);
    }
    const QRect header = box.header.translated(at);
    int x = drawPiece(painter, header, header.left(), themes.uiFont(12.5, QFont::DemiBold),
                      themes.color(Role::Text), turnTitle(value));
    x += themes.scaled(8);
    const QString beside = value.role == TurnRole::Assistant ? value.sampler_summary : userFigures(value);
    drawPiece(painter, header, x, themes.uiFont(12), themes.color(Role::Muted), beside);
    if (!box.thinking_row.isNull()) {
        paintThinking(painter, document, turn, box.thinking_row.translated(at),
                      state.hovered == TurnAction::ToggleThinking);
        if (document.thinkingOpen(turn)) {
            const int height = box.body_top - box.thinking_top - themes.scaled(6);
            painter.fillRect(QRect(at.x() + 4, at.y() + box.thinking_top, 2, height), themes.color(Role::Line));
        }
    }
    if (!box.note.isNull()) {
        drawPiece(painter, box.note.translated(at), at.x() + box.note.left(), themes.uiFont(12),
                  themes.color(value.state == TurnState::Cut ? Role::Warn : Role::Muted), value.note);
    }
    for (const TurnButton& button : document.buttons(turn)) {
        if (button.action != TurnAction::ToggleThinking) {
            paintButton(painter, button, origin, themes, state);
        }
    }
    if (!box.actions.isNull()) {
        painter.setFont(themes.uiFont(12));
        painter.setPen(themes.color(Role::Muted));
        painter.drawText(box.actions.translated(at).adjusted(0, 0, -2, 0), Qt::AlignRight | Qt::AlignVCenter,
                         tokenFigures(document, turn));
    }
}

} // namespace fulgurite
