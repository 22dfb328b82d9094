// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/head_grid.h"

#include <QKeyEvent>
#include <QMenu>
#include <QMouseEvent>
#include <QPainter>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

constexpr int kColumns = 8;
constexpr int kCellHeight = 20;
constexpr double kSpace = 4;

} // namespace

HeadGrid::HeadGrid(ThemeManager& themes, RetrieveSession& session, QWidget* parent)
    : PlotView(themes, tr("Heads"), parent), session_(session) {
    setMargins({10, 4, 10, 4});
    setAccessibleDescription(tr("Arrows walk, Space switches a head, S hears it alone."));
    connect(&session_.heads(), &HeadChoice::changed, this, &HeadGrid::reset);
    connect(&session_, &RetrieveSession::headChanged, this, qOverload<>(&QWidget::update));
    reset();
}

int HeadGrid::columns() const {
    return std::clamp(heads(), 1, kColumns);
}

int HeadGrid::rows() const {
    return std::max(1, (heads() + columns() - 1) / columns());
}

void HeadGrid::reset() {
    setFullRange({0, 0, columns() * 1.0, rows() * 1.0}, Qt::Orientations());
    updateGeometry();
    invalidatePlot();
}

QSize HeadGrid::sizeHint() const {
    return {themes().scaled(kColumns * 24 + 20),
            static_cast<int>(rows() * (themes().scaled(kCellHeight) + kSpace)) + themes().scaled(8)};
}

void HeadGrid::setStatistics(std::shared_ptr<const client::HeadStatistics> statistics) {
    statistics_ = std::move(statistics);
    invalidatePlot();
}

void HeadGrid::setNamed(const std::vector<std::size_t>& heads, const QColor& color) {
    named_ = heads;
    ring_ = color;
    update();
}

int HeadGrid::headAt(QPointF data) const {
    const int column = static_cast<int>(std::floor(data.x()));
    const int row = static_cast<int>(std::floor(data.y()));
    const int head = row * columns() + column;
    return column >= 0 && column < columns() && row >= 0 && head < heads() ? head : -1;
}

QRectF HeadGrid::cell(int head) const {
    const QPointF corner(head % columns(), head / columns());
    return QRectF(toPixel(corner), toPixel(corner + QPointF(1, 1)))
        .adjusted(kSpace / 2, kSpace / 2, -kSpace / 2, -kSpace / 2);
}

double HeadGrid::score(int head) const {
    if (!statistics_ || static_cast<std::size_t>(head) >= statistics_->scores.size()) {
        return 0;
    }
    const double most = *std::max_element(statistics_->scores.begin(), statistics_->scores.end());
    return most > 0 ? std::max(0.0, statistics_->scores[static_cast<std::size_t>(head)]) / most : 0;
}

void HeadGrid::paintPlot(QPainter& painter) {
    painter.setRenderHint(QPainter::Antialiasing);
    for (int head = 0; head < heads(); ++head) {
        const bool on = session_.heads().isOn(static_cast<std::size_t>(head));
        const QRectF rect = cell(head);
        const double share = 0.12 + 0.68 * score(head);
        const QColor ground =
            on ? themes().theme().mix(Role::Raised, Role::Lightning, share) : themes().color(Role::Background);
        painter.setPen(QPen(on ? ground : themes().color(Role::Line), 1));
        painter.setBrush(ground);
        painter.drawRoundedRect(rect, 3, 3);
        const QColor light = themes().color(Role::Text);
        const QColor dark = themes().color(Role::Background);
        const QColor ink = contrastRatio(ground, light) >= contrastRatio(ground, dark) ? light : dark;
        QFont font = themes().uiFont(10.5, on ? QFont::DemiBold : QFont::Normal);
        font.setStrikeOut(!on);
        painter.setFont(font);
        painter.setPen(on ? ink : themes().color(Role::Muted));
        painter.drawText(rect, Qt::AlignCenter, QString::number(head));
    }
}

void HeadGrid::paintMarks(QPainter& painter) {
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setBrush(Qt::NoBrush);
    for (const std::size_t head : named_) {
        if (static_cast<int>(head) < heads()) {
            painter.setPen(QPen(ring_, 2));
            painter.drawRoundedRect(cell(static_cast<int>(head)), 3, 3);
        }
    }
    if (session_.head() >= 0 && session_.head() < heads()) {
        painter.setPen(QPen(themes().color(Role::Focus), 2));
        painter.drawRoundedRect(cell(session_.head()).adjusted(-2, -2, 2, 2), 4, 4);
    }
    painter.restore();
}

QString separationText(const client::HeadStatistics& statistics, int head) {
    const auto at = static_cast<std::size_t>(head);
    if (at >= statistics.separates.size() || statistics.separates[at].empty()) {
        return {};
    }
    const client::Separation& best = statistics.separates[at].front();
    return HeadGrid::tr("%1 for %2, standard %3")
        .arg(best.auc, 0, 'f', 2)
        .arg(QString::fromStdString(best.label))
        .arg(best.standard_auc, 0, 'f', 2);
}

