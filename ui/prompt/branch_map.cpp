// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/branch_map.h"

#include "ui/base/csv.h"
#include "ui/base/format.h"

#include <QAccessible>
#include <QApplication>
#include <QClipboard>
#include <QContextMenuEvent>
#include <QHBoxLayout>
#include <QHelpEvent>
#include <QKeyEvent>
#include <QLabel>
#include <QMenu>
#include <QPainter>
#include <QPainterPath>
#include <QToolTip>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

constexpr double kNodeWidth = 104;
constexpr double kNodeHeight = 42;
constexpr double kColumn = 110;
constexpr double kRow = 60;
constexpr double kPadding = 10;
constexpr double kLeastZoom = 0.15;
constexpr double kMostZoom = 2;

} // namespace

BranchMap::BranchMap(const ThemeManager& themes, QWidget* parent) : QWidget(parent), themes_(themes) {
    setFocusPolicy(Qt::StrongFocus);
    setMouseTracking(true);
    setAccessibleName(tr("Branch map"));
    connect(&themes_, &ThemeManager::changed, this, [this] { update(); });
}

QSize BranchMap::sizeHint() const {
    return {324, 296};
}

void BranchMap::setNodes(const QList<BranchNode>& nodes) {
    const std::int64_t before = selected();
    const bool same_shape =
        nodes.size() == nodes_.size() &&
        std::equal(nodes.begin(), nodes.end(), nodes_.begin(),
                   [](const auto& a, const auto& b) { return a.id == b.id && a.parent == b.parent; });
    nodes_ = nodes;
    if (!same_shape) {
        places_ = layOutBranches(nodes_);
    }
    selected_ = -1;
    for (int i = 0; i < nodes_.size(); ++i) {
        if (nodes_[i].id == before || (selected_ < 0 && before == 0 && nodes_[i].current)) {
            selected_ = i;
        }
    }
    if (fitted_ && !same_shape) {
        fit();
    }
    setAccessibleDescription(tr("%1 nodes. Arrow keys walk, Enter opens.").arg(nodes_.size()));
    update();
}

std::int64_t BranchMap::selected() const {
    return selected_ >= 0 && selected_ < nodes_.size() ? nodes_[selected_].id : 0;
}

void BranchMap::select(std::int64_t id) {
    for (int i = 0; i < nodes_.size(); ++i) {
        if (nodes_[i].id == id) {
            setSelected(i, false);
        }
    }
}

QSizeF BranchMap::treeSize() const {
    double right = 0;
    double bottom = 0;
    for (const BranchPlace& place : places_) {
        right = std::max(right, place.column * kColumn + kNodeWidth);
        bottom = std::max(bottom, place.depth * kRow + kNodeHeight);
    }
    return {right, bottom};
}

// Shows all when that stays readable; a larger tree is shown at its current node and can be panned.
void BranchMap::fit() {
    fitted_ = true;
    const QSizeF tree = treeSize();
    if (tree.isEmpty()) {
        return;
    }
    const double all = std::min((width() - 2 * kPadding) / tree.width(), (height() - 2 * kPadding) / tree.height());
    zoom_ = std::clamp(all, 0.62, 1.0) * themes_.fontScale();
    const QSizeF shown = tree * zoom_;
    offset_ = QPointF(std::max(kPadding, (width() - shown.width()) / 2), kPadding);
    if (shown.width() + 2 * kPadding > width() || shown.height() + 2 * kPadding > height()) {
        for (int i = 0; i < nodes_.size(); ++i) {
            if (nodes_[i].current) {
                reveal(i);
            }
        }
    }
    update();
}

QRectF BranchMap::nodeRect(int index) const {
    const BranchPlace& place = places_[static_cast<std::size_t>(index)];
    return QRectF(offset_.x() + place.column * kColumn * zoom_, offset_.y() + place.depth * kRow * zoom_,
                  kNodeWidth * zoom_, kNodeHeight * zoom_);
}

int BranchMap::nodeAt(QPointF point) const {
    for (int i = 0; i < nodes_.size(); ++i) {
        if (nodeRect(i).contains(point)) {
            return i;
        }
    }
    return -1;
}

void BranchMap::reveal(int index) {
    const QRectF rect = nodeRect(index).adjusted(-kPadding, -kPadding, kPadding, kPadding);
    const double dx = rect.left() < 0 ? -rect.left() : rect.right() > width() ? width() - rect.right() : 0;
    const double dy = rect.top() < 0 ? -rect.top() : rect.bottom() > height() ? height() - rect.bottom() : 0;
    offset_ += QPointF(dx, dy);
}

