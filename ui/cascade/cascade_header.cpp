// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/cascade/cascade_header.h"

#include "ui/base/theme_manager.h"
#include "ui/cascade/cascade_search.h"
#include "ui/cascade/chain_button.h"

#include <QAction>
#include <QCompleter>
#include <QHBoxLayout>
#include <QLineEdit>
#include <QPushButton>
#include <QStringListModel>

namespace fulgurite {
namespace {

constexpr int kRoomForChain = 640;

} // namespace

CascadeHeader::CascadeHeader(ThemeManager& themes, CascadeSearch& search, QWidget* parent)
    : QWidget(parent), themes_(themes), search_(search) {
    field_ = new QLineEdit;
    field_->setPlaceholderText(tr("Describe what you look for"));
    field_->setAccessibleName(tr("Search images"));
    field_->setClearButtonEnabled(true);
    field_->addAction(themes.icon(QStringLiteral("search")), QLineEdit::LeadingPosition);
    field_->setMinimumWidth(themes.scaled(180));
    go_ = new QPushButton(tr("Search"));
    go_->setProperty("kind", "accent");
    chain_ = new ChainButton(search);
    library_ = new QPushButton;
    library_->setAccessibleName(tr("Library"));
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(8);
    row->addWidget(field_, 1);
    row->addWidget(go_);
    row->addWidget(chain_);
    row->addWidget(library_);
    const auto wanted = [this] {
        if (search_.searching())
            search_.cancel();
        else
            emit searchWanted(field_->text());
    };
    connect(field_, &QLineEdit::returnPressed, this, [this] { emit searchWanted(field_->text()); });
    connect(go_, &QPushButton::clicked, this, wanted);
    connect(&search_, &CascadeSearch::librariesChanged, this, &CascadeHeader::showLibrary);
    connect(&search_, &CascadeSearch::libraryChanged, this, &CascadeHeader::showLibrary);
    connect(&search_, &CascadeSearch::searchStarted, this, &CascadeHeader::showState);
    connect(&search_, &CascadeSearch::answerChanged, this, &CascadeHeader::showState);
    connect(&search_, &CascadeSearch::availabilityChanged, this, &CascadeHeader::showState);
    showLibrary();
    showState();
}

void CascadeHeader::setLibraryMenu(QMenu* menu) {
    library_->setMenu(menu);
}

void CascadeHeader::setHistory(const QStringList& texts) {
    auto* completer = new QCompleter(texts, field_);
    completer->setCaseSensitivity(Qt::CaseInsensitive);
    completer->setFilterMode(Qt::MatchContains);
    field_->setCompleter(completer);
}

void CascadeHeader::showLibrary() {
    const client::ImageLibrary* library = search_.library();
    const QString name = library ? QString::fromStdString(library->name) : tr("No library");
    library_->setText(fontMetrics().elidedText(name, Qt::ElideRight, themes_.scaled(160)) + QStringLiteral("    "));
    library_->setAccessibleDescription(name);
    showState();
}

void CascadeHeader::showState() {
    const bool can = search_.client() && search_.library();
    go_->setText(search_.searching() ? tr("Cancel") : tr("Search"));
    go_->setEnabled(can);
    go_->setToolTip(can ? QString() : search_.client() ? tr("Add a folder of images first") : search_.why());
}

void CascadeHeader::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    chain_->setVisible(width() >= kRoomForChain);
}

} // namespace fulgurite
