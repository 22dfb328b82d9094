// SPDX-License-Identifier: GPL-3.0-or-later
// A node that is lost while it writes: killed, cut off, silent, slow. The window keeps the draft, marks what was
// cut, counts down and goes on from the last token, so that nothing comes twice and nothing is lost; or says that
// it cannot. With the real engine behind a bad network.
#include "tests/support/fault_proxy.h"
#include "tests/ui/random_model.h"
#include "tests/unit/scripted_server.h"
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

using namespace fulgurite;

namespace {
constexpr int kPatience = 30000;
constexpr int kTokens = 3000; // a second of writing: long enough to be cut in the middle on a fast machine
} // namespace

// What the Prompt page puts together: a conversation, the node in use, and the notice over the composer.
struct Bench {
    explicit Bench(const QString& folder)
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

class TestFaults : public QObject {
    Q_OBJECT

  private:
    std::unique_ptr<QTemporaryDir> folder_;
    std::unique_ptr<test::ServedModel> node_;
    std::unique_ptr<test::FaultProxy> proxy_;
    std::unique_ptr<Bench> bench_;
    QString id_;

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
        settings.logit_bias = {{418, "<end_of_sentence>", -100}};
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

  private slots:
    void initTestCase() {
        if (LocalEngine::findProgram().isEmpty()) {
            QSKIP("there is no fulgurite-engine beside this test");
        }
    }
    void init() {
        folder_ = std::make_unique<QTemporaryDir>();
        const QString model = folder_->filePath("model");
        QVERIFY(test::makeRandomModel(model));
        node_ = std::make_unique<test::ServedModel>(model);
        proxy_ = std::make_unique<test::FaultProxy>(node_->port());
        bench_ = std::make_unique<Bench>(folder_->path());
        QSignalSpy shown(&controller(), &ConversationController::lineChanged);
        QTRY_VERIFY(!shown.isEmpty());
        NodeEntry entry;
        entry.name = "far";
        entry.address = QStringLiteral("http://127.0.0.1:%1").arg(proxy_->port());
        id_ = hub().add(entry, {});
        bench_->use(id_);
        QTRY_VERIFY_WITH_TIMEOUT(controller().engineReady(), kPatience);
        QVERIFY(!notice().isVisible());
    }
    void cleanup() {
        bench_.reset();
        proxy_.reset();
        node_.reset();
    }

    void aKilledNodeIsReconnectedAndTheAnswerGoesOn() {
        QList<int> tokens;
        QString text;
        reference(tokens, text);
        proxy_->delay(15); // so that there is time to kill it
        begin();
        controller().setDraft("typing");
        node_->kill();
        QTRY_VERIFY_WITH_TIMEOUT(controller().interrupted() && notice().isVisible(), kPatience);
        QTRY_VERIFY(answer().state == TurnState::Cut);
        const int had = controller().interrupted()->tokens;
        QVERIFY2(had > 0 && had < kTokens, qPrintable(QString::number(had)));
        QCOMPARE(controller().line().draft, QString("typing"));
        QCOMPARE(hub().link(id_).state(), LinkState::Waiting);
        QVERIFY(hub().link(id_).secondsLeft() > 0);
        controller().send("and then"); // waits behind what was cut
        QCOMPARE(controller().queue(), QStringList("and then"));
        proxy_->delay(0);
        node_->start();
        proxy_->setServer(node_->port());
        QVERIFY(button("Try now"));
        button("Try now")->click();
        QTRY_VERIFY_WITH_TIMEOUT(controller().line().turns.size() == 4 && !controller().running(), kPatience);
        controller().store().wait();
        const Turn& first = controller().line().turns[1];
        QVERIFY2(first.state == TurnState::Complete, qPrintable(first.note));
        QCOMPARE(ids(first), tokens);
        QCOMPARE(first.text + first.thinking.text, text);
        QVERIFY(!notice().isVisible());
    }

