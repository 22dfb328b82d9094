// SPDX-License-Identifier: GPL-3.0-or-later
// A splitter between cards: its handle is the gap that stands between them anyway.
#pragma once

#include "ui/base/theme_manager.h"

#include <QSplitter>

namespace fulgurite {

// `name` is the object's name, under which a session keeps the sizes.
inline QSplitter* makeSplitter(Qt::Orientation orientation, const QString& name) {
    auto* splitter = new QSplitter(orientation);
    splitter->setObjectName(name);
    splitter->setProperty("kind", "gap");
    splitter->setHandleWidth(metrics::kGap);
    splitter->setChildrenCollapsible(false);
    return splitter;
}

} // namespace fulgurite
