// SPDX-License-Identifier: GPL-3.0-or-later
// Polls health until the model is there, then the load once a second.
#include "ui/engine/local_link.h"

#include "ui/engine/local_engine.h"

namespace fulgurite {
namespace {

constexpr int kLoadingMilliseconds = 60;
constexpr int kReadyMilliseconds = 1000;
constexpr int kSteadyMilliseconds = 60'000; // an engine that ran this long was well
constexpr int kMostRestarts = 4;

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

LocalLink::LocalLink(LocalEngine& engine, QObject* parent) : NodeLink(parent), engine_(engine) {
    connect(&engine, &LocalEngine::stateChanged, this, &LocalLink::follow);
    connect(&engine, &LocalEngine::stateChanged, this, &LocalLink::watchLoss);
    connect(&clock_, &RetryClock::ticked, this, &LocalLink::stateChanged);
    connect(&clock_, &RetryClock::due, this, &LocalLink::connectNow);
    connect(&timer_, &QTimer::timeout, this, &LocalLink::poll);
}

LocalLink::~LocalLink() {
    client_.reset(); // joins its thread: no callback comes after this
}

void LocalLink::follow() {
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

LinkState LocalLink::state() const {
    switch (engine_.state()) {
    case EngineState::Off:
        return LinkState::Off;
    case EngineState::Starting:
        return LinkState::Connecting;
    case EngineState::Loading:
        return LinkState::Loading;
    case EngineState::Ready:
        return info_ ? LinkState::Ready : LinkState::Loading;
    case EngineState::Lost:
        return clock_.waiting() ? LinkState::Waiting : LinkState::Failed;
    case EngineState::Failed:
        break;
    }
    return LinkState::Failed;
}

QString LocalLink::message() const {
    return engine_.message();
}

// One that ends soon after it was started again would do so for ever: longer pauses, then no more.
void LocalLink::watchLoss() {
    if (engine_.state() == EngineState::Ready)
        since_ready_.start();
    if (engine_.state() == EngineState::Lost) {
        if (since_ready_.isValid() && since_ready_.elapsed() > kSteadyMilliseconds)
            clock_.succeeded();
        if (clock_.failures() < kMostRestarts)
            clock_.failed();
    } else {
        clock_.stop();
    }
    emit stateChanged();
}

void LocalLink::connectNow() {
    clock_.stop();
    engine_.start();
}

void LocalLink::stopTrying() {
    clock_.stop();
    emit stateChanged();
}

void LocalLink::poll() {
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

void LocalLink::takeHealth(const client::Outcome<client::Health>& health) {
    // Not answering yet is no failure: the process is watched for that.
    if (health.ok())
        engine_.reportHealth(healthName(health.value().state), QString::fromStdString(health.value().message));
}

void LocalLink::askInfo() {
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
            facts_ = client::explained(*info_, client::ServerKind::Fulgurite);
            emit infoChanged();
            emit stateChanged();
            poll();
        });
    });
}

} // namespace fulgurite
