// SPDX-License-Identifier: GPL-3.0-or-later
// Messages that wait belong to their conversation and its node, whatever is shown or undone meanwhile.
#include "tests/ui/waiting_bench.h"

#include <QThread>

#include <string>
#include <utility>

using namespace fulgurite;

class TestQueue : public WaitingBench {
    Q_OBJECT

  private slots:
    void init() { startAnew(resumingInfo()); }
    void cleanup() { end(); }

    // The engine in use is that of the conversation that is shown; a message behind an answer in another one, or
    // behind a node that is not there, is for its own conversation's node.
    void aMessageGoesToItsConversationsNodeAlone() {
        FakeNode elsewhere;
        const auto here = node_->connect();
        const auto there = elsewhere.connect();
        use("here", here);
        sendHeld("first");
        const qint64 one = line().id;
        controller_->send("second");
        beginAnother();
        use("there", there);
        node_->letGo();
        QTRY_VERIFY_WITH_TIMEOUT(!controller_->running(), kPatience);
        QTest::qWait(200);
        QVERIFY(elsewhere.generations().isEmpty());
        QVERIFY(!controller_->queues()); // it holds nothing back
        send("at once");
        QCOMPARE(elsewhere.generations().size(), 1);
        const qint64 two = line().id;

        show(one);
        QCOMPARE(controller_->queue(), QStringList("second"));
        use("here", here);
        settle();
        QCOMPARE(line().turns.size(), 4);
        QCOMPARE(node_->generations().size(), 2);
        QCOMPARE(elsewhere.generations().size(), 1);

        // The node that the conversation is for is not there yet, and another one's engine still is.
        controller_->setTarget("there");
        QVERIFY(controller_->queues());
        controller_->send("third");
        QTest::qWait(200);
        QCOMPARE(controller_->queue(), QStringList("third"));
        QCOMPARE(node_->generations().size(), 2);
        use("there", there);
        settle();
        QCOMPARE(elsewhere.generations().size(), 2);

        // Moved while it waits.
        controller_->clearEngine();
        controller_->send("fourth");
        use("here", here);
        settle();
        QCOMPARE(node_->generations().size(), 3);

        // Another conversation is shown before the file has made room for the answer.
        show(two);
        use("here", here);
        controller_->store().post([](StoreSession&) { QThread::msleep(300); });
        controller_->send("fifth");
        use("there", there);
        settle();
        QCOMPARE(node_->generations().size(), 4);
        QCOMPARE(elsewhere.generations().size(), 2);
    }

    // Neither does what is asked for while an answer runs, and comes when that has been stopped.
    void whatIsAskedOfANodeIsAskedOfNoOther() {
        FakeNode elsewhere;
        const auto here = node_->connect();
        const auto there = elsewhere.connect();
        use("here", here);
        sendHeld("first");
        QSignalSpy failed(controller_.get(), &ConversationController::failed);
        controller_->regenerate(line().turns.last().id);
        use("there", there);
        QTRY_COMPARE_WITH_TIMEOUT(failed.count(), 1, kPatience);
        QVERIFY2(failed.first()[0].toString().contains("Ask again"), qPrintable(failed.first()[0].toString()));
        settle();
        QVERIFY(elsewhere.generations().isEmpty());
        QCOMPARE(node_->generations().size(), 1);
    }

    void aNodeThatIsNotThereYetIsNotAnother() {
        use("here", node_->connect());
        send("go");
        controller_->setTarget("there");
        controller_->clearEngine();
        QSignalSpy failed(controller_.get(), &ConversationController::failed);
        controller_->regenerate(line().turns.last().id);
        QCOMPARE(failed.count(), 1);
        QVERIFY2(failed[0][0].toString().contains("No engine is ready"), qPrintable(failed[0][0].toString()));
    }

