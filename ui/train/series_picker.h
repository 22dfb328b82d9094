// SPDX-License-Identifier: GPL-3.0-or-later
// A list of all series that the runs log, ten thousand as quickly as ten; typing narrows it.
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
    SeriesPicker(ThemeManager& themes, const QStringList& names, QWidget* parent);

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
