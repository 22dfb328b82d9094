// SPDX-License-Identifier: GPL-3.0-or-later
// What each head separates best, with the evidence: label, AUC there and in the standard space, the label's
// documents.
#pragma once

#include "core/client/retrieval_types.h"
#include "ui/charts/table_twin.h"

#include <QWidget>

#include <memory>

class QLabel;
class QSortFilterProxyModel;
class QTableView;

namespace fulgurite {

class RetrieveSession;
class ThemeManager;

class SeparationList : public QWidget {
    Q_OBJECT

  public:
    SeparationList(ThemeManager& themes, RetrieveSession& session, QWidget* parent = nullptr);

    void setStatistics(std::shared_ptr<const client::HeadStatistics> statistics);
    QTableView& view() { return *view_; }

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    void followHead();

    RetrieveSession& session_;
    TableTwin twin_;
    QTableView* view_;
    QSortFilterProxyModel* sorted_;
    TableTwinModel* model_ = nullptr;
    QLabel* note_;
};

// One row for each head and each label that it separates, best label first.
TableTwin separationTwin(const std::shared_ptr<const client::HeadStatistics>& statistics);

} // namespace fulgurite
