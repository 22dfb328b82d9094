// SPDX-License-Identifier: GPL-3.0-or-later
// What a node says, as text and table cells of the window.
#pragma once

#include <QStandardItem>
#include <QString>

#include <string>

namespace fulgurite {

inline QString text(const std::string& words) {
    return QString::fromStdString(words);
}

/// A cell that cannot be edited; the caller, or the model that it goes into, owns it. The tip is the whole text unless given.
inline QStandardItem* cell(const QString& words, const QString& tip = {}) {
    auto* item = new QStandardItem(words);
    item->setToolTip(tip.isEmpty() ? words : tip);
    item->setEditable(false);
    return item;
}

} // namespace fulgurite
