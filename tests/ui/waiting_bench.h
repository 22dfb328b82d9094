// SPDX-License-Identifier: GPL-3.0-or-later
// What tests of waiting messages begin with: slow answers, files that refuse, several nodes.
#pragma once

#include "tests/ui/conversation_bench.h"

#include <functional>

namespace fulgurite {

class WaitingBench : public ConversationBench {
  protected:
    static client::EngineInfo resumingInfo() {
        client::EngineInfo info = FakeNode::info();
        info.capabilities.insert("resume");
        return info;
    }
    // As far as its first tokens: the rest comes once the node is told to go on, or never where it is stopped.
    void sendHeld(const QString& text) {
        node_->holdNext();
        QSignalSpy tokens(controller_.get(), &ConversationController::tokensAppended);
        controller_->send(text);
        QTRY_VERIFY_WITH_TIMEOUT(!tokens.isEmpty(), kPatience);
    }
    void inStore(std::function<void(StoreSession&)> work) {
        controller_->store().post(std::move(work));
        controller_->store().wait();
    }
    // As a disk that is full, or a folder that has become one for reading.
    void refuseWriting(bool refused) {
        inStore([refused](StoreSession& session) {
            session.workspace().database().execute(refused ? "PRAGMA query_only = 1" : "PRAGMA query_only = 0");
        });
    }
    QString draftInFile(qint64 conversation) {
        QString draft;
        inStore([&draft, conversation](StoreSession& session) {
            draft = QString::fromStdString(session.workspace().draft(conversation));
        });
        return draft;
    }
    // As the page does it where a conversation with that node is shown.
    void use(const QString& node, const std::shared_ptr<client::EngineClient>& client) {
        controller_->setTarget(node);
        controller_->setEngine(client, resumingInfo(), node);
    }
};

} // namespace fulgurite
