// SPDX-License-Identifier: GPL-3.0-or-later
// The controller between a workspace and a node that plays scripts: everything a person can do with answers.
#include "tests/ui/conversation_bench.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

using namespace fulgurite;

namespace {

QJsonArray ids(std::initializer_list<int> list) {
    QJsonArray result;
    for (const int id : list) {
        result.append(id);
    }
    return result;
}

} // namespace

class TestConversation : public ConversationBench {
    Q_OBJECT

  private:
    QStringList texts() const {
        QStringList result;
        for (const Turn& turn : turns()) {
            result << turn.text;
        }
        return result;
    }

  private slots:
    void init() { startAnew(); }
    void cleanup() { end(); }

    void anAnswerStreamsAndIsKept() {
        QSignalSpy tokens(controller_.get(), &ConversationController::tokensAppended);
        send("What is 17+58?");
        QCOMPARE(texts(), QStringList({"What is 17+58?", "one two one !"}));
        const Turn& answer = turns().last();
        QVERIFY(answer.state == TurnState::Complete);
        QCOMPARE(answer.thinking.text, QString("hm"));
        QCOMPARE(answer.thinking.tokens, 1);
        QCOMPARE(answer.tokens.size(), 7);
        QCOMPARE(answer.tokens[4].offset, 4);
        QCOMPARE(answer.position, 9);
        QVERIFY(answer.tokens_per_second > 0);
        QVERIFY(tokens.count() >= 1);
        QCOMPARE(controller_->line().title, QString("What is 17+58?"));
        QCOMPARE(controller_->rows().size(), 1);
        QCOMPARE(controller_->rows().first().tokens, 16);

        // What the model wrote goes back as the ids that it was.
        send("And 3 more?");
        const QJsonObject second = node_->generations().at(1);
        const QJsonArray messages = second["messages"].toArray();
        QCOMPARE(messages.size(), 3);
        QCOMPARE(messages[1]["role"].toString(), QString("assistant"));
        QCOMPARE(messages[1]["tokens"].toArray(), ids({1, 2, 3, 10, 11, 12, 9}));
        QCOMPARE(messages[1]["content"].toString(), QString("one two one !"));
        QCOMPARE(second["alternatives"].toInt(), 20);
    }

    void messagesWaitTheirTurn() {
        node_->delay = 20;
        controller_->send("first");
        controller_->send("second");
        controller_->send("third");
        QCOMPARE(controller_->queue().size(), 2);
        settle();
        QCOMPARE(texts().size(), 6);
        QCOMPARE(texts()[4], QString("third"));
        QCOMPARE(controller_->rows().size(), 1);
    }

    void withoutAnEngineMessagesWait() {
        controller_->clearEngine();
        controller_->send("hello");
        QCOMPARE(controller_->queue(), QStringList("hello"));
        QVERIFY(!controller_->running());
        controller_->setEngine(node_->connect(), FakeNode::info());
        settle();
        QCOMPARE(texts(), QStringList({"hello", "one two one !"}));
    }

