// SPDX-License-Identifier: GPL-3.0-or-later
// Nothing that waits is forgotten: messages behind an answer, what is done once it has ended, an answer that its
// node has no place for, and drafts that the file does not take.
#include "tests/ui/waiting_bench.h"

#include <QThread>

using namespace fulgurite;

class TestWaiting : public WaitingBench {
    Q_OBJECT

  private slots:
    void init() { startAnew(resumingInfo()); }
    void cleanup() { end(); }

    void aMessageBehindAnAnswerThatCannotBeSavedGoesWhenItCan() {
        send("before");
        QSignalSpy caught_up(controller_.get(), &ConversationController::caughtUp);
        sendHeld("first");
        refuseWriting(true);
        controller_->send("second");
        node_->letGo();
        QTRY_VERIFY_WITH_TIMEOUT(!controller_->running(), kPatience);
        QVERIFY2(line().turns.last().note.contains("not saved yet"), qPrintable(line().turns.last().note));
        QTest::qWait(1000); // tries to save
        QCOMPARE(controller_->queue(), QStringList("second"));
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
        sendHeld("first");
        refuseWriting(true);
        controller_->regenerate(line().turns.last().id); // stops it
        QTRY_VERIFY_WITH_TIMEOUT(!controller_->running(), kPatience);
        QCOMPARE(line().turns.last().sibling_count, 1);
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
        sendHeld("first");
        controller_->send("second");
        QSignalSpy failed(controller_.get(), &ConversationController::failed);
        const auto rename = [this](const std::string& from, const std::string& to) {
            inStore([from, to](StoreSession& session) {
                session.workspace().database().execute("ALTER TABLE " + from + " RENAME TO " + to);
            });
        };
        QSignalSpy restored(controller_.get(), &ConversationController::draftRestored);
        rename("journal_steps", "hidden"); // what the labels of undo and redo are read from
        node_->letGo();
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
        sendHeld("first");
        controller_->send("second");
        QSignalSpy restored(controller_.get(), &ConversationController::draftRestored);
        inStore([](StoreSession& session) {
            session.workspace().database().execute("ALTER TABLE token_chunks RENAME TO hidden");
        });
        node_->letGo();
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
        QTRY_COMPARE_WITH_TIMEOUT(line().turns.last().text, QString("my own words"), kPatience);
        const qint64 edited = line().turns.last().id;
        sendHeld("first");
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

    // For lack of room, or because something else is shown when its turn comes.
    void anEditThatCannotBeMadeComesBack() {
        send("go");
        const qint64 conversation = line().id;
        const qint64 question = line().turns.first().id;
        const qint64 answer = line().turns.last().id;
        beginAnother();
        send("other");
        const qint64 other = line().id;
        show(conversation);
        QSignalSpy refused(controller_.get(), &ConversationController::editRefused);
        refuseWriting(true);
        controller_->edit(question, "better");
        QTRY_COMPARE_WITH_TIMEOUT(refused.count(), 1, kPatience);
        QCOMPARE(refused.last()[0].toLongLong(), question);
        QCOMPARE(refused.last()[1].toString(), QString("better"));
        controller_->edit(answer, "my own words");
        QTRY_COMPARE_WITH_TIMEOUT(refused.count(), 2, kPatience);
        QCOMPARE(refused.last()[1].toString(), QString("my own words"));
        refuseWriting(false);
        sendHeld("more");
        QSignalSpy failed(controller_.get(), &ConversationController::failed);
        controller_->edit(question, "best");
        controller_->open(other);
        QTRY_COMPARE_WITH_TIMEOUT(refused.count(), 3, kPatience);
        QCOMPARE(refused.last()[1].toString(), QString("best"));
        QCOMPARE(failed.count(), 1);
        settle();
        QCOMPARE(node_->generations().size(), 3);
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
        sendHeld("at once");
        controller_->send("behind it");
        node_->letGo();
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
        sendHeld("first");
        controller_->store().post([](StoreSession&) { QThread::msleep(1500); });
        controller_->stop();
        QTRY_VERIFY_WITH_TIMEOUT(controller_->running() && controller_->runningTurn() == 0, kPatience);
        controller_->stop();
        settle();
        send("second");
        QVERIFY2(line().turns.last().state == TurnState::Complete, qPrintable(line().turns.last().note));
    }

    void itIsToldWhichConversationWentOn() {
        send("beta");
        const qint64 beta = line().id;
        beginAnother();
        sendHeld("alpha");
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