    // The connection of the stream alone is cut: nobody has to wait for anything.
    void aCutStreamGoesOnAtOnce() {
        QList<int> tokens;
        QString text;
        reference(tokens, text);
        QSignalSpy resumed(&controller(), &ConversationController::resumed);
        proxy_->cutAfter(60'000);
        begin();
        settle();
        QVERIFY(resumed.count() >= 1);
        compare(tokens, text);
    }

    void aSilentNetworkIsNoticed() {
        QList<int> tokens;
        QString text;
        reference(tokens, text);
        proxy_->delay(15);
        begin();
        proxy_->stall(true);
        QTRY_VERIFY_WITH_TIMEOUT(hub().link(id_).state() == LinkState::Waiting, 20000);
        QVERIFY2(hub().link(id_).message().contains("answer"), qPrintable(hub().link(id_).message()));
        QTRY_VERIFY(controller().interrupted());
        proxy_->delay(0);
        proxy_->stall(false);
        settle(); // by the countdown itself
        compare(tokens, text);
    }

    void aSlowNetworkIsNoFault() {
        QList<int> tokens;
        QString text;
        reference(tokens, text);
        proxy_->delay(40);
        QSignalSpy cut(&controller(), &ConversationController::interruptedChanged);
        begin();
        settle();
        QCOMPARE(cut.count(), 0);
        compare(tokens, text);
    }

    void withStopStringsTheWholeAnswerIsWrittenAgain() {
        QList<int> tokens;
        QString text;
        reference(tokens, text);
        SamplerSettings settings = sampler();
        settings.stop_strings = {"never said"};
        controller().setSampler(settings);
        QSignalSpy resumed(&controller(), &ConversationController::resumed);
        proxy_->cutAfter(60'000);
        begin();
        settle();
        QCOMPARE(resumed.count(), 1);
        QCOMPARE(resumed.first()[1].toInt(), 0);
        compare(tokens, text);
    }

    void stoppingKeepsWhatArrived() {
        controller().setSampler(sampler());
        proxy_->delay(15);
        begin();
        proxy_->refuse(true);
        proxy_->cut();
        QTRY_VERIFY_WITH_TIMEOUT(notice().isVisible(), kPatience);
        QTRY_VERIFY_WITH_TIMEOUT(hub().link(id_).tries() >= 2, kPatience); // it tries by itself
        QTRY_VERIFY_WITH_TIMEOUT(notice().isVisible() && button("Stop"), kPatience);
        button("Stop")->click();
        QVERIFY(!controller().interrupted());
        QCOMPARE(hub().link(id_).state(), LinkState::Off);
        QTRY_VERIFY(!notice().isVisible());
        QVERIFY(answer().state == TurnState::Cut);
        QVERIFY(!answer().tokens.isEmpty());
    }

    // A server that takes no tokens: what arrived is kept, and it is said that it ends there.
    void aForeignServerSaysThatItCannotGoOn() {
        using S = ScriptedServer;
        S server([](const std::string& request) -> S::Script {
            if (request.starts_with("GET /v1/models ")) {
                return {{S::answer(200, "application/json", R"({"data":[{"id":"m","owned_by":"vllm"}]})")}};
            }
            if (request.starts_with("POST /v1/chat") && request.find("\"stream\":true") != std::string::npos) {
                return {{S::streamHead() +
                         S::chunk("data: {\"id\":\"c\",\"choices\":[{\"delta\":{\"content\":\"half of\"}}]}\n\n")},
                        {"", 200}};
            }
            if (request.starts_with("POST /v1/chat")) {
                return {{S::answer(200, "application/json", R"({"choices":[{"message":{"content":"Hi"}}]})")}};
            }
            return {{S::answer(404, "application/json", R"({"detail":"Not Found"})")}};
        });
        NodeEntry entry;
        entry.name = "foreign";
        entry.address = QStringLiteral("http://127.0.0.1:%1").arg(server.port());
        const QString foreign = hub().add(entry, {});
        bench_->use(foreign);
        QTRY_VERIFY_WITH_TIMEOUT(controller().engineReady() && hub().current() == foreign, kPatience);
        QVERIFY(!bench_->link.whyNot("continue").isEmpty());
        controller().send("hello");
        QTRY_VERIFY_WITH_TIMEOUT(controller().line().turns.size() == 2, kPatience);
        settle();
        QVERIFY(answer().state == TurnState::Cut);
        QCOMPARE(answer().text, QString("half of"));
        QVERIFY2(answer().note.contains("connection"), qPrintable(answer().note));
    }
};

QTEST_MAIN(TestFaults)
#include "test_faults.moc"