void BranchMap::setSelected(int index, bool announce) {
    selected_ = index;
    if (index >= 0) {
        reveal(index);
        const BranchNode& node = nodes_[index];
        const QString cost = node.reentry_seconds < 0 ? tr("cost not known") : reentryText(node);
        setAccessibleDescription(tr("%1, %2 tokens, %3").arg(node.label, grouped(node.tokens), cost));
        QAccessibleEvent event(this, QAccessible::DescriptionChanged);
        QAccessible::updateAccessibility(&event);
        if (announce) {
            emit previewRequested(node.id);
        }
    }
    update();
}

void BranchMap::walk(int key) {
    if (nodes_.isEmpty()) {
        return;
    }
    if (selected_ < 0) {
        setSelected(0, true);
        return;
    }
    const BranchPlace& place = places_[static_cast<std::size_t>(selected_)];
    int target = -1;
    if (key == Qt::Key_Up) {
        target = place.parent;
    } else if (key == Qt::Key_Down && !place.children.empty()) {
        target = place.children.front();
        for (const int child : place.children) {
            target = nodes_[child].on_path ? child : target;
        }
    } else if (key == Qt::Key_Left || key == Qt::Key_Right) {
        // The nearest node of the same depth on that side, whatever its parent.
        double best = 0;
        for (int i = 0; i < nodes_.size(); ++i) {
            const BranchPlace& other = places_[static_cast<std::size_t>(i)];
            const double distance = (other.column - place.column) * (key == Qt::Key_Right ? 1 : -1);
            if (other.depth == place.depth && distance > 0 && (target < 0 || distance < best)) {
                target = i;
                best = distance;
            }
        }
    }
    if (target >= 0) {
        setSelected(target, true);
    }
}

void BranchMap::zoomAt(QPointF point, double factor) {
    const double next = std::clamp(zoom_ * factor, kLeastZoom, kMostZoom);
    offset_ = point + (offset_ - point) * (next / zoom_);
    zoom_ = next;
    fitted_ = false;
    update();
}

void BranchMap::paintEdges(QPainter& painter) const {
    // The current line last, so that nothing crosses it.
    for (const bool path : {false, true}) {
        painter.setPen(QPen(themes_.color(path ? Role::Lightning : Role::Faint), path ? 2 : 1.5));
        for (int i = 0; i < nodes_.size(); ++i) {
            const int parent = places_[static_cast<std::size_t>(i)].parent;
            if (parent < 0 || nodes_[i].on_path != path) {
                continue;
            }
            const QRectF from = nodeRect(parent);
            const QRectF to = nodeRect(i);
            const double middle = (from.bottom() + to.top()) / 2;
            painter.drawPolyline(QPolygonF{QPointF(from.center().x(), from.bottom()),
                                           QPointF(from.center().x(), middle), QPointF(to.center().x(), middle),
                                           QPointF(to.center().x(), to.top())});
        }
    }
}

void BranchMap::paintNode(QPainter& painter, int index) const {
    const BranchNode& node = nodes_[index];
    const QRectF rect = nodeRect(index);
    if (!rect.intersects(QRectF(this->rect()))) {
        return;
    }
    QPen frame(themes_.color(node.current ? Role::Accent : Role::Line), node.current ? 1.5 : 1);
    if (!node.snapshot_held && !node.progress) {
        frame.setStyle(Qt::DashLine);
        frame.setColor(themes_.color(Role::Faint));
    }
    painter.setPen(frame);
    painter.setBrush(themes_.color(node.current         ? Role::Selection
                                   : node.snapshot_held ? Role::Raised
                                                        : Role::Panel));
    const double radius = 5 * zoom_;
    painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), radius, radius);
    if (index == selected_) {
        painter.setPen(QPen(themes_.color(Role::Focus), hasFocus() ? 2 : 1));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(rect.adjusted(-2, -2, 2, 2), radius + 2, radius + 2);
    }
    const Role mark = node.current ? Role::Accent : node.snapshot_held ? Role::Lightning : Role::Muted;
    painter.setPen(QPen(themes_.color(mark), 1.5));
    painter.setBrush(node.snapshot_held || node.current ? QBrush(themes_.color(mark)) : QBrush(Qt::NoBrush));
    const double line = kNodeHeight / 2 * zoom_;
    painter.drawEllipse(QPointF(rect.left() + 12 * zoom_, rect.top() + line * 0.62), 3.6 * zoom_, 3.6 * zoom_);
    if (zoom_ < 0.45) {
        return; // words would be too small to read; the tooltip has them
    }
    const QRectF first =
        QRectF(rect.left() + 21 * zoom_, rect.top() + 3 * zoom_, rect.width() - 28 * zoom_, line - 2 * zoom_);
    const QRectF second = first.translated(0, line - 2 * zoom_);
    QFont strong = themes_.uiFont(11.5, QFont::DemiBold);
    QFont small = themes_.uiFont(10.5);
    strong.setPixelSize(std::max(7, static_cast<int>(11.5 * zoom_)));
    small.setPixelSize(std::max(7, static_cast<int>(10.5 * zoom_)));
    const QString size =
        node.progress ? QStringLiteral("%1 %").arg(std::lround(*node.progress * 100)) : compactCount(node.tokens);
    painter.setFont(small);
    painter.setPen(themes_.color(Role::Muted));
    painter.drawText(first, Qt::AlignRight | Qt::AlignVCenter, size);
    painter.drawText(second, Qt::AlignLeft | Qt::AlignVCenter, reentryText(node));
    const double left = first.width() - QFontMetricsF(small).horizontalAdvance(size) - 4;
    painter.setFont(strong);
    painter.setPen(themes_.color(Role::Text));
    painter.drawText(first, Qt::AlignLeft | Qt::AlignVCenter,
                     QFontMetricsF(strong).elidedText(node.label, Qt::ElideRight, left));
}

