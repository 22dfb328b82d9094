// SPDX-License-Identifier: GPL-3.0-or-later
// The page's part of the header row: collection and query, the menu of known queries, adding documents, keeping the
// query, and handing hits to a prompt.
#pragma once

#include "core/client/retrieval_types.h"

#include <QWidget>

class QLabel;
class QMenu;
class QPushButton;

namespace fulgurite {

class ThemeManager;

class RetrieveHeader : public QWidget {
    Q_OBJECT

  public:
    RetrieveHeader(ThemeManager& themes, QWidget* parent = nullptr);

    void setPlace(const QString& collection, const QString& query);
    // `sets`: of the collection; `current`: the one whose queries these are.
    void setQueries(const std::vector<client::QuerySetInfo>& sets, const QString& current,
                    const std::vector<client::RetrievalQuery>& queries);
    void setHits(int count, bool cited);
    void setObstacles(const QString& add, const QString& save, const QString& prompt); // empty: can be done

  signals:
    void queryChosen(int index);
    void setChosen(const QString& id);
    void addWanted();
    void saveWanted();
    void promptWanted();

  private:
    void fillMenu();

    QLabel* place_;
    QPushButton* queries_button_;
    QPushButton* add_;
    QPushButton* save_;
    QPushButton* prompt_;
    QMenu* menu_;
    std::vector<client::QuerySetInfo> sets_;
    QString current_;
    std::vector<client::RetrievalQuery> queries_;
};

} // namespace fulgurite
