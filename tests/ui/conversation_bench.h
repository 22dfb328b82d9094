// SPDX-License-Identifier: GPL-3.0-or-later
// A controller over a workspace of its own, at a node that plays scripts: what tests of conversations begin with.
#pragma once

#include "tests/ui/fake_node.h"
#include "ui/conversation/conversation_controller.h"

#include <QCoreApplication>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <memory>

namespace fulgurite {

class ConversationBench : public QObject {
  protected:
    static constexpr int kPatience = 20000; // ms, on a machine with much else to do

    QString file() const { return folder_->filePath("workspace.db"); }
    const LineView& line() const { return controller_->line(); }
    const QList<Turn>& turns() const { return line().turns; }
    void settle() {
        QTRY_VERIFY_WITH_TIMEOUT(!controller_->running() && controller_->queue().isEmpty(), kPatience);
        controller_->store().wait();
        QCoreApplication::processEvents();
    }
    void show(qint64 conversation) {
        controller_->open(conversation);
        QTRY_COMPARE_WITH_TIMEOUT(line().id, conversation, kPatience);
    }
    void beginAnother() {
        controller_->newConversation();
        QTRY_COMPARE_WITH_TIMEOUT(line().id, qint64(0), kPatience);
    }
    void send(const QString& text) {
        controller_->send(text);
        settle();
    }
    // With a workspace and a node that nothing has happened to.
    void startAnew(const client::EngineInfo& info = FakeNode::info()) {
        folder_ = std::make_unique<QTemporaryDir>();
        node_ = std::make_unique<FakeNode>();
        start(info);
    }
    void start(const client::EngineInfo& info = FakeNode::info()) {
        controller_ = std::make_unique<ConversationController>(file());
        QSignalSpy shown(controller_.get(), &ConversationController::lineChanged);
        QTRY_VERIFY_WITH_TIMEOUT(!shown.isEmpty(), kPatience);
        controller_->setEngine(node_->connect(), info);
    }
    void end() {
        controller_.reset();
        node_.reset();
    }

    std::unique_ptr<QTemporaryDir> folder_;
    std::unique_ptr<FakeNode> node_;
    std::unique_ptr<ConversationController> controller_;
};

} // namespace fulgurite