    void whatIsAskedForLaterGoesByTheSettingsOfThatMoment() {
        const auto setTemperature = [this](double temperature) {
            SamplerSettings sampler = line().sampler;
            sampler.temperature = temperature;
            controller_->setSampler(sampler);
        };
        setTemperature(0.25);
        send("one");
        const qint64 one = line().id;
        beginAnother();
        setTemperature(1.5);
        send("two");
        const qint64 two = line().id;
        show(one);
        sendHeld("more");
        controller_->regenerate(line().turns.last().id);
        controller_->open(two);
        QTRY_COMPARE_WITH_TIMEOUT(node_->generations().size(), 4, kPatience);
        settle();
        QCOMPARE(line().id, two);
        const QJsonObject sent = node_->generations().last();
        QCOMPARE(sent["sampler"]["temperature"].toDouble(), 0.25);
    }

    // Also where what is shown is followed to its node before that is done.
    void whatIsPutOffComesBeforeWhatWaits() {
        use("here", node_->connect());
        connect(controller_.get(), &ConversationController::lineChanged, controller_.get(),
                [this] { controller_->setTarget("here"); });
        sendHeld("go");
        controller_->send("on");
        QSignalSpy restored(controller_.get(), &ConversationController::draftRestored);
        controller_->undo();
        QTRY_COMPARE_WITH_TIMEOUT(restored.count(), 2, kPatience);
        QCOMPARE(restored[0][0].toString(), QString("on"));
        QCOMPARE(restored[1][0].toString(), QString("go"));
        settle();
        QCOMPARE(node_->generations().size(), 1);
        QVERIFY(line().turns.isEmpty());

        sendHeld("second");
        controller_->send("third");
        controller_->regenerate(line().turns.last().id);
        QTRY_COMPARE_WITH_TIMEOUT(node_->generations().size(), 4, kPatience);
        settle();
        for (const auto& [at, text] : {std::pair(2, "second"), std::pair(3, "third")}) {
            const QJsonObject sent = node_->generations()[at];
            QCOMPARE(sent["messages"].toArray().last().toObject()["content"].toString(), QString(text));
        }
    }

    void aMessageThatIsSentDuringAnUndoComesBack() {
        send("go");
        QSignalSpy restored(controller_.get(), &ConversationController::draftRestored);
        controller_->store().post([](StoreSession&) { QThread::msleep(300); });
        controller_->undo();
        controller_->send("on");
        QCOMPARE(controller_->queue(), QStringList("on"));
        QTRY_COMPARE_WITH_TIMEOUT(restored.count(), 2, kPatience);
        QCOMPARE(restored[0][0].toString(), QString("on"));
        QCOMPARE(restored[1][0].toString(), QString("go"));
        settle();
        QCOMPARE(node_->generations().size(), 1);
        QCOMPARE(controller_->undoLabels().redo, QString("Send"));
    }

    // It was text alone, and may look like anything.
    void whatWaitedWhenAnEarlierVersionEndedIsADraft() {
        for (const std::string waited : {"one\n\ntwo", "[1, 2]", "{\"text\": 3}"}) {
            inStore([waited](StoreSession& session) {
                session.workspace().setDraft(0, "typed");
                session.workspace().setValue(ValueKind::Setting, "queue", waited);
            });
            controller_.reset();
            start(resumingInfo());
            QCOMPARE(line().draft, QString::fromStdString(waited) + "\n\ntyped");
        }
        controller_.reset();
        start(resumingInfo());
        QCOMPARE(line().draft, QString("{\"text\": 3}\n\ntyped")); // once
    }

