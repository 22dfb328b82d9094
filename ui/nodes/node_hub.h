// SPDX-License-Identifier: GPL-3.0-or-later
// All nodes that the window knows and their links, and which of them is in use.
#pragma once

#include "ui/nodes/node_book.h"
#include "ui/nodes/remote_link.h"
#include "ui/nodes/secret_store.h"

#include <QHash>
#include <QObject>
#include <QPointF>

#include <deque>
#include <map>
#include <memory>

namespace fulgurite {

class EngineLink;
class LocalEngine;

// Tokens per second over the last quarter of an hour, one point a second.
struct NodeActivity {
    std::deque<QPointF> points; // seconds since the window started, tokens per second
    std::uint64_t tokens_total = 0;
    double at = 0; // of tokens_total; 0: not known yet
};

// Deletes the tokens of nodes that an earlier run removed. A node is forgotten when its token is gone; else it is
// tried again the next time. The book outlives the store.
void deleteRemovedTokens(NodeBook& book, SecretStore& secrets);

class NodeHub : public QObject {
    Q_OBJECT

  public:
    // `folder`: of the list of nodes and, where the person wants it, of their tokens.
    NodeHub(EngineLink& engine, const LocalEngine& local, const QString& folder, QObject* parent = nullptr);
    ~NodeHub() override;

    NodeBook& book() { return book_; }
    const NodeBook& book() const { return book_; }
    SecretStore& secrets() { return secrets_; }

    NodeLink& link(const QString& id) const;     // of an unknown id: this computer's
    RemoteLink* remote(const QString& id) const; // null: this computer, or unknown
    QString nameOf(const QString& id) const;
    QString tokenOf(const QString& id) const; // of a node that is connected

    const QString& current() const { return current_; }
    // The node that pages ask from now on. Connects it where it is not.
    void use(const QString& id);

    // Adds it to the list and connects; the id. An empty token: none.
    QString add(const NodeEntry& entry, const QString& token);
    // `token` unset: as it was.
    void change(const NodeEntry& entry, const std::optional<QString>& token = {});
    void remove(const QString& id); // its token stays, for undo
    void undoRemove();
    // Connects every node that is not: when the page of nodes is looked at.
    void connectAll();

    const NodeActivity& activity(const QString& id) const;

  signals:
    void listChanged();                  // nodes came, went, moved, or were renamed
    void nodeChanged(const QString& id); // what one says about itself, or its state
    void currentChanged();

  private:
    void followBook();
    void watch(const QString& id, NodeLink& link);
    void takeLoad(const QString& id, const client::EngineLoad& load);

    EngineLink& engine_;
    const LocalEngine& local_;
    NodeBook book_;
    SecretStore secrets_;
    std::map<QString, std::unique_ptr<RemoteLink>> links_;
    std::map<QString, NodeActivity> activity_;
    QString current_ = kLocalNode;
    QElapsedTimer clock_;
};

} // namespace fulgurite
