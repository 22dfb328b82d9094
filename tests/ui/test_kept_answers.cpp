// SPDX-License-Identifier: GPL-3.0-or-later
// What an answer has is never lost or misread: not when it is written again, not when another model goes on with
// the conversation, not when it goes on and that is undone.
#include "tests/ui/conversation_bench.h"

#include <QFile>

#include <algorithm>

using namespace fulgurite;

class TestKeptAnswers : public ConversationBench {
    Q_OBJECT

  private:
    const Turn& answer() const { return controller_->line().turns.last(); }
    static QString said(const Turn& turn) { return turn.thinking.text + "|" + turn.text; }
    void useModel(const char* name) {
        client::EngineInfo info = FakeNode::info();
        info.model.id = name;
        controller_->setEngine(node_->connect(), info);
    }
    // As the file has it.
    int storedTokens(qint64 turn) {
        int count = 0;
        controller_->store().post([&count, turn](StoreSession& session) {
            session.flush();
            count = static_cast<int>(session.workspace().tokens().count(turn));
        });
        controller_->store().wait();
        return count;
    }
    std::string storedText(qint64 turn, int token) {
        std::string text;
        controller_->store().post([&text, turn, token](StoreSession& session) {
            session.flush();
            text = session.workspace()
                       .tokens()
                       .read(turn, static_cast<std::size_t>(token), 1, TokenDetail::Summary)
                       .front()
                       .text;
        });
        controller_->store().wait();
        return text;
    }
    // An answer with a stop string that the node left after `words` words.
    void cutAnswer(int words) {
        SamplerSettings settings;
        settings.stop_strings = {"never said"};
        settings.seed = 5;
        controller_->setSampler(settings);
        node_->words = words;
        node_->die = true;
        send("go");
        QVERIFY(answer().state == TurnState::Cut);
        QCOMPARE(answer().tokens.size(), words + 3);
    }

  private slots:
    void init() {
        startAnew();
        useModel("ember");
    }
    void cleanup() { end(); }

    // A file or a copy that is made meanwhile has what has come of it.
    void anAnswerThatIsBeingWrittenIsExported() {
        node_->delay = 30;
        node_->words = 100;
        QSignalSpy arrived(controller_.get(), &ConversationController::tokensAppended);
        controller_->send("long");
        QTRY_VERIFY(arrived.count() >= 8);
        const QString begun = "one two one ";
        const qint64 original = line().id;
        QSignalSpy exported(controller_.get(), &ConversationController::exported);
        controller_->exportTo(folder_->filePath("half.md"), {original});
        QVERIFY(exported.wait());
        QFile half(folder_->filePath("half.md"));
        QVERIFY(half.open(QIODevice::ReadOnly));
        QVERIFY(QString::fromUtf8(half.readAll()).contains(begun));
        controller_->duplicate(original);
        QTRY_VERIFY(line().id != original);
        QVERIFY(turns().last().state == TurnState::Cut);
        QVERIFY2(turns().last().text.startsWith(begun), qPrintable(turns().last().text));
        controller_->stop();
        settle();
    }

    // The second attempt ends earlier than the first: the first one's words are still there, also in the file.
    void anAnswerThatIsWrittenAgainKeepsWhatItHadUntilThen() {
        cutAnswer(5);
        const QString had = said(answer());
        node_->words = 1;
        for (int i = 0; i < 2; ++i) {
            controller_->continueAnswer(answer().id);
            settle();
            QCOMPARE(node_->generations().last().contains("continue_tokens"), false); // from its beginning
            QVERIFY(answer().state == TurnState::Cut);
            QCOMPARE(said(answer()), had);
            QCOMPARE(answer().tokens.size(), 8);
            QCOMPARE(storedTokens(answer().id), 8);
        }
        // Stopped while it catches up: the same.
        node_->delay = 50;
        controller_->continueAnswer(answer().id);
        QTRY_VERIFY(controller_->runningTurn() != 0);
        QCOMPARE(said(answer()), had); // and it stands there meanwhile
        controller_->stop();
        settle();
        QCOMPARE(said(answer()), had);
        QCOMPARE(storedTokens(answer().id), 8);

        node_->delay = 0;
        node_->die = false;
        node_->words = 6;
        controller_->continueAnswer(answer().id);
        settle();
        QVERIFY2(answer().state == TurnState::Complete, qPrintable(answer().note));
        QCOMPARE(said(answer()), QString("hm|one two one two one two !"));
        QCOMPARE(answer().tokens.size(), 10);
        QCOMPARE(storedTokens(answer().id), 10);
    }