    void stoppingKeepsAndContinuingGoesOn() {
        node_->delay = 30;
        node_->words = 60;
        controller_->send("go");
        QTRY_VERIFY(controller_->runningTurn() != 0);
        QTest::qWait(300);
        controller_->stop();
        settle();
        const Turn stopped = turns().last();
        QVERIFY(stopped.state == TurnState::Cut);
        QCOMPARE(stopped.note, QString("Stopped"));
        QVERIFY(stopped.tokens.size() > 3);
        QVERIFY(stopped.tokens.size() < 60);
        node_->delay = 0;
        node_->words = 2;
        controller_->continueAnswer(stopped.id);
        settle();
        const Turn whole = turns().last();
        QCOMPARE(whole.sibling_count, 1); // it took the place of the shorter one
        QVERIFY(whole.state == TurnState::Complete);
        QVERIFY(whole.text.startsWith(stopped.text));
        QCOMPARE(whole.tokens.size(), stopped.tokens.size() + 6);
        QCOMPARE(node_->generations().last()["continue_tokens"].toArray().size(), stopped.tokens.size());
        QCOMPARE(node_->generations().last()["messages"].toArray().size(), 1);

        // It ended by itself: going on leaves out its end of sentence.
        controller_->continueAnswer(whole.id);
        settle();
        QCOMPARE(node_->generations().last()["continue_tokens"].toArray().size(), whole.tokens.size() - 1);

        // And it is undone as it was done, down to the answer that was stopped.
        controller_->undo();
        QTRY_COMPARE(turns().last().id, whole.id);
        QCOMPARE(turns().last().text, whole.text);
        controller_->undo();
        QTRY_COMPARE(turns().last().id, stopped.id);
        QCOMPARE(turns().last().text, stopped.text);
        controller_->redo();
        QTRY_COMPARE(turns().last().text, whole.text);
    }

    void regeneratingAndSwitching() {
        send("question");
        const qint64 first = turns().last().id;
        node_->words = 1;
        controller_->regenerate(first);
        settle();
        QCOMPARE(turns().size(), 2);
        QCOMPARE(turns().last().text, QString("one !"));
        QCOMPARE(turns().last().sibling_count, 2);
        QCOMPARE(turns().last().sibling_index, 1);
        QSignalSpy shown(controller_.get(), &ConversationController::lineChanged);
        controller_->switchSibling(turns().last().id, -1);
        QVERIFY(shown.wait());
        QCOMPARE(turns().last().id, first);
        QCOMPARE(controller_->line().branches.size(), 2);
        QCOMPARE(controller_->line().map.size(), 3);
    }

    // Everything like the original but the intervention, which then stays with the branch.
    void anAblatedAnswerIsABranchThatStaysAblated() {
        send("go");
        const Turn original = turns().last();
        InterventionRecipe recipe;
        recipe.name = "no fetchers";
        recipe.intervention.heads = {{7, 3, 0.0f}};
        recipe.from_answer = true;
        controller_->regenerateUnder(original.id, recipe);
        settle();
        const Turn ablated = turns().last();
        QVERIFY(ablated.id != original.id);
        QCOMPARE(ablated.sibling_count, 2);
        QVERIFY2(ablated.sampler_summary.startsWith("no fetchers · from token 8 · "),
                 qPrintable(ablated.sampler_summary));
        const QJsonObject plain = node_->generations().at(0);
        QJsonObject changed = node_->generations().at(1);
        const QJsonObject sent = changed.take("intervention").toObject();
        QCOMPARE(changed, plain); // seed and sampler too
        QCOMPARE(sent["from"].toString(), QString("answer"));
        QCOMPARE(sent["heads"].toArray().at(0)["head"].toInt(), 3);

        const auto interventionOfLast = [this] { return node_->generations().last()["intervention"].toObject(); };
        send("More");
        QCOMPARE(interventionOfLast()["from"].toInt(), 8); // where it began: the last of 9 tokens of the prompt
        controller_->regenerateUnder(turns().last().id, InterventionRecipe{});
        settle();
        QCOMPARE(interventionOfLast()["from"].toInt(), 8);
        controller_->switchSibling(ablated.id, -1);
        settle();
        send("Else");
        QVERIFY(interventionOfLast().isEmpty());
        controller_->branchFromToken({ablated.id, 1}, ablated.tokens[1].before.isEmpty()
                                                          ? TokenChoice{5, -1, "x"}
                                                          : ablated.tokens[1].before[0]);
        settle();
        QCOMPARE(interventionOfLast()["from"].toInt(), 8);
    }