    void whatWaitedIsKeptUntilItIsADraft() {
        inStore([](StoreSession& session) {
            session.workspace().setValue(ValueKind::Setting, "queue", R"([{"conversation":"0","text":"old"}])");
            session.workspace().database().execute(
                "CREATE TRIGGER refuse BEFORE INSERT ON drafts BEGIN SELECT RAISE(ABORT, 'no room'); END");
        });
        controller_ = std::make_unique<ConversationController>(file());
        QSignalSpy shown(controller_.get(), &ConversationController::lineChanged);
        controller_->send("new"); // before the file is open
        QTRY_VERIFY_WITH_TIMEOUT(!shown.isEmpty(), kPatience);
        QCOMPARE(controller_->queue(), QStringList("new"));
        inStore([](StoreSession& session) { session.workspace().database().execute("DROP TRIGGER refuse"); });
        controller_.reset();
        start(resumingInfo());
        QCOMPARE(line().draft, QString("old\n\nnew"));
    }

    // In the file it leaves what waits in the step that puts it elsewhere, so that an end in between loses nothing.
    void aMessageLeavesTheFilesQueueAsItIsSent() {
        send("other");
        const qint64 other = line().id;
        beginAnother();
        send("go");
        const qint64 went = line().id;
        controller_->clearEngine();
        controller_->send("one");
        inStore([](StoreSession& session) {
            session.workspace().database().execute("CREATE TRIGGER refuse BEFORE DELETE ON named_values "
                                                   "WHEN old.name = 'queue' "
                                                   "BEGIN SELECT RAISE(ABORT, 'no room'); END");
        });
        QSignalSpy restored(controller_.get(), &ConversationController::draftRestored);
        controller_->setEngine(node_->connect(), resumingInfo());
        QTRY_COMPARE_WITH_TIMEOUT(restored.count(), 1, kPatience);
        QCOMPARE(node_->generations().size(), 2);
        controller_->clearEngine();
        controller_->send("two");
        show(other);
        inStore([](StoreSession& session) { session.workspace().database().execute("DROP TRIGGER refuse"); });
        controller_->stop();
        QCOMPARE(draftInFile(went), QString("two"));
        inStore([](StoreSession& session) { QVERIFY(!session.workspace().value(ValueKind::Setting, "queue")); });
    }

    // An answer that begins in one conversation changes nothing in another that is looked at.
    void aMessageThatIsSentLeavesANewConversationAlone() {
        sendHeld("first");
        const qint64 one = line().id;
        controller_->send("second");
        beginAnother();
        controller_->setDraft("half a sen");
        node_->letGo();
        QTRY_COMPARE_WITH_TIMEOUT(node_->generations().size(), 2, kPatience);
        QTRY_VERIFY_WITH_TIMEOUT(!controller_->running(), kPatience);
        QCOMPARE(line().id, qint64(0));
        QCOMPARE(line().draft, QString("half a sen"));
        QTRY_COMPARE_WITH_TIMEOUT(draftInFile(0), QString("half a sen"), kPatience);
        QCOMPARE(draftInFile(one), QString());
        show(one);
        QCOMPARE(line().turns.size(), 4);
        QCOMPARE(line().draft, QString());
    }

    // And where what is sent is the first message of a new conversation, what was typed behind it goes along.
    void aConversationThatComesIntoBeingUnseenHasItsDraft() {
        send("other");
        const qint64 other = line().id;
        controller_->clearEngine();
        beginAnother();
        controller_->send("first");
        controller_->setDraft("half a sen");
        show(other);
        controller_->setDraft("of the other");
        controller_->setEngine(node_->connect(), resumingInfo());
        QTRY_COMPARE_WITH_TIMEOUT(controller_->allRows().size(), 2, kPatience);
        QTRY_VERIFY_WITH_TIMEOUT(!controller_->running(), kPatience);
        QCOMPARE(line().id, other);
        QCOMPARE(line().draft, QString("of the other"));
        show(controller_->allRows().first().id);
        QCOMPARE(line().turns.first().text, QString("first"));
        QCOMPARE(line().draft, QString("half a sen"));
        beginAnother();
        QCOMPARE(line().draft, QString());
    }

