// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/layer_strip.h"

#include "ui/base/theme_manager.h"

#include <QAccessible>
#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>

#include <algorithm>

namespace fulgurite {

LayerStrip::LayerStrip(ThemeManager& themes, QWidget* parent) : QWidget(parent), themes_(themes) {
    setFocusPolicy(Qt::StrongFocus);
    setFixedHeight(26);
    setAccessibleName(tr("Layer"));
    connect(&themes, &ThemeManager::changed, this, qOverload<>(&QWidget::update));
}

void LayerStrip::setLayers(const std::vector<std::string>& kinds, const std::vector<int>& stored) {
    kinds_ = kinds;
    stored_ = stored;
    std::sort(stored_.begin(), stored_.end());
    update();
}

void LayerStrip::setLayer(int layer) {
    layer_ = layer;
    setAccessibleDescription(describe(layer));
    update();
}

bool LayerStrip::isStored(int layer) const {
    return std::binary_search(stored_.begin(), stored_.end(), layer);
}

QString LayerStrip::describe(int layer) const {
    if (layer < 0 || layer >= static_cast<int>(kinds_.size())) {
        return {};
    }
    const QString kind = QString::fromStdString(kinds_[static_cast<std::size_t>(layer)]);
    return isStored(layer) ? tr("Layer %1, %2").arg(layer).arg(kind)
                           : tr("Layer %1, %2: its heads are not stored in this collection").arg(layer).arg(kind);
}

QRectF LayerStrip::cell(int layer) const {
    const double count = std::max<double>(1, static_cast<double>(kinds_.size()));
    const double step = std::min((width() - 8) / count, 16.0);
    return {4 + step * layer, 5, std::max(1.5, step - (step > 4 ? 3 : 0.5)), std::min(11.0, height() - 14.0)};
}

int LayerStrip::layerAt(double x) const {
    for (int layer = 0; layer < static_cast<int>(kinds_.size()); ++layer) {
        if (const QRectF rect = cell(layer); x >= rect.left() - 1.5 && x < rect.right() + 1.5) {
            return layer;
        }
    }
    return -1;
}

void LayerStrip::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    for (int layer = 0; layer < static_cast<int>(kinds_.size()); ++layer) {
        const bool softmax = kinds_[static_cast<std::size_t>(layer)] == "softmax";
        const QColor color = themes_.color(softmax ? Role::Softmax : Role::Lightning);
        const bool stored = isStored(layer);
        painter.setPen(QPen(color, 1));
        painter.setBrush(stored ? QBrush(color) : Qt::NoBrush);
        const QRectF rect = cell(layer);
        softmax&& rect.width() > 4 ? painter.drawEllipse(rect) : painter.drawRect(rect);
        if (layer == layer_) {
            painter.setPen(Qt::NoPen);
            painter.setBrush(themes_.color(Role::Accent));
            const double x = rect.center().x();
            painter.drawPolygon(QPolygonF{{QPointF(x, rect.bottom() + 2), QPointF(x + 4, rect.bottom() + 7),
                                           QPointF(x - 4, rect.bottom() + 7)}});
        }
    }
    if (hasFocus()) {
        painter.setPen(QPen(themes_.color(Role::Focus), 2));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(QRectF(rect()).adjusted(1, 1, -1, -1), 4, 4);
    }
}

void LayerStrip::choose(int layer) {
    if (layer == layer_ || !isStored(layer)) {
        return;
    }
    setLayer(layer);
    emit chosen(layer);
    QAccessibleEvent event(this, QAccessible::DescriptionChanged);
    QAccessible::updateAccessibility(&event);
}

void LayerStrip::mousePressEvent(QMouseEvent* event) {
    choose(layerAt(event->position().x()));
}

void LayerStrip::keyPressEvent(QKeyEvent* event) {
    const auto here = std::find(stored_.begin(), stored_.end(), layer_);
    if (event->key() == Qt::Key_Left && here != stored_.end() && here != stored_.begin()) {
        choose(*(here - 1));
    } else if (event->key() == Qt::Key_Right && here != stored_.end() && here + 1 != stored_.end()) {
        choose(*(here + 1));
    } else {
        QWidget::keyPressEvent(event);
    }
}

void LayerStrip::focusInEvent(QFocusEvent* event) {
    QWidget::focusInEvent(event);
    update();
}

void LayerStrip::focusOutEvent(QFocusEvent* event) {
    QWidget::focusOutEvent(event);
    update();
}

bool LayerStrip::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        auto* help = static_cast<QHelpEvent*>(event);
        QToolTip::showText(help->globalPos(), describe(layerAt(help->pos().x())), this);
        return true;
    }
    return QWidget::event(event);
}

} // namespace fulgurite
