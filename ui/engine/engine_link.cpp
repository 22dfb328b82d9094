// SPDX-License-Identifier: GPL-3.0-or-later
// Polls health until the model is there, then the load once a second.
#include "ui/engine/engine_link.h"

#include "ui/engine/local_engine.h"

namespace fulgurite {
namespace {

constexpr int kLoadingMilliseconds = 60;
constexpr int kReadyMilliseconds = 1000;

QString healthName(client::HealthState state) {
    switch (state) {
    case client::HealthState::Loading:
        return QStringLiteral("loading");
    case client::HealthState::Ready:
        return QStringLiteral("ready");
    case client::HealthState::Failed:
        break;
    }
    return QStringLiteral("failed");
}

} // namespace

EngineLink::EngineLink(LocalEngine& engine, QObject* parent) : QObject(parent), engine_(engine) {
    connect(&engine, &LocalEngine::stateChanged, this, &EngineLink::follow);
    connect(&timer_, &QTimer::timeout, this, &EngineLink::poll);
}

EngineLink::~EngineLink() {
    client_.reset(); // joins its thread: no callback comes after this
}

void EngineLink::follow() {
    const EngineEndpoint& endpoint = engine_.endpoint();
    if (!endpoint.valid() && client_) {
        timer_.stop();
        ++generation_;
        client_.reset();
        info_.reset();
        load_.reset();
        info_asked_ = false;
        emit clientChanged();
        emit infoChanged();
    } else if (endpoint.valid() && !client_) {
        client_ = client::connectToNode(
            {.host = endpoint.host.toStdString(), .port = endpoint.port, .tls = false, .base_path = {}},
            {.token = endpoint.token.toStdString(), .http = {}});
        timer_.start(kLoadingMilliseconds);
        emit clientChanged();
        poll();
    }
    if (engine_.state() == EngineState::Ready && !info_asked_)
        askInfo();
}

void EngineLink::poll() {
    // Callbacks come on the client's thread and are carried over by the event loop.
    const quint64 mine = generation_;
    if (engine_.state() == EngineState::Loading) {
        client_->health([this, mine](const client::Outcome<client::Health>& health) {
            QMetaObject::invokeMethod(this, [this, mine, health] {
                if (mine == generation_)
                    takeHealth(health);
            });
        });
    } else if (engine_.state() == EngineState::Ready && !info_asked_) {
        askInfo();
    } else if (engine_.state() == EngineState::Ready) {
        client_->load([this, mine](const client::Outcome<client::EngineLoad>& load) {
            QMetaObject::invokeMethod(this, [this, mine, load] {
                if (mine != generation_ || !load.ok())
                    return;
                load_ = load.value();
                emit loadChanged();
            });
        });
    }
}

void EngineLink::takeHealth(const client::Outcome<client::Health>& health) {
    // Not answering yet is no failure: the process is watched for that.
    if (health.ok())
        engine_.reportHealth(healthName(health.value().state), QString::fromStdString(health.value().message));
}

void EngineLink::askInfo() {
    info_asked_ = true;
    timer_.start(kReadyMilliseconds);
    const quint64 mine = generation_;
    client_->info([this, mine](const client::Outcome<client::EngineInfo>& info) {
        QMetaObject::invokeMethod(this, [this, mine, info] {
            if (mine != generation_)
                return;
            if (!info.ok()) {
                // No connection is no answer: the process is watched for that, and the next poll asks again.
                const bool answered =
                    info.error().kind() != ErrorKind::Unavailable && info.error().kind() != ErrorKind::Io;
                info_asked_ = answered;
                if (answered)
                    engine_.reportHealth(QStringLiteral("failed"), QString::fromUtf8(info.error().what()));
                return;
            }
            info_ = info.value();
            emit infoChanged();
            poll();
        });
    });
}

} // namespace fulgurite
