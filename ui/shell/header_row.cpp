// SPDX-License-Identifier: GPL-3.0-or-later
// The header row.
#include "ui/shell/header_row.h"

#include "ui/base/key_caps.h"
#include "ui/base/theme_manager.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>

#include <algorithm>

namespace fulgurite {

HeaderRow::HeaderRow(ThemeManager& themes, QWidget* parent)
    : QFrame(parent), themes_(themes), row_(new QHBoxLayout(this)) {
    setProperty("surface", "header");
    row_->setContentsMargins(14, 0, 12, 0);
    row_->setSpacing(10);
    title_ = new QLabel;
    title_->setProperty("tone", "title");
    title_->setTextFormat(Qt::PlainText);
    title_->setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Preferred);
    field_ = new QPushButton;
    field_->setObjectName(QStringLiteral("goToField"));
    field_->setAccessibleName(QStringLiteral("Go to or run"));
    field_->setAccessibleDescription(QStringLiteral("Opens the command palette"));
    field_->setCursor(Qt::IBeamCursor);
    auto* inside = new QHBoxLayout(field_);
    inside->setContentsMargins(10, 0, 8, 0);
    field_text_ = new QLabel(QStringLiteral("Go to or run..."));
    field_text_->setProperty("tone", "muted");
    field_text_->setAttribute(Qt::WA_TransparentForMouseEvents);
    inside->addWidget(field_text_, 1);
    connect(field_, &QPushButton::clicked, this, &HeaderRow::paletteWanted);
    row_->addWidget(title_);
    row_->addStretch(1);
    row_->addWidget(field_);
    auto fit = [this] {
        setFixedHeight(std::max(metrics::kHeader, themes_.scaled(metrics::kHeader)));
        field_->setFixedHeight(std::max(28, themes_.scaled(28)));
    };
    connect(&themes, &ThemeManager::changed, this, fit);
    fit();
}

void HeaderRow::show(const QString& title, QWidget* page_widget) {
    setTitle(title);
    if (page_widget_) {
        page_widget_->hide();
        row_->removeWidget(page_widget_);
    }
    page_widget_ = page_widget;
    row_->setStretch(1, page_widget ? 0 : 1);
    if (!page_widget)
        return;
    row_->insertWidget(1, page_widget, 1);
    page_widget->show();
}

void HeaderRow::setTitle(const QString& title) {
    title_->setText(title);
    title_->setToolTip(title);
    // A page's name stays whole; only longer titles give way.
    constexpr int kNameWidth = 90;
    title_->ensurePolished();
    title_->setMinimumWidth(std::min(title_->fontMetrics().horizontalAdvance(title) + 4, kNameWidth));
}

void HeaderRow::setPaletteShortcut(const QKeySequence& keys) {
    delete caps_;
    caps_ = makeKeyCaps(keys);
    field_->layout()->addWidget(caps_);
}

void HeaderRow::resizeEvent(QResizeEvent* event) {
    QFrame::resizeEvent(event);
    // Wide enough for the words where there is room; below that the caps alone.
    const bool roomy = width() > 900;
    field_text_->setVisible(roomy);
    field_->setFixedWidth(roomy ? std::min(330, width() / 4) : 132);
}

} // namespace fulgurite