QString HeadGrid::valueAt(QPointF data) const {
    const int head = headAt(data);
    if (head < 0) {
        return {};
    }
    QString text = tr("Head %1%2")
                       .arg(head)
                       .arg(session_.heads().isOn(static_cast<std::size_t>(head)) ? QString() : tr(", off"));
    const auto at = static_cast<std::size_t>(head);
    if (statistics_ && at < statistics_->scores.size()) {
        text += tr("\nscore %1 = length %2 × spread %3")
                    .arg(statistics_->scores[at], 0, 'g', 3)
                    .arg(statistics_->norms[at], 0, 'g', 3)
                    .arg(statistics_->spreads[at], 0, 'g', 3);
        if (const QString best = separationText(*statistics_, head); !best.isEmpty()) {
            text += tr("\nseparates best: AUC %1").arg(best);
        }
    }
    return text;
}

void HeadGrid::mousePressEvent(QMouseEvent* event) {
    const int head = plotRect().contains(event->position()) ? headAt(toData(event->position())) : -1;
    if (head < 0 || event->button() != Qt::LeftButton) {
        return;
    }
    session_.setHead(head);
    if (event->modifiers().testFlag(Qt::AltModifier)) {
        session_.heads().solo(static_cast<std::size_t>(head));
        return;
    }
    if (event->modifiers().testFlag(Qt::ControlModifier)) {
        return; // chosen, not switched
    }
    stroke_ = !session_.heads().isOn(static_cast<std::size_t>(head));
    session_.heads().paint(static_cast<std::size_t>(head), *stroke_);
}

void HeadGrid::mouseMoveEvent(QMouseEvent* event) {
    if (stroke_ && plotRect().contains(event->position())) {
        if (const int head = headAt(toData(event->position())); head >= 0) {
            session_.heads().paint(static_cast<std::size_t>(head), *stroke_);
        }
    }
    PlotView::mouseMoveEvent(event);
}

void HeadGrid::mouseReleaseEvent(QMouseEvent*) {
    if (std::exchange(stroke_, std::nullopt)) {
        session_.heads().endStroke();
    }
}

bool HeadGrid::walk(QKeyEvent* event) {
    if (heads() == 0) {
        return false;
    }
    int head = std::max(0, session_.head());
    switch (event->key()) {
    case Qt::Key_Left:
        --head;
        break;
    case Qt::Key_Right:
        ++head;
        break;
    case Qt::Key_Up:
        head -= columns();
        break;
    case Qt::Key_Down:
        head += columns();
        break;
    case Qt::Key_Home:
        head = 0;
        break;
    case Qt::Key_End:
        head = heads() - 1;
        break;
    case Qt::Key_Space:
        session_.heads().toggle(static_cast<std::size_t>(head));
        break;
    case Qt::Key_S:
        session_.heads().solo(static_cast<std::size_t>(head));
        break;
    default:
        return false;
    }
    if (head >= 0 && head < heads()) {
        session_.setHead(head);
        announce(valueAt({head % columns() + 0.5, head / columns() + 0.5}));
    }
    return true;
}

void HeadGrid::addToMenu(QMenu& menu) {
    const int head = session_.head();
    if (head < 0 || head >= heads()) {
        return;
    }
    menu.addAction(session_.heads().isOn(static_cast<std::size_t>(head)) ? tr("Switch head %1 off").arg(head)
                                                                         : tr("Switch head %1 on").arg(head),
                   this, [this, head] { session_.heads().toggle(static_cast<std::size_t>(head)); });
    menu.addAction(tr("Head %1 alone").arg(head), this,
                   [this, head] { session_.heads().solo(static_cast<std::size_t>(head)); });
}

TableTwin HeadGrid::table() const {
    return {.title = tr("Heads"),
            .columns = {tr("head"), tr("on"), tr("score"), tr("length"), tr("spread"), tr("separates best"),
                        tr("AUC"), tr("AUC of the standard vector")},
            .rows = heads(),
            .cell = [on = session_.heads().on(), statistics = statistics_](int row, int column) -> QVariant {
                const auto head = static_cast<std::size_t>(row);
                if (column == 0) {
                    return row;
                }
                if (column == 1) {
                    return on[head] != 0 ? tr("on") : tr("off");
                }
                if (!statistics || head >= statistics->scores.size()) {
                    return {};
                }
                if (column <= 4) {
                    return column == 2   ? statistics->scores[head]
                           : column == 3 ? statistics->norms[head]
                                         : statistics->spreads[head];
                }
                if (statistics->separates[head].empty()) {
                    return {};
                }
                const client::Separation& best = statistics->separates[head].front();
                return column == 5   ? QVariant(QString::fromStdString(best.label))
                       : column == 6 ? QVariant(best.auc)
                                     : QVariant(best.standard_auc);
            },
            .current = session_.head()};
}

} // namespace fulgurite