void BranchMap::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    if (nodes_.isEmpty()) {
        painter.setFont(themes_.uiFont(12));
        painter.setPen(themes_.color(Role::Muted));
        painter.drawText(
            rect().adjusted(12, 12, -12, -12), Qt::AlignHCenter | Qt::AlignTop | Qt::TextWordWrap,
            tr("Nothing here yet. Editing a message, answering again or choosing another token makes a branch."));
        return;
    }
    paintEdges(painter);
    for (int i = 0; i < nodes_.size(); ++i) {
        paintNode(painter, i);
    }
}

void BranchMap::mousePressEvent(QMouseEvent* event) {
    drag_from_ = event->position();
    dragging_ = false;
    if (const int node = nodeAt(event->position()); node >= 0 && event->button() == Qt::LeftButton) {
        setSelected(node, true);
    }
}

void BranchMap::mouseMoveEvent(QMouseEvent* event) {
    if ((event->buttons() & (Qt::LeftButton | Qt::MiddleButton)) == 0) {
        setCursor(nodeAt(event->position()) >= 0 ? Qt::PointingHandCursor : Qt::OpenHandCursor);
        return;
    }
    const QPointF moved = event->position() - drag_from_;
    if (dragging_ || moved.manhattanLength() >= QApplication::startDragDistance()) {
        dragging_ = true;
        fitted_ = false;
        offset_ += moved;
        drag_from_ = event->position();
        setCursor(Qt::ClosedHandCursor);
        update();
    }
}

void BranchMap::mouseReleaseEvent(QMouseEvent*) {
    dragging_ = false;
}

void BranchMap::mouseDoubleClickEvent(QMouseEvent* event) {
    if (const int node = nodeAt(event->position()); node >= 0) {
        emit openRequested(nodes_[node].id);
    } else {
        fit();
    }
}

void BranchMap::wheelEvent(QWheelEvent* event) {
    zoomAt(event->position(), std::pow(1.0015, event->angleDelta().y()));
    event->accept();
}

void BranchMap::resizeEvent(QResizeEvent*) {
    if (fitted_) {
        fit();
    }
}

void BranchMap::keyPressEvent(QKeyEvent* event) {
    const QPointF centre(width() / 2.0, height() / 2.0);
    switch (event->key()) {
    case Qt::Key_Up:
    case Qt::Key_Down:
    case Qt::Key_Left:
    case Qt::Key_Right:
        walk(event->key());
        break;
    case Qt::Key_Return:
    case Qt::Key_Enter:
        if (selected() != 0) {
            emit openRequested(selected());
        }
        break;
    case Qt::Key_Delete:
        if (selected() != 0) {
            emit removeRequested(selected());
        }
        break;
    case Qt::Key_F2:
        if (selected() != 0) {
            emit renameRequested(selected());
        }
        break;
    case Qt::Key_F:
        fit();
        break;
    case Qt::Key_Plus:
    case Qt::Key_Equal:
        zoomAt(centre, 1.2);
        break;
    case Qt::Key_Minus:
        zoomAt(centre, 1 / 1.2);
        break;
    default:
        QWidget::keyPressEvent(event);
    }
}

