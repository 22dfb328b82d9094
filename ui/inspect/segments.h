// SPDX-License-Identifier: GPL-3.0-or-later
// A row of buttons of which one is down: the switch between two or three ways to look at the same thing.
#pragma once

#include <QButtonGroup>
#include <QHBoxLayout>
#include <QPushButton>
#include <QStringList>
#include <QWidget>

namespace fulgurite {

// The group belongs to the widget; ids are the places in `titles`. The first is down.
inline std::pair<QWidget*, QButtonGroup*> makeSegments(const QStringList& titles, const QString& accessible_name) {
    auto* widget = new QWidget;
    widget->setAccessibleName(accessible_name);
    auto* row = new QHBoxLayout(widget);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(0);
    auto* group = new QButtonGroup(widget);
    for (qsizetype i = 0; i < titles.size(); ++i) {
        auto* button = new QPushButton(titles[i]);
        button->setCheckable(true);
        button->setChecked(i == 0);
        button->setProperty("kind", "segment");
        button->setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed); // words beside it give way first
        button->setProperty("segment", i == 0 ? "first" : i + 1 == titles.size() ? "last" : "middle");
        button->setAccessibleName(accessible_name + QStringLiteral(": ") + titles[i]);
        group->addButton(button, static_cast<int>(i));
        row->addWidget(button);
    }
    return {widget, group};
}

} // namespace fulgurite
