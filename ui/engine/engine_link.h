// SPDX-License-Identifier: GPL-3.0-or-later
// The node in use: the local engine, or another that the person chose. Pages take the client from here and hear
// when it comes and goes; which node that is need not concern them.
#pragma once

#include "ui/engine/node_link.h"

#include <QObject>
#include <QPointer>

#include <memory>

namespace fulgurite {

class LocalEngine;
class NodeHub;

class EngineLink : public QObject {
    Q_OBJECT

  public:
    explicit EngineLink(LocalEngine& engine, QObject* parent = nullptr);
    ~EngineLink() override;

    // As NodeLink says; of the node in use.
    const std::shared_ptr<client::EngineClient>& client() const { return current().client(); }
    const std::optional<client::EngineInfo>& info() const { return current().info(); }
    const std::optional<client::EngineLoad>& load() const { return current().load(); }
    QString whyNot(const char* capability) const { return current().whyNot(capability); }

    NodeLink& current() const;
    NodeLink& local() const { return *local_; }
    // nullptr: the local engine. A link that is deleted gives way to it.
    void use(NodeLink* link);

    // All nodes that the window knows; null in a window that has the local engine alone.
    NodeHub* nodes() const { return nodes_; }
    void setNodes(NodeHub* nodes) { nodes_ = nodes; }

  signals:
    void currentChanged(); // before the signals about what the other one says
    void clientChanged();
    void infoChanged();
    void loadChanged();
    void stateChanged();

  private:
    void follow(NodeLink* link);
    void tellAll();

    std::unique_ptr<NodeLink> local_;
    QPointer<NodeLink> remote_;
    NodeHub* nodes_ = nullptr;
};

} // namespace fulgurite