    // To the conversation that it was for.
    void whatWaitsComesBackToWhereItWasTyped() {
        send("one");
        const qint64 one = line().id;
        beginAnother();
        send("two");
        const qint64 two = line().id;
        controller_->clearEngine();
        controller_->send("for two");
        controller_->setDraft("typed in two");
        beginAnother();
        controller_->send("for a new one");
        show(one);
        controller_->send("for one");
        controller_->send("for one, too");
        QSignalSpy restored(controller_.get(), &ConversationController::draftRestored);
        controller_->stop();
        QCOMPARE(restored.count(), 1);
        QCOMPARE(restored[0][0].toString(), QString("for one\n\nfor one, too"));
        QTRY_COMPARE_WITH_TIMEOUT(draftInFile(two), QString("for two\n\ntyped in two"), kPatience);
        QTRY_COMPARE_WITH_TIMEOUT(draftInFile(0), QString("for a new one"), kPatience);
        show(two);
        QCOMPARE(line().draft, QString("for two\n\ntyped in two"));
        QVERIFY(controller_->queue().isEmpty());
    }

    void whatWaitsInAConversationThatIsDeletedComesBackWithIt() {
        send("one");
        const qint64 one = line().id;
        beginAnother();
        sendHeld("two");
        const qint64 two = line().id;
        controller_->send("for two");
        show(one);
        QSignalSpy failed(controller_.get(), &ConversationController::failed);
        controller_->remove(two);
        QTRY_COMPARE_WITH_TIMEOUT(controller_->allRows().size(), 1, kPatience);
        settle();
        QCOMPARE(line().id, one);
        QCOMPARE(line().turns.size(), 2);
        QCOMPARE(failed.count(), 0);
        QCOMPARE(node_->generations().size(), 2);
        controller_->undo();
        QTRY_COMPARE_WITH_TIMEOUT(line().id, two, kPatience);
        QCOMPARE(line().draft, QString("for two"));

        controller_->clearEngine();
        controller_->send("for its branch");
        QSignalSpy restored(controller_.get(), &ConversationController::draftRestored);
        controller_->removeBranch(line().turns.last().id);
        QCOMPARE(restored.count(), 1);
        QVERIFY(controller_->queue().isEmpty());
    }

    // Not for the conversation that is shown when its turn comes.
    void aQueuedFirstMessageHasWhatWasSetForIt() {
        const auto set = [this](const QString& prompt, double temperature, bool raw) {
            SamplerSettings sampler = line().sampler;
            sampler.temperature = temperature;
            controller_->setSampler(sampler);
            controller_->setSystemPrompt(prompt);
            controller_->setRaw(raw);
        };
        set("of another", 1.5, true);
        send("other");
        const qint64 other = line().id;
        for (const bool raw : {false, true}) {
            const auto asked = node_->generations().size();
            beginAnother();
            QCOMPARE(line().system_prompt, QString());
            QVERIFY(!line().raw);
            controller_->clearEngine();
            set("mine", 0.25, raw);
            controller_->send("first");
            show(other);
            set("of another", 1.75, true);
            controller_->setEngine(node_->connect(), resumingInfo());
            QTRY_COMPARE_WITH_TIMEOUT(node_->generations().size(), asked + 1, kPatience);
            settle();
            const QJsonObject sent = node_->generations().last();
            QCOMPARE(sent["sampler"]["temperature"].toDouble(), 0.25);
            QCOMPARE(sent.contains("prompt"), raw);
            if (!raw) {
                QCOMPARE(sent["messages"][0]["content"].toString(), QString("mine"));
            }
            QCOMPARE(line().id, other);
            show(controller_->allRows().first().id);
            QCOMPARE(line().title, QString("first"));
            QCOMPARE(line().system_prompt, QString("mine"));
            QCOMPARE(line().raw, raw);
            QCOMPARE(line().sampler.temperature, 0.25);
        }
    }
};

QTEST_MAIN(TestQueue)
#include "test_queue.moc"
