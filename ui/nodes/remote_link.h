// SPDX-License-Identifier: GPL-3.0-or-later
// The link to a node of another machine or another program: opens the tunnel where there is one, finds out what
// answers, watches it, and tries again with a countdown when it is lost.
#pragma once

#include "core/client/server_probe.h"
#include "ui/engine/node_link.h"
#include "ui/engine/retry_clock.h"
#include "ui/nodes/node_book.h"
#include "ui/nodes/ssh_tunnel.h"

#include <QElapsedTimer>
#include <QTimer>

#include <memory>
#include <stop_token>

namespace fulgurite {

class SecretStore;

class RemoteLink : public NodeLink {
    Q_OBJECT

  public:
    RemoteLink(const NodeEntry& entry, SecretStore& secrets, QObject* parent = nullptr);
    ~RemoteLink() override;

    const NodeEntry& entry() const { return entry_; }
    void setEntry(const NodeEntry& entry); // connects again where the way changed

    LinkState state() const override { return state_; }
    QString message() const override { return message_; }
    int secondsLeft() const override { return clock_.secondsLeft(); }
    int tries() const override { return clock_.failures(); }
    void connectNow() override;
    void stopTrying() override;

    const std::vector<client::OfferedModel>& models() const { return models_; }
    const std::vector<client::ProbeStep>& steps() const { return steps_; } // of the latest connecting
    // What it shows while it is refused for its certificate: it can be accepted by pinning it
    // (NodeEntry::fingerprint).
    const std::optional<client::CertificateInfo>& offered() const { return offered_; }
    double roundTripSeconds() const { return round_trip_; } // of the latest question; 0: none yet
    // Where the requests go: of a tunnel this computer's end.
    const client::HttpEndpoint& endpoint() const { return endpoint_; }
    const QString& token() const { return token_; }

  signals:
    void stepsChanged();

  private:
    void setState(LinkState state, const QString& message = {});
    void openTunnel();
    void askToken();
    void probe();
    void takeProbe(const client::ServerProbe& probe);
    void poll();
    void lookAgain();
    void askInfo();
    void polled(bool load_came);
    void lose(const QString& why);
    void dropClient();
    void addStep(const client::ProbeStep& step);

    NodeEntry entry_;
    SecretStore& secrets_;
    SshTunnel tunnel_;
    RetryClock clock_;
    QTimer poll_timer_;
    QElapsedTimer poll_sent_;
    LinkState state_ = LinkState::Off;
    QString message_;
    QString token_;
    QString secret_problem_; // why the token may be missing
    client::HttpEndpoint endpoint_;
    std::vector<client::OfferedModel> models_;
    std::vector<client::ProbeStep> steps_;
    std::optional<client::CertificateInfo> offered_;
    std::stop_source stop_;
    double round_trip_ = 0;
    bool poll_open_ = false;
    int polls_ = 0;
    quint64 generation_ = 0; // what an earlier connection says is dropped
};

} // namespace fulgurite
