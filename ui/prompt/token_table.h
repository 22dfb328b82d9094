// SPDX-License-Identifier: GPL-3.0-or-later
// The tokens of an answer as a table that can be sorted, filtered, copied and saved: the numbers behind the tint,
// for those who want to compute with them or cannot see colours.
#pragma once

#include "ui/base/theme_manager.h"
#include "ui/prompt/transcript_types.h"

#include <QDialog>

class QLabel;
class QLineEdit;
class QSortFilterProxyModel;
class QTableView;

namespace fulgurite {

class TokenTableModel;

class TokenTable : public QWidget {
    Q_OBJECT

  public:
    explicit TokenTable(ThemeManager& themes, QWidget* parent = nullptr);

    void setTurn(const Turn& turn);
    void selectToken(int index);
    void copy(); // the selected rows, all when none is selected
    QString csv() const;

  signals:
    void tokenActivated(fulgurite::TokenRef token);

  protected:
    void keyPressEvent(QKeyEvent* event) override;

  private:
    void summarise();

    ThemeManager& themes_;
    TokenTableModel* model_;
    QSortFilterProxyModel* sorted_;
    QTableView* view_;
    QLineEdit* filter_;
    QLabel* summary_;
};

class TokenTableDialog : public QDialog {
    Q_OBJECT

  public:
    explicit TokenTableDialog(ThemeManager& themes, QWidget* parent = nullptr);
    TokenTable& table() { return *table_; }
    void showTurn(const Turn& turn);

  private:
    TokenTable* table_;
};

} // namespace fulgurite
