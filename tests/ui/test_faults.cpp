// SPDX-License-Identifier: GPL-3.0-or-later
// A node that is lost while it writes: killed, cut off, silent, slow. The window keeps the draft, marks what was
// cut, counts down and goes on from the last token, so that nothing comes twice and nothing is lost; or says that
// it cannot. With the real engine behind a bad network.
#include "tests/support/fault_proxy.h"
#include "tests/ui/fault_bench.h"
#include "tests/unit/scripted_server.h"

using namespace fulgurite;
using namespace fulgurite::test;

class TestFaults : public FaultTest {
    Q_OBJECT

  private:
    std::unique_ptr<ServedModel> node_;
    std::unique_ptr<FaultProxy> proxy_;

  private slots:
    void initTestCase() {
        if (LocalEngine::findProgram().isEmpty()) {
            QFAIL("there is no fulgurite-engine beside this test");
        }
    }
    void init() {
        folder_ = std::make_unique<QTemporaryDir>();
        const QString model = folder_->filePath("model");
        QVERIFY(makeRandomModel(model));
        node_ = std::make_unique<ServedModel>(model, QStringList{"--grace-seconds", "0"});
        proxy_ = std::make_unique<FaultProxy>(node_->port());
        openWith(folder_->path(), QStringLiteral("http://127.0.0.1:%1").arg(proxy_->port()));
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

    // Ended in order, a node says goodbye in the stream itself.
    void aNodeThatIsStoppedAndStartedGoesOnToo() {
        QList<int> tokens;
        QString text;
        reference(tokens, text);
        proxy_->delay(15);
        begin();
        node_->terminate();
        QTRY_VERIFY_WITH_TIMEOUT(controller().interrupted() && notice().isVisible(), kPatience);
        const int had = controller().interrupted()->tokens;
        QVERIFY2(had > 0 && had < kTokens, qPrintable(QString::number(had)));
        proxy_->delay(0);
        node_->start();
        proxy_->setServer(node_->port());
        settle();
        compare(tokens, text);
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