    void anAlternativeGoesOnAtOnce() {
        send("question");
        const qint64 first = turns().last().id;
        QSignalSpy detail(controller_.get(), &ConversationController::tokenDetail);
        QSignalSpy cost(controller_.get(), &ConversationController::tokenCost);
        controller_->askTokenDetail({first, 4});
        controller_->askTokenCost({first, 4});
        QVERIFY(detail.wait());
        QTRY_COMPARE(cost.count(), 1);
        QCOMPARE(cost.first().at(1).toInt(), 10);
        const TokenView token = detail.first().at(1).value<TokenView>();
        QCOMPARE(token.before.size(), 2);
        controller_->branchFromToken({first, 4}, token.before[1]);
        settle();
        QCOMPARE(node_->generations().last()["continue_tokens"].toArray(), ids({1, 2, 3, 10, 111}));
        const Turn& branch = turns().last();
        QVERIFY(branch.id != first);
        QCOMPARE(branch.sibling_count, 2);
        QVERIFY2(branch.text.startsWith("one other "), qPrintable(branch.text));
        QVERIFY(branch.tokens[4].forced);
        QSignalSpy branches(controller_.get(), &ConversationController::tokenBranches);
        controller_->askTokenDetail({first, 4});
        QVERIFY(branches.wait());
        const auto labels = branches.first().at(1).value<QHash<int, QString>>();
        QCOMPARE(labels.size(), 1);
        QVERIFY(labels.contains(111));
    }

    void editingBranches() {
        send("question");
        const qint64 question = turns().first().id;
        controller_->edit(question, "another question");
        settle();
        QCOMPARE(texts(), QStringList({"another question", "one two one !"}));
        QCOMPARE(turns().first().sibling_count, 2);
        const auto asked = node_->generations().size();
        controller_->edit(turns().last().id, "my own words");
        QTRY_COMPARE(texts().last(), QString("my own words"));
        QCOMPARE(node_->generations().size(), asked);
        send("next");
        const QJsonArray messages = node_->generations().last()["messages"].toArray();
        QCOMPARE(messages[1]["content"].toString(), QString("my own words"));
        QVERIFY(!messages[1].toObject().contains("tokens"));
    }

    void everythingIsUndone() {
        send("question");
        const qint64 id = controller_->line().id;
        QTRY_COMPARE(controller_->undoLabels().undo, QString("Send"));
        controller_->rename(id, "A name");
        QTRY_COMPARE(controller_->line().title, QString("A name"));
        controller_->remove(id);
        QTRY_COMPARE(controller_->rows().size(), 0);
        controller_->undo();
        QTRY_COMPARE(controller_->rows().size(), 1);
        QCOMPARE(controller_->line().id, id);
        controller_->undo();
        QTRY_COMPARE(controller_->line().title, QString("question"));
        controller_->undo();
        QTRY_COMPARE(controller_->rows().size(), 0);
        QCOMPARE(controller_->line().id, 0);
        controller_->redo();
        QTRY_COMPARE(controller_->line().turns.size(), 2);
    }

    void undoingSendGivesTheMessageBack() {
        QSignalSpy restored(controller_.get(), &ConversationController::draftRestored);
        QSignalSpy withdrawn(controller_.get(), &ConversationController::draftWithdrawn);
        send("first");
        send("second");
        controller_->undo();
        QTRY_COMPARE(restored.size(), 1);
        QCOMPARE(restored.last().first().toString(), QString("second"));
        QCOMPARE(texts(), QStringList({"first", "one two one !"}));
        controller_->redo();
        QTRY_COMPARE(withdrawn.size(), 1);
        QCOMPARE(withdrawn.last().first().toString(), QString("second"));
        QCOMPARE(turns().size(), 4);
        controller_->rename(controller_->line().id, "A name");
        QTRY_COMPARE(controller_->undoLabels().undo, QString("Rename conversation"));
        controller_->undo();
        QTRY_COMPARE(controller_->undoLabels().undo, QString("Send"));
        QCOMPARE(restored.size(), 1); // a name is no message
    }

