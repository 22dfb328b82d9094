// SPDX-License-Identifier: GPL-3.0-or-later
// A connection to one node, watched while it lives: the local engine's or another machine's. What a link says about
// itself is the same for all.
#pragma once

#include "core/client/engine_client.h"
#include "core/client/server_abilities.h"

#include <QObject>
#include <QString>

#include <memory>
#include <optional>

namespace fulgurite {

enum class LinkState {
    Off,        // nobody asked for it
    Connecting, // reaching it, finding out what it is
    Loading,    // it answers, and reads its model
    Ready,
    Waiting, // lost or out of reach; tries again when the countdown has run down
    Failed,  // and does not try again by itself
};

class NodeLink : public QObject {
    Q_OBJECT

  public:
    using QObject::QObject;

    // Null while it is not connected. Keep it no longer than until the next clientChanged().
    const std::shared_ptr<client::EngineClient>& client() const { return client_; }
    // Set once the model is loaded.
    const std::optional<client::EngineInfo>& info() const { return info_; }
    const std::optional<client::EngineLoad>& load() const { return load_; } // unset: the node does not tell
    const client::ServerFacts& facts() const { return facts_; }
    // Why a page cannot use the capability now; empty when it can.
    QString whyNot(const char* capability) const;

    virtual LinkState state() const = 0;
    virtual QString message() const = 0;          // why it waits or failed
    virtual int secondsLeft() const { return 0; } // Waiting: until the next try
    virtual int tries() const { return 0; }       // that failed since it was last ready
    virtual void connectNow() = 0;                // now, whatever the countdown says
    virtual void stopTrying() = 0;

  signals:
    void clientChanged(); // a new one, or none
    void infoChanged();   // the model is loaded and described, or gone
    void loadChanged();   // about once a second
    void stateChanged();  // the countdown included

  protected:
    std::shared_ptr<client::EngineClient> client_;
    std::optional<client::EngineInfo> info_;
    std::optional<client::EngineLoad> load_;
    client::ServerFacts facts_;
};

} // namespace fulgurite
