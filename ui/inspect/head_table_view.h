// SPDX-License-Identifier: GPL-3.0-or-later
// The panel with the heads as a table: filter, sort, tick, copy, CSV.
#pragma once

#include "ui/inspect/head_table_model.h"
#include "ui/inspect/inspect_view.h"

class QLineEdit;
class QTableView;

namespace fulgurite {

class HeadTableView : public InspectView {
    Q_OBJECT

  public:
    explicit HeadTableView(const InspectServices& services);

    QTableView& table() { return *table_; }
    HeadTableModel& model() { return *model_; }
    QLineEdit& filterField() { return *filter_; }
    void setFilter(const QString& expression);
    QJsonObject saveState() const override;
    void restoreState(const QJsonObject& state) override;

  protected:
    void sourceChanged() override;
    void selectionChanged(const InspectState& now, const InspectState& before) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    QWidget* makeFilterRow();
    QWidget* makeFooter();
    void ask();
    void showTable(const capture::HeadTable& table);
    void applyFilter();
    void showCount();
    void showTicks();
    void followAblation(); // the button is as able as the page's action
    void fillSavedMenu();
    bool takeKey(const QKeyEvent& event);
    void tickFiltered();
    QList<int> selectedRows() const;
    void contextMenu(QPoint at);
    void reveal(capture::HeadRef head);

    HeadTableModel* model_;
    QTableView* table_;
    QLineEdit* filter_ = nullptr;
    QLabel* problem_ = nullptr;
    QPushButton* saved_button_ = nullptr;
    QMenu* saved_menu_ = nullptr;
    QLabel* count_;
    QLabel* ticked_ = nullptr;
    QPushButton* copy_ticked_ = nullptr;
    QPushButton* ablate_ = nullptr;
    QStringList saved_; // expressions that the person kept
    Question heads_asked_ = 0;
    Question target_asked_ = 0;
    QString target_text_;
    std::optional<std::size_t> shown_position_;
    bool following_ = false; // the table is moved by the selection, not by the person
};

} // namespace fulgurite
