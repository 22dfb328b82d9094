// SPDX-License-Identifier: GPL-3.0-or-later
// The header of the Cascade page: what to search for, the chain, and the library.
#pragma once

#include <QWidget>

class QLineEdit;
class QMenu;
class QPushButton;

namespace fulgurite {

class CascadeSearch;
class ThemeManager;

class CascadeHeader : public QWidget {
    Q_OBJECT

  public:
    CascadeHeader(ThemeManager& themes, CascadeSearch& search, QWidget* parent = nullptr);

    QLineEdit& field() { return *field_; }
    // Actions of the library: filled by the page before it shows.
    void setLibraryMenu(QMenu* menu);
    void setHistory(const QStringList& texts); // offered while typing

  signals:
    void searchWanted(const QString& text);

  protected:
    void resizeEvent(QResizeEvent* event) override;

  private:
    void showLibrary();
    void showState();

    ThemeManager& themes_;
    CascadeSearch& search_;
    QLineEdit* field_;
    QPushButton* go_;
    QPushButton* chain_;
    QPushButton* library_;
};

} // namespace fulgurite
