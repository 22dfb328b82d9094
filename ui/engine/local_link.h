// SPDX-License-Identifier: GPL-3.0-or-later
// The link to the local engine: made when it listens, and the engine is started again when it was lost.
#pragma once

#include "ui/engine/node_link.h"
#include "ui/engine/retry_clock.h"

#include <QElapsedTimer>
#include <QTimer>

namespace fulgurite {

class LocalEngine;

class LocalLink : public NodeLink {
    Q_OBJECT

  public:
    explicit LocalLink(LocalEngine& engine, QObject* parent = nullptr);
    ~LocalLink() override;

    LinkState state() const override;
    QString message() const override;
    int secondsLeft() const override { return clock_.secondsLeft(); }
    int tries() const override { return clock_.failures(); }
    void connectNow() override;
    void stopTrying() override;

  private:
    void follow();
    void watchLoss();
    void poll();
    void takeHealth(const client::Outcome<client::Health>& health);
    void askInfo();

    LocalEngine& engine_;
    QTimer timer_;
    RetryClock clock_;
    QElapsedTimer since_ready_;
    bool info_asked_ = false;
    quint64 generation_ = 0; // answers of an earlier engine are dropped
};

} // namespace fulgurite
