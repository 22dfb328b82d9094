// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/series_picker.h"

#include "ui/base/theme_manager.h"

#include <QDialogButtonBox>
#include <QKeyEvent>
#include <QLineEdit>
#include <QListView>
#include <QPushButton>
#include <QSortFilterProxyModel>
#include <QStringListModel>
#include <QVBoxLayout>

namespace fulgurite {

SeriesPicker::Words SeriesPicker::chartWords() {
    return {.title = tr("Add a chart"), .field = tr("Part of a series' name"), .choose = tr("Add")};
}

SeriesPicker::SeriesPicker(ThemeManager& themes, const QStringList& names, const Words& words, QWidget* parent)
    : QDialog(parent), field_(new QLineEdit), list_(new QListView), shown_(new QSortFilterProxyModel(this)) {
    setWindowTitle(words.title);
    resize(themes.scaled(420), themes.scaled(460));
    auto* column = new QVBoxLayout(this);
    field_->setPlaceholderText(words.field);
    field_->setAccessibleName(words.field);
    field_->setFont(themes.codeFont(12));
    field_->installEventFilter(this);
    shown_->setSourceModel(new QStringListModel(names, this));
    shown_->setFilterCaseSensitivity(Qt::CaseInsensitive);
    list_->setAccessibleName(words.title);
    list_->setUniformItemSizes(true);
    list_->setEditTriggers(QAbstractItemView::NoEditTriggers);
    list_->setFont(themes.codeFont(12));
    list_->setModel(shown_);
    list_->setCurrentIndex(shown_->index(0, 0));
    auto* buttons = new QDialogButtonBox(QDialogButtonBox::Ok | QDialogButtonBox::Cancel);
    buttons->button(QDialogButtonBox::Ok)->setText(words.choose);
    column->addWidget(field_);
    column->addWidget(list_, 1);
    column->addWidget(buttons);
    connect(field_, &QLineEdit::textChanged, this, [this](const QString& text) {
        shown_->setFilterFixedString(text);
        list_->setCurrentIndex(shown_->index(0, 0));
    });
    connect(list_, &QListView::doubleClicked, this, &QDialog::accept);
    connect(buttons, &QDialogButtonBox::accepted, this, &QDialog::accept);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
}

QString SeriesPicker::chosen() const {
    return list_->currentIndex().data().toString();
}

// Up and Down walk the list while the field keeps the focus.
bool SeriesPicker::eventFilter(QObject* watched, QEvent* event) {
    if (watched == field_ && event->type() == QEvent::KeyPress) {
        const auto* key = static_cast<QKeyEvent*>(event);
        if (key->key() == Qt::Key_Up || key->key() == Qt::Key_Down) {
            const int row = list_->currentIndex().row() + (key->key() == Qt::Key_Up ? -1 : 1);
            if (row >= 0 && row < shown_->rowCount()) {
                list_->setCurrentIndex(shown_->index(row, 0));
            }
            return true;
        }
    }
    return QDialog::eventFilter(watched, event);
}

} // namespace fulgurite
