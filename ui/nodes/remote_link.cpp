// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/nodes/remote_link.h"

#include "ui/base/background.h"
#include "ui/nodes/node_text.h"
#include "ui/nodes/secret_store.h"

#include <QCoreApplication>
#include <QPointer>

#include <utility>
#include <variant>

namespace fulgurite {

namespace {

constexpr int kPollMilliseconds = 1000;
// Without an answer for so long the node counts as gone: ours answers beside all its work, a server in Python may
// have to end a step first.
constexpr qint64 kSilence = 6'000;
constexpr qint64 kForeignSilence = 30'000;
constexpr int kPollsBetweenInfos = 3;

} // namespace

RemoteLink::RemoteLink(const NodeEntry& entry, SecretStore& secrets, QObject* parent)
    : NodeLink(parent), entry_(entry), secrets_(secrets) {
    poll_timer_.setInterval(kPollMilliseconds);
    connect(&poll_timer_, &QTimer::timeout, this, &RemoteLink::poll);
    connect(&clock_, &RetryClock::ticked, this, &RemoteLink::stateChanged);
    connect(&clock_, &RetryClock::due, this, &RemoteLink::connectNow);
    connect(&tunnel_, &SshTunnel::failed, this, [this](const QString& message) {
        addStep({"ssh", false, message.toStdString()});
        lose(message);
    });
    connect(&tunnel_, &SshTunnel::opened, this, [this](double seconds) {
        endpoint_.host = "127.0.0.1";
        endpoint_.port = tunnel_.localPort();
        addStep({"ssh", true,
                 tr("up in %1 ms, forwarded to 127.0.0.1:%2")
                     .arg(static_cast<int>(seconds * 1000))
                     .arg(tunnel_.localPort())
                     .toStdString()});
        askToken();
    });
}

RemoteLink::~RemoteLink() {
    stop_.request_stop();
    client_.reset(); // joins its thread: no callback comes after this
}

void RemoteLink::setEntry(const NodeEntry& entry) {
    const NodeEntry before = std::exchange(entry_, entry);
    NodeEntry renamed = before;
    renamed.name = entry.name;
    if (renamed != entry)
        connectNow();
    else
        emit stateChanged();
}

void RemoteLink::setState(LinkState state, const QString& message) {
    state_ = state;
    message_ = message;
    emit stateChanged();
}

void RemoteLink::addStep(const client::ProbeStep& step) {
    steps_.push_back(step);
    emit stepsChanged();
}

void RemoteLink::connectNow() {
    clock_.stop();
    dropClient();
    steps_.clear();
    offered_.reset();
    setState(LinkState::Connecting);
    try {
        endpoint_ = client::parseUrl(entry_.address.toStdString());
        endpoint_.fingerprint = entry_.fingerprint.toStdString();
    } catch (const Error& error) {
        return setState(LinkState::Failed, QString::fromUtf8(error.what()));
    }
    if (!entry_.tunnelled()) {
        tunnel_.close(); // of an earlier way to it: its end would be taken for the node's
        askToken();
    } else
        tunnel_.open(entry_.ssh_host, text(endpoint_.host), endpoint_.port);
}

void RemoteLink::stopTrying() {
    clock_.stop();
    dropClient();
    tunnel_.close();
    setState(LinkState::Off, message_);
}

void RemoteLink::dropClient() {
    stop_.request_stop();
    stop_ = std::stop_source();
    ++generation_;
    poll_timer_.stop();
    poll_open_ = false;
    const bool had = client_ != nullptr;
    client_.reset();
    info_.reset();
    load_.reset();
    if (had) {
        emit clientChanged();
        emit infoChanged();
    }
}

void RemoteLink::askToken() {
    const auto read = [this, mine = generation_, guard = QPointer<RemoteLink>(this)](
                          const QString& token, const QString& problem, bool withheld) {
        if (!guard || mine != generation_)
            return;
        token_ = token;
        secret_problem_ = problem;
        if (!withheld)
            return probe();
        // Without it the node would say that the token is wrong, and a person would type it anew.
        addStep({"secret service", false, problem.toStdString()});
        tunnel_.close();
        setState(LinkState::Failed,
                 tr("The desktop's secret service does not give the token of %1 out: %2. Unlock it "
                    "and connect again.")
                     .arg(entry_.name, problem));
    };
    secrets_.read(entry_.id, read);
}

void RemoteLink::probe() {
    using Result = std::variant<client::ServerProbe, Error>;
    const auto guard = QPointer<RemoteLink>(this);
    const auto heard = [guard, mine = generation_](const client::ProbeStep& step) {
        QMetaObject::invokeMethod(QCoreApplication::instance(), [guard, mine, step] {
            if (guard && mine == guard->generation_)
                guard->addStep(step);
        });
    };
    inBackground(
        this,
        [endpoint = endpoint_, token = token_.toStdString(), model = entry_.model.toStdString(), heard,
         stop = stop_.get_token()]() -> Result {
            try {
                return client::probeServer(endpoint, {.token = token, .http = {}}, model, heard, stop);
            } catch (const Error& error) {
                return error;
            }
        },
        [this, mine = generation_](const Result& result) {
            if (mine != generation_)
                return;
            if (const auto* error = std::get_if<Error>(&result)) {
                addStep({"server", false, error->what()});
                if (!secret_problem_.isEmpty())
                    addStep({"secret service", false, secret_problem_.toStdString()});
                return lose(QString::fromUtf8(error->what()));
            }
            takeProbe(std::get<client::ServerProbe>(result));
        });
}

void RemoteLink::takeProbe(const client::ServerProbe& probe) {
    if (probe.refused_certificate) { // nothing gets better by trying again
        dropClient();
        offered_ = probe.refused_certificate;
        return setState(LinkState::Failed, text(probe.problem));
    }
    round_trip_ = probe.round_trip_seconds;
    facts_ = probe.facts;
    models_ = probe.models;
    const bool ours = facts_.kind == client::ServerKind::Fulgurite;
    if (!ours && !probe.problem.empty())
        return lose(text(probe.problem));
    clock_.succeeded();
    if (!client_) {
        const client::ClientOptions options{.token = token_.toStdString(), .http = {}};
        client_ = ours ? client::connectToNode(endpoint_, options)
                       : client::connectToProbed(endpoint_, *probe.info, options);
        emit clientChanged();
    }
    if (!probe.info) {
        // Ours without a model: it can be looked at, and given one.
        setState(probe.loading ? LinkState::Loading : LinkState::Failed, text(probe.problem));
        QTimer::singleShot(kPollMilliseconds, this, [this, mine = generation_] {
            if (mine == generation_) {
                steps_.clear();
                this->probe();
            }
        });
        return;
    }
    info_ = probe.info;
    state_ = LinkState::Ready;
    message_.clear();
    emit infoChanged();
    emit stateChanged();
    poll_timer_.start();
    poll();
}

void RemoteLink::poll() {
    const bool ours = facts_.kind == client::ServerKind::Fulgurite;
    if (poll_open_) {
        if (poll_sent_.elapsed() > (ours ? kSilence : kForeignSilence))
            lose(tr("%1 has not answered for %2 s. Is the network or the tunnel cut?")
                     .arg(text(endpoint_.url()))
                     .arg(poll_sent_.elapsed() / 1000));
        return;
    }
    poll_open_ = true;
    poll_sent_.start();
    const auto guard = QPointer<RemoteLink>(this);
    const quint64 mine = generation_;
    const auto back = [guard, mine](auto take) {
        QMetaObject::invokeMethod(QCoreApplication::instance(), [guard, mine, take] {
            if (guard && mine == guard->generation_)
                take(*guard);
        });
    };
    if (ours)
        client_->load([back](const client::Outcome<client::EngineLoad>& load) {
            back([load](RemoteLink& link) {
                if (!load.ok())
                    return link.lookAgain();
                link.load_ = load.value();
                link.polled(true);
            });
        });
    else
        client_->health([back](const client::Outcome<client::Health>& health) {
            back([health](RemoteLink& link) {
                if (!health.ok())
                    return link.lose(QString::fromUtf8(health.error().what()));
                link.polled(false);
            });
        });
}

// Somebody may have loaded another model there between two polls.
void RemoteLink::askInfo() {
    const auto guard = QPointer<RemoteLink>(this);
    client_->info([guard, mine = generation_](const client::Outcome<client::EngineInfo>& info) {
        QMetaObject::invokeMethod(QCoreApplication::instance(), [guard, mine, info] {
            if (!guard || mine != guard->generation_ || !info.ok() || !guard->info_)
                return;
            const client::ModelInfo& now = info.value().model;
            const client::ModelInfo& known = guard->info_->model;
            if (now.id != known.id || now.path != known.path || now.weight_bytes != known.weight_bytes)
                guard->lookAgain();
        });
    });
}

// It may be gone, or have another model now.
void RemoteLink::lookAgain() {
    poll_timer_.stop();
    poll_open_ = false;
    info_.reset();
    load_.reset();
    steps_.clear();
    setState(LinkState::Connecting);
    emit infoChanged();
    probe();
}

void RemoteLink::polled(bool load_came) {
    poll_open_ = false;
    round_trip_ = static_cast<double>(poll_sent_.nsecsElapsed()) / 1e9;
    if (load_came)
        emit loadChanged();
    // Who heard of the load may have closed the link.
    if (load_came && client_ && ++polls_ % kPollsBetweenInfos == 0)
        askInfo();
    emit stateChanged();
}

void RemoteLink::lose(const QString& why) {
    dropClient();
    tunnel_.close();
    state_ = LinkState::Waiting;
    message_ = why;
    clock_.failed(); // tells the change
}

} // namespace fulgurite
