// SPDX-License-Identifier: GPL-3.0-or-later
// Taking a capture from an engine: first what it would cost, then the replay with progress and a way to stop it.
#pragma once

#include "core/client/engine_client.h"
#include "core/client/inspection_client.h"
#include "ui/base/courier.h"

#include <QElapsedTimer>
#include <QObject>

namespace fulgurite {

class CaptureRun : public QObject {
    Q_OBJECT

  public:
    explicit CaptureRun(QObject* parent = nullptr);
    ~CaptureRun() override;

    bool running() const { return running_; }
    bool wasTaking() const { return taking_; } // what failed was the capture, not the question for its cost
    const client::CaptureRequest& request() const { return request_; }
    // Asks for the cost; planned() or failed() follows. Whatever ran before is cancelled.
    void plan(std::shared_ptr<client::EngineClient> client, const client::CaptureRequest& request);
    void start();  // what was planned
    void cancel(); // nothing is left behind on the engine
    double seconds() const { return static_cast<double>(clock_.elapsed()) / 1000; } // since start()

  signals:
    void planned(const fulgurite::client::CaptureCost& cost);
    void progressed(std::size_t done, std::size_t total);
    void finished(const fulgurite::client::CaptureEntry& entry);
    void failed(const QString& message);
    void cancelled();

  private:
    friend class CaptureEvents;
    void end();

    std::shared_ptr<client::EngineClient> client_;
    client::CaptureRequest request_;
    client::InspectionClient::Call call_;
    std::shared_ptr<Courier> courier_;
    quint64 generation_ = 0; // events of what was cancelled are dropped
    bool running_ = false;
    bool taking_ = false;
    QElapsedTimer clock_;
};

} // namespace fulgurite