    void anotherAnswerThanTheOneThatWasCutReplacesNothing() {
        cutAnswer(5);
        const QString had = said(answer());
        node_->die = false;
        node_->first_id = 30; // other words at the same place
        controller_->continueAnswer(answer().id);
        settle();
        QVERIFY(answer().state == TurnState::Cut);
        QVERIFY2(answer().note.contains("differently"), qPrintable(answer().note));
        QCOMPARE(said(answer()), had);
        QCOMPARE(storedTokens(answer().id), 8);
        // One that ends by itself before it has got there: likewise.
        node_->first_id = 10;
        node_->words = 1;
        controller_->continueAnswer(answer().id);
        settle();
        QVERIFY(answer().state == TurnState::Cut);
        QCOMPARE(said(answer()), had);
        QCOMPARE(storedTokens(answer().id), 8);
    }

    // An id means another word in another vocabulary.
    void anotherModelGetsTheTextAndNotTheTokens() {
        send("first");
        const Turn first = answer();
        useModel("other");
        QSignalSpy failed(controller_.get(), &ConversationController::failed);
        const qsizetype asked = node_->generations().size();
        controller_->continueAnswer(first.id);
        settle();
        controller_->branchFromToken({first.id, 4}, {111, -1.5, "other "});
        settle();
        QCOMPARE(failed.count(), 2);
        QVERIFY2(failed.first()[0].toString().contains("written by ember"),
                 qPrintable(failed.first()[0].toString()));
        QCOMPARE(node_->generations().size(), asked);
        QCOMPARE(said(answer()), said(first));
        QCOMPARE(controller_->line().map.size(), 2); // no branch was begun

        send("second");
        send("third");
        const QJsonArray messages = node_->generations().last()["messages"].toArray();
        QCOMPARE(messages.size(), 5);
        QVERIFY(!messages[1].toObject().contains("tokens"));
        QCOMPARE(messages[1]["content"].toString(), first.text);
        QVERIFY(messages[3].toObject().contains("tokens")); // its own
        useModel("ember");
        send("fourth");
        const QJsonArray back = node_->generations().last()["messages"].toArray();
        QVERIFY(back[1].toObject().contains("tokens"));
        QVERIFY(!back[3].toObject().contains("tokens"));
    }

    // The token before it had been held back for a stop string, so its text belongs to the chosen one.
    void aChosenTokenHasTheTextThatTheEngineKnows() {
        send("go");
        // Before it stand "<think>", "hm", "</think>" and "one ", 21 bytes.
        node_->start = R"({"id":"g","prompt_tokens":9,"text_bytes":28,"text_end":"<think>hm</think>one \nother "})";
        controller_->branchFromToken({answer().id, 4}, {111, -1.5, "other "});
        settle();
        QVERIFY2(answer().text.startsWith("one \nother "), qPrintable(answer().text));
        QCOMPARE(storedText(answer().id, 4), std::string("\nother "));
        const qint64 branch = answer().id;
        controller_->showTurn(branch);
        controller_->store().wait();
        QCoreApplication::processEvents();
        QVERIFY2(answer().text.startsWith("one \nother "), qPrintable(answer().text));
    }

