// SPDX-License-Identifier: GPL-3.0-or-later
// What each node can do: a row for each use, a column for each node, and the reason of the one that is looked at.
// The columns share the width that there is, so that all nodes are seen at once.
#pragma once

#include <QTableView>

class QStandardItemModel;

namespace fulgurite {

class NodeHub;
class ThemeManager;

class AbilityTable : public QTableView {
    Q_OBJECT

  public:
    AbilityTable(ThemeManager& themes, NodeHub& hub, QWidget* parent = nullptr);

    void show(const QString& id); // the node whose reasons stand at the right
    void refresh();
    void highlight(const QString& capability);
    // Of the row that is chosen: which nodes cannot, and why, in full. Empty: no row is.
    QString reasons() const;

  signals:
    void reasonsChanged();

  protected:
    void resizeEvent(QResizeEvent* event) override;

  private:
    QString fingerprint() const;
    void fill();
    void fitColumns();

    ThemeManager& themes_;
    NodeHub& hub_;
    QStandardItemModel* rows_;
    QString id_;
    QString shown_; // what the rows were made from
};

} // namespace fulgurite