    void undoingStopsWhatRuns() {
        node_->delay = 30;
        node_->words = 100;
        controller_->send("go");
        QTRY_VERIFY(controller_->runningTurn() != 0);
        QTest::qWait(200);
        controller_->undo();
        settle();
        QTRY_COMPARE(controller_->rows().size(), 0);
    }

    // What waits behind an answer is about it: it comes back with the message, and what was undone can be redone.
    void undoingTakesBackWhatWaits() {
        for (const bool has_one_before : {false, true}) {
            if (has_one_before) {
                node_->delay = 0;
                node_->words = 3;
                send("before");
            }
            const auto asked = node_->generations().size();
            const auto shown = turns().size();
            node_->delay = 30;
            node_->words = 100;
            controller_->send("go");
            QTRY_VERIFY(controller_->runningTurn() != 0);
            QTest::qWait(200);
            controller_->send("on");
            controller_->send("and on");
            QSignalSpy restored(controller_.get(), &ConversationController::draftRestored);
            controller_->undo();
            QTRY_COMPARE(restored.count(), 2);
            QCOMPARE(restored[0][0].toString(), QString("on\n\nand on"));
            QCOMPARE(restored[1][0].toString(), QString("go")); // before them
            settle();
            QCOMPARE(node_->generations().size(), asked + 1);
            QCOMPARE(turns().size(), shown);
            QCOMPARE(controller_->undoLabels().redo, QString("Send"));
            controller_->redo();
            QTRY_COMPARE(turns().size(), shown + 2);
        }
    }

    void aNodeThatDiesLeavesWhatCame() {
        node_->die = true;
        controller_->setDraft("still being typed");
        send("question");
        const Turn& answer = turns().last();
        QVERIFY(answer.state == TurnState::Cut);
        QCOMPARE(answer.text, QString("one two one "));
        QVERIFY2(answer.note.contains("connection"), qPrintable(answer.note));
        node_->die = false;
        send("and again");
        QVERIFY(turns().last().state == TurnState::Complete);
    }

    void theNextStartFindsEverything() {
        node_->delay = 30;
        node_->words = 100;
        controller_->send("go");
        QTRY_VERIFY(controller_->runningTurn() != 0);
        QTest::qWait(400);
        controller_->send("waiting");
        controller_->send("waiting, too");
        controller_->setDraft("typed");
        const qint64 answered = line().id;
        controller_->newConversation();
        QTRY_COMPARE(line().id, qint64(0));
        controller_->send("waiting elsewhere");
        controller_.reset();
        start();
        QCOMPARE(line().id, answered);
        QCOMPARE(turns().size(), 2);
        QVERIFY(turns().last().state == TurnState::Cut);
        QVERIFY(turns().last().tokens.size() > 3);
        QCOMPARE(line().draft, QString("waiting\n\nwaiting, too\n\ntyped"));
        controller_->newConversation();
        QTRY_COMPARE(line().id, qint64(0));
        QCOMPARE(line().draft, QString("waiting elsewhere"));
    }

    void searchingFindsLines() {
        send("the quick fox\njumps over it");
        controller_->newConversation();
        QTRY_COMPARE(controller_->line().id, 0);
        send("nothing here");
        QCOMPARE(controller_->rows().size(), 2);
        QSignalSpy rows(controller_.get(), &ConversationController::rowsChanged);
        controller_->search("jump");
        QVERIFY(rows.wait());
        QCOMPARE(controller_->rows().size(), 1);
        QCOMPARE(controller_->rows().first().match, QString("jumps over it"));
        QCOMPARE(controller_->rows().first().match_length, 5);
        controller_->search("");
        QTRY_COMPARE(controller_->rows().size(), 2);
    }

