// SPDX-License-Identifier: GPL-3.0-or-later
// Pointer and keyboard of charts and maps.
#include "ui/charts/plot_view.h"

#include <QApplication>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QWheelEvent>

#include <cmath>
#include <utility>

namespace fulgurite {
namespace {

constexpr double kKeyZoom = 1.5;
constexpr double kKeyPan = 0.15; // of the visible part
// One notch of a wheel (120 units) is a factor of 1.25.
constexpr double kWheelBase = 1.001861;

} // namespace

void PlotView::mousePressEvent(QMouseEvent* event) {
    if (event->button() == Qt::LeftButton || event->button() == Qt::MiddleButton) {
        pressed_ = event->position();
        dragging_ = false;
    }
}

void PlotView::drag(QPointF to) {
    const QPointF moved = to - *pressed_;
    const QPointF units = unitsPerPixel();
    panBy({-moved.x() * units.x(), -moved.y() * units.y()});
    pressed_ = to;
}

void PlotView::mouseMoveEvent(QMouseEvent* event) {
    const QPointF at = event->position();
    if (pressed_ && (event->buttons() & (Qt::LeftButton | Qt::MiddleButton))) {
        if (!dragging_ && !fitted() && (at - *pressed_).manhattanLength() >= QApplication::startDragDistance()) {
            dragging_ = true;
            setCursor(Qt::ClosedHandCursor);
        }
        if (dragging_) {
            drag(at);
            return;
        }
    }
    const bool inside = plotRect().contains(at);
    pointer_ = inside ? std::optional(at) : std::nullopt;
    emit hovered(inside ? std::optional(toData(at)) : std::nullopt);
    update();
}

void PlotView::mouseReleaseEvent(QMouseEvent* event) {
    const std::optional<QPointF> pressed = std::exchange(pressed_, {});
    if (std::exchange(dragging_, false)) {
        unsetCursor();
        update();
        return;
    }
    if (pressed && event->button() == Qt::LeftButton && plotRect().contains(event->position())) {
        clicked(toData(event->position()), event->modifiers());
    }
}

void PlotView::mouseDoubleClickEvent(QMouseEvent* event) {
    if (event->button() == Qt::LeftButton && !fitted()) {
        fit();
    }
}

void PlotView::wheelEvent(QWheelEvent* event) {
    const QPoint delta = event->angleDelta();
    if (!plotRect().contains(event->position()) || zoomable_ == Qt::Orientations()) {
        event->ignore(); // what the view stands in may scroll
        return;
    }
    event->accept();
    // Two-finger scrolling to the side, and Shift with a wheel, pan.
    if (event->modifiers().testFlag(Qt::ShiftModifier) || std::abs(delta.x()) > std::abs(delta.y())) {
        const double step = std::abs(delta.x()) > std::abs(delta.y()) ? delta.x() : delta.y();
        panBy({-step * unitsPerPixel().x(), 0});
        return;
    }
    zoomAt(toData(event->position()), std::pow(kWheelBase, delta.y()));
}

void PlotView::leaveEvent(QEvent*) {
    pointer_.reset();
    emit hovered({});
    update();
}

void PlotView::focusInEvent(QFocusEvent* event) {
    QWidget::focusInEvent(event);
    update();
}

void PlotView::focusOutEvent(QFocusEvent* event) {
    QWidget::focusOutEvent(event);
    update();
}

bool PlotView::zoomKey(const QKeyEvent* event) {
    const QPointF centre = walkPoint().value_or(range_.center());
    const QPointF step(range_.width() * kKeyPan, range_.height() * kKeyPan * (y_up_ ? -1 : 1));
    const bool shift = event->modifiers().testFlag(Qt::ShiftModifier);
    switch (event->key()) {
    case Qt::Key_F:
        fit();
        return true;
    case Qt::Key_Plus:
    case Qt::Key_Equal:
        zoomAt(range_.contains(centre) ? centre : range_.center(), kKeyZoom);
        return true;
    case Qt::Key_Minus:
        zoomAt(range_.contains(centre) ? centre : range_.center(), 1 / kKeyZoom);
        return true;
    case Qt::Key_T:
        showTable();
        return true;
    case Qt::Key_Left:
    case Qt::Key_Right:
        if (shift) {
            panBy({event->key() == Qt::Key_Left ? -step.x() : step.x(), 0});
        }
        return shift;
    case Qt::Key_Up:
    case Qt::Key_Down:
        if (shift) {
            panBy({0, event->key() == Qt::Key_Up ? -step.y() : step.y()});
        }
        return shift;
    default:
        return false;
    }
}

void PlotView::keyPressEvent(QKeyEvent* event) {
    if (event->matches(QKeySequence::Copy)) {
        copyData();
    } else if (event->key() == Qt::Key_C && event->modifiers() == (Qt::ControlModifier | Qt::ShiftModifier)) {
        copyPicture();
    } else if (event->modifiers() & (Qt::ControlModifier | Qt::AltModifier)) {
        if (!walk(event)) {
            QWidget::keyPressEvent(event);
        }
    } else if (!zoomKey(event) && !walk(event)) {
        QWidget::keyPressEvent(event);
    }
}

} // namespace fulgurite