void BranchMap::contextMenuEvent(QContextMenuEvent* event) {
    if (const int node = event->reason() == QContextMenuEvent::Mouse ? nodeAt(event->pos()) : selected_;
        node >= 0) {
        setSelected(node, false);
    }
    QMenu menu(this);
    const std::int64_t id = selected();
    const auto add = [&](const QString& text, auto&& run, bool enabled = true) {
        menu.addAction(text, this, run)->setEnabled(enabled);
    };
    add(
        tr("Open"), [this, id] { emit openRequested(id); }, id != 0);
    add(
        tr("Rename…"), [this, id] { emit renameRequested(id); }, id != 0);
    add(
        tr("Remove this branch"), [this, id] { emit removeRequested(id); }, id != 0);
    menu.addSeparator();
    add(tr("Show all (F)"), [this] { fit(); });
    add(tr("Copy as text"), [this] { QApplication::clipboard()->setText(asText()); });
    add(tr("Copy picture"), [this] { QApplication::clipboard()->setPixmap(grab()); });
    add(tr("Save as CSV…"), [this] { saveCsv(this, QStringLiteral("branches.csv"), asCsv()); });
    menu.exec(event->globalPos());
}

bool BranchMap::event(QEvent* event) {
    if (event->type() == QEvent::ShortcutOverride) {
        // The selected node's, though the window may have the same keys for the conversation.
        const auto* key = static_cast<QKeyEvent*>(event);
        if (key->modifiers() == Qt::NoModifier && selected() != 0 &&
            (key->key() == Qt::Key_F2 || key->key() == Qt::Key_Delete)) {
            event->accept();
            return true;
        }
    }
    if (event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event);
        if (const int index = nodeAt(help->pos()); index >= 0) {
            const BranchNode& node = nodes_[index];
            const QString cost =
                node.reentry_seconds < 0 ? tr("what it costs to go on there is not known")
                : node.reentry_tokens > 0
                    ? tr("%1; %2 tokens to compute").arg(reentryText(node), grouped(node.reentry_tokens))
                    : reentryText(node);
            QString text = tr("%1, %2 tokens\n%3").arg(node.label, grouped(node.tokens), cost);
            text += node.tooltip.isEmpty() ? QString() : u'\n' + node.tooltip;
            QToolTip::showText(help->globalPos(), text, this);
        } else {
            QToolTip::hideText();
        }
        return true;
    }
    return QWidget::event(event);
}

QString BranchMap::asText() const {
    QString text;
    std::vector<int> stack;
    for (int i = static_cast<int>(nodes_.size()) - 1; i >= 0; --i) {
        if (places_[static_cast<std::size_t>(i)].parent < 0) {
            stack.push_back(i);
        }
    }
    while (!stack.empty()) {
        const int index = stack.back();
        stack.pop_back();
        const BranchNode& node = nodes_[index];
        const BranchPlace& place = places_[static_cast<std::size_t>(index)];
        text += QString(place.depth * 2, u' ') + QLatin1String(node.current ? "* " : "- ") + node.label +
                QStringLiteral(" (%1 tokens, %2)\n").arg(node.tokens).arg(reentryText(node));
        stack.insert(stack.end(), place.children.rbegin(), place.children.rend());
    }
    return text;
}

QString BranchMap::asCsv() const {
    QString csv = csvLine({QStringLiteral("id"), QStringLiteral("parent"), QStringLiteral("label"),
                           QStringLiteral("tokens"), QStringLiteral("current_line"), QStringLiteral("snapshot"),
                           QStringLiteral("reentry_tokens"), QStringLiteral("reentry_seconds")});
    for (const BranchNode& node : nodes_) {
        csv += csvLine({QString::number(node.id), QString::number(node.parent), node.label,
                        QString::number(node.tokens), QString::number(node.on_path),
                        QString::number(node.snapshot_held),
                        node.reentry_tokens < 0 ? QString() : QString::number(node.reentry_tokens),
                        node.reentry_seconds < 0 ? QString() : csvNumber(node.reentry_seconds)});
    }
    return csv;
}

BranchPanel::BranchPanel(ThemeManager& themes, QWidget* parent)
    : QWidget(parent), map_(new BranchMap(themes, this)), summary_(new QLabel(this)) {
    auto* title = new QLabel(tr("Branch map"), this);
    title->setProperty("tone", "heading");
    summary_->setProperty("tone", "small");
    auto* head = new QHBoxLayout;
    head->setContentsMargins(12, 8, 12, 4);
    head->addWidget(title);
    head->addStretch(1);
    head->addWidget(summary_);
    auto* legend = new QLabel(tr("● snapshot held   ○ evicted, replays   Enter opens · Del, Ctrl+Z"), this);
    legend->setProperty("tone", "small");
    legend->setAlignment(Qt::AlignCenter);
    auto* rule = new QFrame(this);
    rule->setProperty("surface", "rule");
    rule->setFixedHeight(1);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 6);
    column->setSpacing(4);
    column->addLayout(head);
    column->addWidget(map_, 1);
    column->addWidget(rule);
    column->addWidget(legend);
}

void BranchPanel::setSummary(const QString& summary) {
    summary_->setText(summary);
}

} // namespace fulgurite
