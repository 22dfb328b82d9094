// SPDX-License-Identifier: GPL-3.0-or-later
// The node's collections: name, documents, what is stored and its bytes, and the work on one with share, rate and
// time left. Files and folders dropped here are taken in.
#pragma once

#include "core/client/retrieval_client.h"

#include <QAbstractListModel>
#include <QFrame>
#include <QStyledItemDelegate>

class QLabel;
class QListView;
class QPushButton;

namespace fulgurite {

class ThemeManager;

class CollectionModel : public QAbstractListModel {
    Q_OBJECT

  public:
    using QAbstractListModel::QAbstractListModel;

    void setCollections(std::vector<client::Collection> collections);
    const std::vector<client::Collection>& collections() const { return collections_; }
    const client::Collection* find(const QString& id) const; // null: no such collection
    int rowOf(const QString& id) const;                      // -1: none

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;

  private:
    std::vector<client::Collection> collections_;
};

// "6 heads, 2 layers, 1.3 MiB", or how far its work is.
QString collectionNote(const client::Collection& collection);

class CollectionDelegate : public QStyledItemDelegate {
    Q_OBJECT

  public:
    CollectionDelegate(ThemeManager& themes, const CollectionModel& model, QObject* parent);
    void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override;
    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;

  private:
    ThemeManager& themes_;
    const CollectionModel& model_;
};

class CollectionList : public QWidget {
    Q_OBJECT

  public:
    CollectionList(ThemeManager& themes, QWidget* parent = nullptr);

    // `problem`: why there is nothing to list; what to do about it is part of it.
    void show(std::vector<client::Collection> collections, const QString& problem);
    const CollectionModel& model() const { return *model_; }
    void setCurrent(const QString& id);
    QString current() const; // empty: none

  signals:
    void chosen(const QString& id);
    void steered(const QString& id, fulgurite::client::JobAction action);
    void filesDropped(const QString& id, const QStringList& paths); // an empty id: into a new collection
    void removeWanted(const QString& id);
    void addWanted(const QString& id);
    void newWanted();
    void sampleWanted();

  protected:
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;

  private:
    void contextMenu(const QPoint& at);

    ThemeManager& themes_;
    CollectionModel* model_;
    QListView* view_;
    QFrame* empty_;
    QLabel* empty_text_;
    QPushButton* sample_;
    QPushButton* new_;
};

} // namespace fulgurite
