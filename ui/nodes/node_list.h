// SPDX-License-Identifier: GPL-3.0-or-later
// The list of nodes: how each is reached, what it is, its model, how fast it writes, and four things it can be used
// for. Shape says the state as well as colour: filled is a Fulgurite engine, half another server, a ring with an
// arc tries again, hollow is off.
#pragma once

#include "ui/nodes/node_hub.h"

#include <QAbstractListModel>
#include <QListView>
#include <QStyledItemDelegate>

namespace fulgurite {

class ThemeManager;

class NodeListModel : public QAbstractListModel {
    Q_OBJECT

  public:
    explicit NodeListModel(NodeHub& hub, QObject* parent = nullptr);

    NodeHub& hub() const { return hub_; }
    QString idAt(int row) const;
    int rowOf(const QString& id) const;

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override; // display and edit: the name
    bool setData(const QModelIndex& index, const QVariant& value, int role) override;
    Qt::ItemFlags flags(const QModelIndex& index) const override;

  private:
    NodeHub& hub_;
};

class NodeDelegate : public QStyledItemDelegate {
    Q_OBJECT

  public:
    NodeDelegate(ThemeManager& themes, const NodeListModel& model, QObject* parent);
    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;
    void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override;
    void updateEditorGeometry(QWidget* editor, const QStyleOptionViewItem& option,
                              const QModelIndex& index) const override;

  private:
    void paintAbilities(QPainter& painter, QPoint at, int width, const NodeLink& link) const;

    ThemeManager& themes_;
    const NodeListModel& model_;
};

class NodeList : public QListView {
    Q_OBJECT

  public:
    NodeList(ThemeManager& themes, NodeHub& hub, QWidget* parent = nullptr);

    QString current() const;
    void setCurrent(const QString& id);
    NodeListModel& nodes() const { return *model_; }

  signals:
    void currentNodeChanged(const QString& id);
    void promptWanted(const QString& id);       // Enter
    void removeWanted(const QString& id);       // Delete
    void moveWanted(const QString& id, int by); // Alt+Up, Alt+Down
    void menuWanted(const QString& id, const QPoint& global);

  protected:
    void keyPressEvent(QKeyEvent* event) override;
    void contextMenuEvent(QContextMenuEvent* event) override;
    void currentChanged(const QModelIndex& current, const QModelIndex& previous) override;

  private:
    NodeListModel* model_;
};

// A mark for the state of a link, inside `box`.
void paintNodeMark(QPainter& painter, const QRectF& box, const NodeLink& link, const ThemeManager& themes);
// "ready", "in 14 s", "connecting" ...
QString linkStateText(const NodeLink& link);
// "vLLM 0.23", "Fulgurite 0.7.0".
QString serverText(const NodeLink& link);
// "this computer", "over SSH: h800-a", "http://host:8080".
QString routeText(const NodeEntry& entry);
// Tokens per second now, by the node's own count; empty: nothing is written, or it does not tell.
QString rateText(const NodeActivity& activity);

} // namespace fulgurite
