// SPDX-License-Identifier: GPL-3.0-or-later
// A list of names to choose one from, ten thousand as quickly as ten; typing narrows it.
#pragma once

#include <QDialog>
#include <QStringList>

class QLineEdit;
class QListView;
class QSortFilterProxyModel;

namespace fulgurite {

class ThemeManager;

class SeriesPicker : public QDialog {
    Q_OBJECT

  public:
    struct Words {
        QString title;
        QString field; // what is typed
        QString choose;
    };
    static Words chartWords(); // of choosing a series for a new chart
    SeriesPicker(ThemeManager& themes, const QStringList& names, const Words& words, QWidget* parent);

    QString chosen() const;
    QListView& list() { return *list_; }
    QLineEdit& field() { return *field_; }

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    QLineEdit* field_;
    QListView* list_;
    QSortFilterProxyModel* shown_;
};

} // namespace fulgurite
