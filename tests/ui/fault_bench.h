// SPDX-License-Identifier: GPL-3.0-or-later
// For tests that lose a node, a network or a disk while an answer is written: a conversation with a node, and the
// answer that it would have been without the fault.
#pragma once

#include "tests/ui/random_model.h"
#include "ui/base/settings.h"
#include "ui/base/theme_manager.h"
#include "ui/conversation/conversation_controller.h"
#include "ui/engine/engine_link.h"
#include "ui/nodes/node_hub.h"
#include "ui/nodes/reconnect_notice.h"

#include <QPushButton>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <memory>

namespace fulgurite::test {

inline constexpr int kPatience = 30000;
inline constexpr int kTokens = 3000; // a second of writing: long enough to be cut in the middle on a fast machine

// What the Prompt page puts together: a conversation, the node in use, and the notice over the composer.
struct FaultBench {
    explicit FaultBench(const QString& folder)
        : paths(Paths::inside(folder)),
          settings(paths.settingsFile()),
          local(settings, paths),
          link(local),
          hub(link, local, folder),
          controller(folder + "/workspace.db"),
          notice(themes) {
        QObject::connect(&link, &EngineLink::clientChanged, &controller, [this] {
            if (!link.client()) {
                controller.clearEngine();
            }
        });
        QObject::connect(&link, &EngineLink::infoChanged, &controller, [this] {
            if (link.client() && link.info()) {
                controller.setEngine(link.client(), *link.info(), hub.current());
            }
        });
        QObject::connect(&notice, &ReconnectNotice::stopped, &controller,
                         &ConversationController::giveUpInterrupted);
    }
    void use(const QString& id) {
        hub.use(id);
        notice.watch(&link.current(), hub.nameOf(id));
    }

    Paths paths;
    Settings settings;
    LocalEngine local;
    EngineLink link;
    NodeHub hub;
    ConversationController controller;
    ThemeManager themes;
    ReconnectNotice notice;
};

class FaultTest : public QObject {
  protected:
    std::unique_ptr<QTemporaryDir> folder_;
    std::unique_ptr<FaultBench> bench_;
    QString id_; // of the node

    ConversationController& controller() { return bench_->controller; }
    NodeHub& hub() { return bench_->hub; }
    ReconnectNotice& notice() { return bench_->notice; }
    const Turn& answer() { return controller().line().turns.last(); }
    QPushButton* button(const QString& name) {
        for (QPushButton* each : notice().findChildren<QPushButton*>()) {
            if (each->text().startsWith(name)) {
                return each;
            }
        }
        return nullptr;
    }
    // A window with its files in `folder`, and the node that it uses.
    void openWith(const QString& folder, const QString& address, const QString& token = {}) {
        bench_ = std::make_unique<FaultBench>(folder);
        QSignalSpy shown(&controller(), &ConversationController::lineChanged);
        QTRY_VERIFY(!shown.isEmpty());
        NodeEntry entry;
        entry.name = "far";
        entry.address = address;
        id_ = hub().add(entry, token);
        bench_->use(id_);
        QTRY_VERIFY2_WITH_TIMEOUT(controller().engineReady(), qPrintable(hub().link(id_).message()), kPatience);
        QVERIFY(!notice().isVisible());
    }
    QList<int> ids(const Turn& turn) {
        QList<int> result;
        controller().store().post([&result, id = turn.id](StoreSession& session) {
            session.flush();
            for (const TokenId each : session.workspace().tokens().ids(id)) {
                result << each;
            }
        });
        controller().store().wait();
        return result;
    }
    void settle() {
        QTRY_VERIFY_WITH_TIMEOUT(!controller().running() && !controller().interrupted(), kPatience);
        controller().store().wait();
        QCoreApplication::processEvents();
    }
    SamplerSettings sampler() const {
        SamplerSettings settings;
        settings.seed = 41;
        settings.max_tokens = kTokens;
        settings.repetition_run = 0;
        settings.logit_bias = {{418, "<end_of_sentence>", -100, {}}};
        return settings;
    }
    // The whole answer, with nothing in its way.
    void reference(QList<int>& tokens, QString& text) {
        controller().setSampler(sampler());
        controller().send("go on");
        QTRY_VERIFY(controller().running());
        settle();
        QCOMPARE(answer().token_count, kTokens);
        tokens = ids(answer());
        text = answer().text + answer().thinking.text;
        controller().newConversation();
        QTRY_VERIFY(controller().line().turns.isEmpty());
        controller().setSampler(sampler());
    }
    // As far as a few tokens of the answer.
    void begin() {
        controller().send("go on");
        QTRY_VERIFY_WITH_TIMEOUT(controller().runningTurn() != 0 && !controller().line().turns.isEmpty(),
                                 kPatience);
        QSignalSpy tokens(&controller(), &ConversationController::tokensAppended);
        QTRY_VERIFY_WITH_TIMEOUT(tokens.count() >= 1, kPatience);
    }
    void compare(const QList<int>& tokens, const QString& text) {
        QVERIFY2(answer().state == TurnState::Complete, qPrintable(answer().note));
        QCOMPARE(ids(answer()), tokens);
        QCOMPARE(answer().text + answer().thinking.text, text);
    }
};

} // namespace fulgurite::test