    // The first half of a character is no character: the next token brings the whole one.
    void aPartOfACharacterLeavesNoMark() {
        send("go");
        node_->start = R"({"id":"g","prompt_tokens":9,"text_bytes":21,"text_end":"<think>hm</think>one "})";
        controller_->branchFromToken({answer().id, 4}, {195, -1.5, QString(QChar::ReplacementCharacter)});
        settle();
        QVERIFY2(!answer().text.contains(QChar::ReplacementCharacter), qPrintable(answer().text));
        QCOMPARE(storedText(answer().id, 4), std::string());
    }

    // More nodes than are asked about: the others' cost is not known, which is not 0 ms.
    void whatIsNotAskedCostsNoZero() {
        node_->words = 1;
        for (int i = 0; i < 35; ++i) {
            send("more");
        }
        const auto known = [this] {
            return std::count_if(controller_->line().map.begin(), controller_->line().map.end(),
                                 [](const BranchNode& node) { return node.reentry_seconds >= 0; });
        };
        QCOMPARE(controller_->line().map.size(), 70);
        QTRY_COMPARE_WITH_TIMEOUT(known(), 64, 10000);
        for (const BranchNode& node : controller_->line().map) {
            QVERIFY(node.reentry_seconds < 0 || node.reentry_tokens == 10);
            QVERIFY(!node.current || node.reentry_seconds >= 0);
        }
    }

    // A link that breaks before its first token: what waits stays behind the answer that goes on.
    void whatWaitsStaysBehindACutAnswer() {
        client::EngineInfo info = FakeNode::info();
        info.capabilities.insert("resume");
        controller_->setEngine(node_->connect(), info);
        node_->mute = true;
        controller_->send("first");
        controller_->send("second");
        QTRY_VERIFY_WITH_TIMEOUT(controller_->interrupted(), 10000);
        node_->mute = false;
        settle();
        QCOMPARE(controller_->line().turns.size(), 4);
        QVERIFY2(controller_->line().turns[1].state == TurnState::Complete,
                 qPrintable(controller_->line().turns[1].note));
        QCOMPARE(controller_->line().turns[2].text, QString("second"));
    }

    void aPresetThatIsLostCanBeHadBack() {
        QSignalSpy lost(controller_.get(), &ConversationController::presetLost);
        SamplerSettings mine;
        mine.temperature = 0.25;
        controller_->savePreset("Mine", mine);
        SamplerSettings other = mine;
        other.temperature = 0.5;
        controller_->savePreset("Mine", other);
        QTRY_COMPARE(lost.count(), 1);
        QCOMPARE(lost.last()[1].toBool(), false);
        controller_->removePreset("Mine");
        QTRY_COMPARE(lost.count(), 2);
        QCOMPARE(lost.last()[1].toBool(), true);
        // Undo takes them one by one, newest first, and the panel hears of each.
        QSignalSpy presets(controller_.get(), &ConversationController::presetsChanged);
        const auto listed = [&] { return presets.last()[0].value<QList<SamplerPreset>>(); };
        QTRY_COMPARE(controller_->undoLabels().undo, QString("Delete preset"));
        for (const double temperature : {0.5, 0.25}) {
            const auto heard = presets.count();
            controller_->undo();
            QTRY_VERIFY(presets.count() > heard);
            QCOMPARE(listed().size(), 1);
            QCOMPARE(listed()[0].settings.temperature, temperature);
        }
        const auto heard = presets.count();
        controller_->undo();
        QTRY_VERIFY(presets.count() > heard);
        QVERIFY(listed().isEmpty());
        controller_->redo();
        QTRY_COMPARE(listed().size(), 1);
    }

    void anEditedAnswerIsNotOverwrittenByGoingOn() {
        send("go");
        controller_->edit(answer().id, "my own words");
        settle();
        QTRY_COMPARE(answer().text, QString("my own words"));
        QSignalSpy failed(controller_.get(), &ConversationController::failed);
        controller_->continueAnswer(answer().id);
        settle();
        QCOMPARE(failed.count(), 1);
        QCOMPARE(answer().text, QString("my own words"));
    }
};

QTEST_MAIN(TestKeptAnswers)
#include "test_kept_answers.moc"
