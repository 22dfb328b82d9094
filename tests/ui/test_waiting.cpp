// SPDX-License-Identifier: GPL-3.0-or-later
// Nothing that waits is forgotten: messages behind an answer, what is done once it has ended, an answer that its
// node has no place for, and drafts that the file does not take.
#include "tests/ui/conversation_bench.h"

#include <QThread>

#include <functional>

using namespace fulgurite;

namespace {

client::EngineInfo resumingInfo() {
    client::EngineInfo info = FakeNode::info();
    info.capabilities.insert("resume");
    return info;
}

} // namespace

class TestWaiting : public ConversationBench {
    Q_OBJECT

  private:
    void show(qint64 conversation) {
        controller_->open(conversation);
        QTRY_COMPARE(line().id, conversation);
    }
    void beginAnother() {
        controller_->newConversation();
        QTRY_COMPARE(line().id, qint64(0));
    }
    // An answer that takes a second, as far as its first tokens.
    void sendSlowly(const QString& text) {
        node_->delay = 60;
        node_->words = 12;
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

  private slots:
    void init() {
        startAnew(resumingInfo());
    }
    void cleanup() { end(); }

    void aMessageBehindAnAnswerThatCannotBeSavedGoesWhenItCan() {
        send("before");
        QSignalSpy caught_up(controller_.get(), &ConversationController::caughtUp);
        sendSlowly("first");
        refuseWriting(true);
        controller_->send("second");
        QTRY_VERIFY_WITH_TIMEOUT(!controller_->running(), kPatience);
        QVERIFY2(line().turns.last().note.contains("not saved yet"), qPrintable(line().turns.last().note));
        QTest::qWait(1000); // tries to save
        QCOMPARE(controller_->queue(), QStringList("second"));
        node_->delay = 0;
        refuseWriting(false);
        QTRY_COMPARE_WITH_TIMEOUT(line().turns.size(), 6, kPatience);
        settle();
        QCOMPARE(caught_up.count(), 1);
        QCOMPARE(line().turns[4].text, QString("second"));
        QVERIFY2(!line().turns[3].note.contains("not saved"), qPrintable(line().turns[3].note));
        QVERIFY(line().turns.last().state == TurnState::Complete);
    }

    // What was asked for while the answer ran is done then, and the next answer is not stopped in its place.
    void whatIsToComeAfterSuchAnAnswerComesThen() {
        send("before");
        sendSlowly("first");
        refuseWriting(true);
        controller_->regenerate(line().turns.last().id); // stops it
        QTRY_VERIFY_WITH_TIMEOUT(!controller_->running(), kPatience);
        QCOMPARE(line().turns.last().sibling_count, 1);
        node_->delay = 0;
        refuseWriting(false);
        QTRY_COMPARE_WITH_TIMEOUT(line().turns.last().sibling_count, 2, kPatience);
        settle();
        QVERIFY2(line().turns.last().state == TurnState::Complete, qPrintable(line().turns.last().note));
        send("next");
        QVERIFY2(line().turns.last().state == TurnState::Complete, qPrintable(line().turns.last().note));
    }

    // The end is in the file; only what is shown could not be read anew.
    void whatIsSavedIsNotCalledUnsaved() {
        send("before");
        sendSlowly("first");
        controller_->send("second");
        QSignalSpy failed(controller_.get(), &ConversationController::failed);
        const auto rename = [this](const std::string& from, const std::string& to) {
            inStore([from, to](StoreSession& session) {
                session.workspace().database().execute("ALTER TABLE " + from + " RENAME TO " + to);
            });
        };
        QSignalSpy restored(controller_.get(), &ConversationController::draftRestored);
        rename("journal_steps", "hidden"); // what the labels of undo and redo are read from
        QTRY_VERIFY_WITH_TIMEOUT(!failed.isEmpty(), kPatience);
        // The message behind it is sent at once, and comes back because that cannot be a step of the journal.
        QTRY_COMPARE_WITH_TIMEOUT(restored.count(), 1, kPatience);
        QVERIFY(!controller_->running());
        QVERIFY2(!line().turns.last().note.contains("not saved"), qPrintable(line().turns.last().note));
        QVERIFY(line().turns.last().state == TurnState::Complete);
        rename("hidden", "journal_steps");
        send("third");
        QCOMPARE(line().turns.size(), 6);
    }

    // It never will be saved: nobody waits for that.
    void anEndThatCanNeverBeSavedHoldsNothingBack() {
        send("before");
        sendSlowly("first");
        controller_->send("second");
        QSignalSpy restored(controller_.get(), &ConversationController::draftRestored);
        inStore([](StoreSession& session) {
            session.workspace().database().execute("ALTER TABLE token_chunks RENAME TO hidden");
        });
        QTRY_VERIFY_WITH_TIMEOUT(!controller_->running() && controller_->queue().isEmpty(), kPatience);
        inStore([](StoreSession& session) {
            session.workspace().database().execute("ALTER TABLE hidden RENAME TO token_chunks");
        });
        QTRY_COMPARE_WITH_TIMEOUT(restored.count(), 1, kPatience); // it cannot be sent either
        QCOMPARE(restored.first()[0].toString(), QString("second"));
    }

    void aMessageBehindAnAnswerThatCannotBeginIsSent() {
        send("go");
        controller_->edit(line().turns.last().id, "my own words");
        QTRY_COMPARE(line().turns.last().text, QString("my own words"));
        const qint64 edited = line().turns.last().id;
        sendSlowly("first");
        node_->delay = 0;
        QSignalSpy failed(controller_.get(), &ConversationController::failed);
        controller_->continueAnswer(edited); // has no tokens to go on from, which shows when it is prepared
        controller_->send("second");
        QTRY_COMPARE_WITH_TIMEOUT(failed.count(), 1, kPatience);
        settle();
        QCOMPARE(line().turns.size(), 6);
        QCOMPARE(line().turns[4].text, QString("second"));
        QVERIFY2(line().turns.last().state == TurnState::Complete, qPrintable(line().turns.last().note));
    }

    // They come back in their order, and what waits in another conversation is tried by itself.
    void messagesThatCannotBeSentComeBack() {
        send("other");
        const qint64 other = line().id;
        beginAnother();
        send("go");
        const qint64 went = line().id;
        controller_->clearEngine();
        controller_->send("one");
        controller_->send("two");
        show(other);
        controller_->send("three");
        refuseWriting(true);
        QSignalSpy restored(controller_.get(), &ConversationController::draftRestored);
        controller_->setEngine(node_->connect(), resumingInfo());
        QTRY_COMPARE_WITH_TIMEOUT(restored.count(), 1, kPatience);
        QCOMPARE(restored[0][0].toString(), QString("three"));
        show(went);
        QCOMPARE(line().draft, QString("one\n\ntwo"));
        show(other);
        refuseWriting(false);
        send("four");
        QVERIFY(line().turns.last().state == TurnState::Complete);
    }

    // The node is there and says when to come back: only its own conversation waits, and not longer than one likes.
    void anAnswerWithoutAPlaceHoldsNothingElseBackAndIsGivenUp() {
        send("other");
        const qint64 other = line().id;
        beginAnother();
        node_->busy = 300;
        QSignalSpy changed(controller_.get(), &ConversationController::interruptedChanged);
        controller_->send("first");
        QTRY_VERIFY_WITH_TIMEOUT(controller_->resumeWait(), kPatience);
        QVERIFY(changed.count() >= 2); // that it waits, and how long
        QVERIFY(!controller_->running());
        QCOMPARE(controller_->resumeWait()->of, 300);
        QVERIFY(controller_->resumeWait()->left > 250);
        QVERIFY2(controller_->resumeWait()->why.contains("all places are taken"),
                 qPrintable(controller_->resumeWait()->why));
        const qint64 waiting = line().id;
        QVERIFY(controller_->queues());
        controller_->send("second");
        QCOMPARE(controller_->queue(), QStringList("second"));

        node_->busy = 0;
        show(other);
        QVERIFY(!controller_->queues());
        sendSlowly("at once");
        node_->delay = 0;
        controller_->send("behind it");
        settle();
        QCOMPARE(line().turns.size(), 6);
        QVERIFY(controller_->resumeWait());

        show(waiting);
        QCOMPARE(controller_->queue(), QStringList("second"));
        QSignalSpy restored(controller_.get(), &ConversationController::draftRestored);
        controller_->stop();
        QVERIFY(!controller_->interrupted());
        QCOMPARE(restored.count(), 1);
        QCOMPARE(restored.first()[0].toString(), QString("second"));
        QVERIFY(!controller_->queues());
        send("third");
        QCOMPARE(line().turns.size(), 4);
        QVERIFY2(line().turns.last().state == TurnState::Complete, qPrintable(line().turns.last().note));
    }

    void suchAnAnswerIsAskedForAtOnceOnDemand() {
        node_->busy = 300;
        controller_->send("first");
        QTRY_VERIFY_WITH_TIMEOUT(controller_->resumeWait(), kPatience);
        node_->busy = 0;
        controller_->resumeNow();
        settle();
        QVERIFY(!controller_->interrupted());
        QVERIFY2(line().turns.last().state == TurnState::Complete, qPrintable(line().turns.last().note));
    }

    // Stopped twice, the second time while the end is being saved: the next answer is not meant.
    void aSecondStopDoesNotMeanTheNextAnswer() {
        sendSlowly("first");
        controller_->store().post([](StoreSession&) { QThread::msleep(1500); });
        controller_->stop();
        QTRY_VERIFY_WITH_TIMEOUT(controller_->running() && controller_->runningTurn() == 0, kPatience);
        controller_->stop();
        settle();
        node_->delay = 0;
        send("second");
        QVERIFY2(line().turns.last().state == TurnState::Complete, qPrintable(line().turns.last().note));
    }

    void itIsToldWhichConversationWentOn() {
        send("beta");
        const qint64 beta = line().id;
        beginAnother();
        sendSlowly("alpha");
        node_->delay = 0;
        controller_->clearEngine();
        QTRY_VERIFY_WITH_TIMEOUT(controller_->interrupted() && !controller_->running(), kPatience);
        show(beta);
        QCOMPARE(line().title, QString("beta"));
        QSignalSpy resumed(controller_.get(), &ConversationController::resumed);
        controller_->setEngine(node_->connect(), resumingInfo());
        QTRY_COMPARE_WITH_TIMEOUT(resumed.count(), 1, kPatience);
        QCOMPARE(resumed.first()[0].toString(), QString("alpha"));
        settle();
        QCOMPARE(line().id, beta);
    }

    // The engine in use is that of the conversation that is shown; a message behind an answer in another one, or
    // behind a node that is not there, is for its own conversation's node.
    void aMessageGoesToItsConversationsNodeAlone() {
        FakeNode elsewhere;
        const auto here = node_->connect();
        const auto there = elsewhere.connect();
        use("here", here);
        sendSlowly("first");
        const qint64 one = line().id;
        controller_->send("second");
        beginAnother();
        use("there", there);
        QTRY_VERIFY_WITH_TIMEOUT(!controller_->running(), kPatience);
        node_->delay = 0;
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
        sendSlowly("first");
        QSignalSpy failed(controller_.get(), &ConversationController::failed);
        controller_->regenerate(line().turns.last().id);
        use("there", there);
        QTRY_COMPARE_WITH_TIMEOUT(failed.count(), 1, kPatience);
        QVERIFY2(failed.first()[0].toString().contains("Ask again"), qPrintable(failed.first()[0].toString()));
        settle();
        QVERIFY(elsewhere.generations().isEmpty());
        QCOMPARE(node_->generations().size(), 1);
    }

    // An answer that begins in one conversation changes nothing in another that is looked at.
    void aMessageThatIsSentLeavesANewConversationAlone() {
        sendSlowly("first");
        const qint64 one = line().id;
        controller_->send("second");
        beginAnother();
        controller_->setDraft("half a sen");
        QTRY_COMPARE_WITH_TIMEOUT(node_->generations().size(), 2, kPatience);
        node_->delay = 0;
        QTRY_VERIFY_WITH_TIMEOUT(!controller_->running(), kPatience);
        QCOMPARE(line().id, qint64(0));
        QCOMPARE(line().draft, QString("half a sen"));
        QTRY_COMPARE(draftInFile(0), QString("half a sen"));
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
        QTRY_COMPARE(draftInFile(two), QString("for two\n\ntyped in two"));
        QTRY_COMPARE(draftInFile(0), QString("for a new one"));
        show(two);
        QCOMPARE(line().draft, QString("for two\n\ntyped in two"));
        QVERIFY(controller_->queue().isEmpty());
    }

    void whatWaitsInAConversationThatIsDeletedComesBackWithIt() {
        send("one");
        const qint64 one = line().id;
        beginAnother();
        sendSlowly("two");
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
        QTRY_COMPARE(line().id, two);
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

    // Of each conversation what was typed last is there again, and in the file once that takes it.
    void aDraftThatTheFileRefusesOutlivesItsConversationBeingLeft() {
        send("one");
        const qint64 one = line().id;
        beginAnother();
        send("two");
        const qint64 two = line().id;
        refuseWriting(true);
        QSignalSpy failed(controller_.get(), &ConversationController::failed);
        controller_->setDraft("typed in two");
        show(one);
        QCOMPARE(line().draft, QString());
        controller_->setDraft("typed in one");
        QTRY_COMPARE_WITH_TIMEOUT(failed.count(), 1, kPatience); // told once
        show(two);
        QCOMPARE(line().draft, QString("typed in two"));
        show(one);
        QCOMPARE(line().draft, QString("typed in one"));
        controller_->setDraft("typed in one, and more");
        show(two);
        refuseWriting(false);
        QTRY_COMPARE_WITH_TIMEOUT(draftInFile(two), QString("typed in two"), kPatience);
        QTRY_COMPARE_WITH_TIMEOUT(draftInFile(one), QString("typed in one, and more"), kPatience);
    }
};

QTEST_MAIN(TestWaiting)
#include "test_waiting.moc"