    void conversationsGoOutAndComeBack() {
        send("question");
        for (const QString name : {"all.json", "shown.md"}) {
            QSignalSpy exported(controller_.get(), &ConversationController::exported);
            controller_->exportTo(folder_->filePath(name), {controller_->line().id});
            QVERIFY(exported.wait());
            const auto before = controller_->rows().size();
            controller_->importFrom(folder_->filePath(name));
            QTRY_COMPARE(controller_->rows().size(), before + 1);
            QCOMPARE(texts(), QStringList({"question", "one two one !"}));
        }
        QSignalSpy failed(controller_.get(), &ConversationController::failed);
        controller_->importFrom(folder_->filePath("missing.json"));
        QVERIFY(failed.wait());
        QVERIFY(failed.first().first().toString().contains("missing.json"));
    }

    void settingsAndPresetsAreKept() {
        send("question");
        SamplerSettings sampler = controller_->line().sampler;
        sampler.temperature = 0.25;
        sampler.seed = 18446744073709551615ULL;
        sampler.stop_strings = {"\n\nYou:"};
        sampler.logit_bias = {{7, "x", -100, "ember"}, {8, "y", 2, "another"}};
        controller_->setSampler(sampler);
        controller_->setSystemPrompt("Be short.");
        controller_->savePreset("Mine", sampler);
        QTRY_COMPARE(controller_->undoLabels().undo, QString("Save preset"));
        send("again");
        const QJsonObject body = node_->generations().last();
        QCOMPARE(body["messages"].toArray().first()["content"].toString(), QString("Be short."));
        QCOMPARE(body["sampler"]["temperature"].toDouble(), 0.25);
        QCOMPARE(body["stop"]["strings"].toArray().first().toString(), QString("\n\nYou:"));
        // Of another model's token the number would be any word here.
        QCOMPARE(body["sampler"]["logit_bias"].toObject().keys(), QStringList{"7"});
        controller_.reset();
        start();
        QVERIFY(controller_->line().sampler == sampler);
        QCOMPARE(controller_->line().system_prompt, QString("Be short."));
    }

    void rawCompletionSendsText() {
        controller_->setRaw(true);
        send("Once upon");
        QCOMPARE(node_->generations().last()["prompt"].toString(), QString("Once upon"));
    }

    // The longest time for which the window's thread could not answer.
    void aLongConversationDoesNotHoldTheWindow() {
        controller_->store().post([](StoreSession& session) {
            ConversationStore& store = session.workspace().conversations();
            session.workspace().journal().asOneStep("Fill", std::nullopt, [&] {
                const ConversationId id = store.create({"Long", "", false, "", "{}"});
                std::optional<NodeId> at;
                for (int turn = 0; turn < 50; ++turn) {
                    NewNode question;
                    question.conversation = id;
                    question.parent = at;
                    question.content = "question";
                    at = store.append(question);
                    question.parent = at;
                    question.role = MessageRole::Assistant;
                    at = store.append(question);
                    std::vector<TokenInfo> tokens(2000);
                    for (TokenInfo& token : tokens) {
                        token.text = "word ";
                        token.rank = 1;
                        token.before.assign(20, {1, -1.0f, "other"});
                        token.after = token.before;
                    }
                    TokenWriter writer(session.workspace().tokens(), *at);
                    writer.append(tokens);
                    writer.flush();
                    store.finish(*at, {});
                }
            });
        });
        controller_->store().wait();
        qint64 longest = 0;
        QElapsedTimer since;
        since.start();
        QTimer beat;
        QObject::connect(&beat, &QTimer::timeout, [&] { longest = std::max(longest, since.restart()); });
        beat.start(0);
        QElapsedTimer whole;
        whole.start();
        controller_->search("");
        QTRY_COMPARE(controller_->rows().size(), 1);
        controller_->open(controller_->rows().first().id);
        QTRY_COMPARE_WITH_TIMEOUT(turns().size(), 100, 20000);
        qInfo("100,000 tokens: opened in %lld ms, the window's thread was away for at most %lld ms",
              whole.elapsed(), longest);
        QCOMPARE(turns().last().tokens.size(), 2000);
    }
};

QTEST_MAIN(TestConversation)
#include "test_conversation.moc"
