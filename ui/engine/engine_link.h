// SPDX-License-Identifier: GPL-3.0-or-later
// The connection to the local engine: made when it listens, watched while it lives, with what it says about itself.
// Pages take the client from here and hear when it comes and goes.
#pragma once

#include "core/client/engine_client.h"

#include <QObject>
#include <QTimer>

#include <memory>
#include <optional>

namespace fulgurite {

class LocalEngine;

class EngineLink : public QObject {
    Q_OBJECT

  public:
    explicit EngineLink(LocalEngine& engine, QObject* parent = nullptr);
    ~EngineLink() override;

    // Null while the engine does not listen. Keep it no longer than until the next clientChanged().
    const std::shared_ptr<client::EngineClient>& client() const { return client_; }
    // Set once the model is loaded.
    const std::optional<client::EngineInfo>& info() const { return info_; }
    const std::optional<client::EngineLoad>& load() const { return load_; }

  signals:
    void clientChanged(); // a new one, or none
    void infoChanged();   // the model is loaded and described, or gone
    void loadChanged();   // about once a second

  private:
    void follow();
    void poll();
    void takeHealth(const client::Outcome<client::Health>& health);
    void askInfo();

    LocalEngine& engine_;
    std::shared_ptr<client::EngineClient> client_;
    std::optional<client::EngineInfo> info_;
    std::optional<client::EngineLoad> load_;
    QTimer timer_;
    bool info_asked_ = false;
    quint64 generation_ = 0; // answers of an earlier engine are dropped
};

} // namespace fulgurite
