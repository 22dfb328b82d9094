// SPDX-License-Identifier: GPL-3.0-or-later
// Pointer, keyboard and table of the token text.
#include "ui/base/format.h"
#include "ui/charts/scales.h"
#include "ui/inspect/captured_texts.h"
#include "ui/inspect/token_text.h"

#include <QInputDialog>
#include <QKeyEvent>
#include <QLocale>
#include <QMenu>
#include <QWheelEvent>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace fulgurite {
namespace {

constexpr double kLinesPerNotch = 1;
constexpr std::size_t kNearEdge = 150; // tokens from the end of what is laid out at which more is laid out

} // namespace

QString TokenText::tokenValue(std::size_t token) const {
    const capture::CapturedToken* known = texts_.token(token);
    QString value = QStringLiteral("“%1”  %2")
                        .arg(readableToken(texts_.text(token)), grouped(static_cast<std::int64_t>(token)));
    if (known) {
        value += u'\n' + tr("token id %1").arg(known->id);
        if (!std::isnan(known->logprob)) {
            value += tr(", surprise %1 bits").arg(QLocale().toString(-known->logprob / std::numbers::ln2, 'f', 2));
        }
    }
    const std::optional<std::size_t> query = selection_.state().query;
    if (query && token <= *query) {
        value += u'\n' + tr("%1 back").arg(grouped(static_cast<std::int64_t>(*query - token)));
        if (rate_ > 0) {
            const double left = capture::weightAt(rate_, static_cast<double>(*query - token));
            value += tr(", decay leaves %1 %").arg(QLocale().toString(100 * left, 'g', 3));
        }
        if (row_ && token < row_->weight.size()) {
            const bool softmax = row_->kind == LayerKind::Softmax;
            value += u'\n' + (softmax ? tr("probability %1").arg(QLocale().toString(row_->weight[token], 'g', 3))
                                      : tr("weight %1 = q·k %2 × decay")
                                            .arg(signedText(row_->weight[token]), signedText(row_->score[token])));
        }
    }
    return value;
}

QString TokenText::valueAt(QPointF data) const {
    const QPointF at = toPixel(data);
    const auto token = tokenAt(at);
    return token ? tokenValue(*token) : QString();
}

void TokenText::clicked(QPointF data, Qt::KeyboardModifiers modifiers) {
    const auto token = tokenAt(toPixel(data));
    if (!token) {
        return;
    }
    const auto query = selection_.state().query;
    if (modifiers.testFlag(Qt::ControlModifier) || !query || *token > *query) {
        selection_.setQuery(token);
    } else {
        selection_.setSource(token);
    }
}

void TokenText::step(bool query, std::ptrdiff_t by) {
    if (tokens_ == 0) {
        return;
    }
    const InspectState& state = selection_.state();
    const std::size_t last = tokens_ - 1;
    const std::size_t most = query ? last : state.query.value_or(last);
    const std::size_t now = query ? state.query.value_or(last) : state.source.value_or(most);
    const auto wanted = static_cast<std::ptrdiff_t>(now) + by;
    const auto token =
        static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(wanted, 0, static_cast<std::ptrdiff_t>(most)));
    if (query) {
        selection_.setQuery(token, true);
    } else {
        selection_.setSource(token, true);
    }
    announce(tokenValue(token));
}

bool TokenText::walk(QKeyEvent* event) {
    if (event->modifiers().testFlag(Qt::AltModifier)) {
        return false;
    }
    const bool query = event->modifiers().testFlag(Qt::ControlModifier);
    const auto all = static_cast<std::ptrdiff_t>(tokens_);
    switch (event->key()) {
    case Qt::Key_Left:
        step(query, -1);
        return true;
    case Qt::Key_Right:
        step(query, 1);
        return true;
    case Qt::Key_PageUp:
        step(query, -32);
        return true;
    case Qt::Key_PageDown:
        step(query, 32);
        return true;
    case Qt::Key_Home:
        step(query, -all);
        return true;
    case Qt::Key_End:
        step(query, all);
        return true;
    case Qt::Key_G:
        goTo();
        return true;
    case Qt::Key_Return:
    case Qt::Key_Enter:
        if (selection_.state().source) {
            selection_.setQuery(selection_.state().source);
        }
        return true;
    default:
        return false;
    }
}

