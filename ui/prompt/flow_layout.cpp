// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/flow_layout.h"

#include <QWidget>

#include <algorithm>

namespace fulgurite {

FlowLayout::FlowLayout(QWidget* parent, int gap) : QLayout(parent), gap_(gap) {
    setContentsMargins(0, 0, 0, 0);
}

FlowLayout::~FlowLayout() {
    qDeleteAll(items_);
}

void FlowLayout::addItem(QLayoutItem* item) {
    items_.push_back(item);
}

QLayoutItem* FlowLayout::takeAt(int index) {
    return index >= 0 && index < items_.size() ? items_.takeAt(index) : nullptr;
}

int FlowLayout::heightForWidth(int width) const {
    return arrange(QRect(0, 0, width, 0), false);
}

void FlowLayout::setGeometry(const QRect& rect) {
    QLayout::setGeometry(rect);
    arrange(rect, true);
}

QSize FlowLayout::minimumSize() const {
    QSize size;
    for (const QLayoutItem* item : items_) {
        size = size.expandedTo(item->minimumSize());
    }
    return size;
}

int FlowLayout::arrange(const QRect& rect, bool apply) const {
    int x = rect.left();
    int y = rect.top();
    int line = 0;
    for (QLayoutItem* item : items_) {
        if (item->widget() != nullptr && item->widget()->isHidden()) {
            continue;
        }
        const QSize size = item->sizeHint().boundedTo(QSize(std::max(rect.width(), 40), 10000));
        if (x > rect.left() && x + size.width() > rect.left() + rect.width()) {
            x = rect.left();
            y += line + gap_;
            line = 0;
        }
        if (apply) {
            item->setGeometry(QRect(QPoint(x, y), size));
        }
        x += size.width() + gap_;
        line = std::max(line, size.height());
    }
    return y + line - rect.top();
}

} // namespace fulgurite
