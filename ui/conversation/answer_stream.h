// SPDX-License-Identifier: GPL-3.0-or-later
// One generation, brought from the client's thread to the window's: tokens in bundles, at most thirty times a
// second.
#pragma once

#include "core/client/engine_client.h"

#include <QElapsedTimer>
#include <QObject>
#include <QTimer>

#include <memory>
#include <vector>

namespace fulgurite {

class AnswerStream : public QObject {
    Q_OBJECT

  public:
    explicit AnswerStream(QObject* parent = nullptr);
    ~AnswerStream() override; // cancels; nothing is heard afterwards

    void start(client::EngineClient& client, const client::GenerateRequest& request);
    void cancel(); // ended() follows with Error{Cancelled}
    // Set in ended() where the server answered the request itself with an error.
    const std::optional<client::Refusal>& refusal() const { return refusal_; }

  signals:
    void started(const fulgurite::client::StreamStart& start);
    void prefilled(const fulgurite::client::StreamPrefill& prefill);
    void tokensArrived(const std::vector<fulgurite::TokenInfo>& tokens);
    // Last. One of the two is set.
    void ended(const std::optional<fulgurite::client::StreamDone>& done,
               const std::optional<fulgurite::Error>& error);

  private:
    class Mailbox;
    void wake();
    void drain();

    std::shared_ptr<Mailbox> mailbox_;
    std::shared_ptr<client::HttpCall> call_;
    std::optional<client::Refusal> refusal_;
    QTimer timer_;
    QElapsedTimer since_drain_;
};

} // namespace fulgurite