void TokenText::goTo() {
    if (tokens_ == 0) {
        return;
    }
    bool ok = false;
    const int last = static_cast<int>(std::min<std::size_t>(tokens_ - 1, std::numeric_limits<int>::max()));
    const int now = static_cast<int>(selection_.state().query.value_or(static_cast<std::size_t>(last)));
    const int token = QInputDialog::getInt(this, tr("Go to a token"),
                                           tr("Position of the query, 0 to %1").arg(last), now, 0, last, 1, &ok);
    if (ok) {
        selection_.setQuery(static_cast<std::size_t>(token));
    }
}

void TokenText::addToMenu(QMenu& menu) {
    const auto token = pointer() ? tokenAt(*pointer()) : std::nullopt;
    if (token) {
        const QString text = readableToken(texts_.text(*token));
        menu.addAction(tr("Query from “%1”").arg(text), this, [this, token] { selection_.setQuery(token); });
        const auto query = selection_.state().query;
        menu.addAction(tr("Source “%1”").arg(text), this, [this, token] { selection_.setSource(token); })
            ->setEnabled(query && *token <= *query);
    }
    menu.addAction(tr("Go to a token…\tG"), this, &TokenText::goTo);
}

void TokenText::resizeEvent(QResizeEvent* event) {
    PlotView::resizeEvent(event);
    setFullRange({0, 0, std::max(1.0, width() * 1.0), std::max(1.0, height() * 1.0)}, {});
    const std::size_t shown = selection_.state().query.value_or(anchor_);
    stale_layout_ = true;
    placeScroll(shown);
}

void TokenText::wheelEvent(QWheelEvent* event) {
    const double before = scroll_;
    kept_.reset();
    const double most = std::max(0.0, lines_ * lineHeight() - height());
    scroll_ = std::clamp(scroll_ - event->angleDelta().y() / 120.0 * kLinesPerNotch * lineHeight(), 0.0, most);
    event->accept();
    if (scroll_ == before && (before == 0 ? first_ == 0 : first_ + pieces_.size() >= tokens_)) {
        return;
    }
    // Near an end of what is laid out: lay out around what shows, and keep that in its place.
    const auto [low, high] = visible();
    if ((first_ > 0 && low < first_ + kNearEdge) ||
        (high + kNearEdge > first_ + pieces_.size() && high + 1 < tokens_)) {
        const std::size_t keep = (low + high) / 2;
        const QRectF was = tokenRect(keep);
        anchor_ = std::min(tokens_ - 1, keep + 400);
        layOut();
        scroll_ = std::clamp(scroll_ + tokenRect(keep).top() - was.top(), 0.0,
                             std::max(0.0, lines_ * lineHeight() - height()));
    }
    invalidatePlot();
    emit visibleChanged();
}

TableTwin TokenText::table() const {
    TableTwin twin;
    twin.title = name();
    twin.columns = {tr("Position"), tr("Token"), tr("Id"),     tr("Surprise, bits"),
                    tr("q·k"),      tr("Decay"), tr("Weight"), tr("Share")};
    twin.rows = static_cast<int>(tokens_);
    twin.cell = [texts = texts_.snapshot(), row = row_](int index, int column) -> QVariant {
        const auto token = static_cast<std::size_t>(index);
        const capture::CapturedToken* known = texts.token(token);
        const auto figure = [token](const std::vector<float>& values) {
            return token < values.size() ? QVariant(static_cast<double>(values[token])) : QVariant();
        };
        switch (column) {
        case 0:
            return index;
        case 1:
            return texts.text(token);
        case 2:
            return known ? QVariant(known->id) : QVariant();
        case 3:
            return known ? QVariant(-known->logprob / std::numbers::ln2) : QVariant();
        case 4:
            return row ? figure(row->score) : QVariant();
        case 5:
            return row ? figure(row->decay) : QVariant();
        case 6:
            return row ? figure(row->weight) : QVariant();
        default:
            return row ? figure(row->share) : QVariant();
        }
    };
    twin.current = static_cast<int>(selection_.state().query.value_or(0));
    return twin;
}

} // namespace fulgurite
