// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/card.h"

#include "ui/base/theme_manager.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QVBoxLayout>

#include <algorithm>

namespace fulgurite {

Card::Card(ThemeManager& themes, const QString& title, QWidget* content, QWidget* parent)
    : QFrame(parent), content_(content) {
    setProperty("surface", "card");
    setAccessibleName(title);
    auto* bar = new QFrame;
    bar->setProperty("surface", "panelHeader");
    header_ = new QHBoxLayout(bar);
    header_->setContentsMargins(10, 0, 8, 0);
    header_->setSpacing(8);
    title_ = new QLabel(title);
    title_->setProperty("tone", "heading");
    note_ = new QLabel;
    note_->setProperty("tone", "small");
    note_->setTextFormat(Qt::PlainText);
    note_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    note_->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
    header_->addWidget(title_);
    header_->addWidget(note_, 1);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(1, 1, 1, 1); // of the card's line
    column->setSpacing(0);
    column->addWidget(bar);
    column->addWidget(content, 1);
    const auto fit = [bar, &themes] {
        bar->setFixedHeight(std::max(metrics::kPanelHeader, themes.scaled(metrics::kPanelHeader)));
    };
    connect(&themes, &ThemeManager::changed, bar, fit);
    fit();
}

void Card::setNote(const QString& note) {
    note_->setText(note);
    note_->setToolTip(note);
}

void Card::addHeaderWidget(QWidget* widget) {
    header_->addWidget(widget);
}

void Card::setTitleWidget(QWidget* widget) {
    title_->hide();
    header_->insertWidget(0, widget);
}

} // namespace fulgurite
