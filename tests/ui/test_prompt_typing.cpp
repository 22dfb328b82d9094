// SPDX-License-Identifier: GPL-3.0-or-later
// What a person has typed stays, whatever else is done; what a panel offers is about what is shown; and keys reach
// what has the focus.
#include "tests/ui/prompt_bench.h"
#include "ui/prompt/branch_map.h"
#include "ui/prompt/composer.h"
#include "ui/prompt/conversation_list.h"
#include "ui/prompt/conversation_model.h"
#include "ui/prompt/prefill_strip.h"
#include "ui/prompt/system_panel.h"
#include "ui/shell/handoff.h"
#include "ui/start/samples.h"

#include <QApplication>
#include <QLineEdit>
#include <QListView>
#include <QPlainTextEdit>
#include <QPushButton>

#include <string>

using namespace fulgurite;

class TestPromptTyping : public PromptBench {
    Q_OBJECT

  private:
    Composer& composer() { return *page().findChild<Composer*>(); }
    QPlainTextEdit& field() { return *composer().findChild<QPlainTextEdit*>(); }
    PrefillStrip& strip() { return *page().findChild<PrefillStrip*>(); }
    QString storedDraft(qint64 conversation) {
        QString draft;
        page().controller().store().post([&draft, conversation](StoreSession& session) {
            draft = QString::fromStdString(session.workspace().draft(conversation));
        });
        page().controller().store().wait();
        return draft;
    }
    // An answer whose prompt is read only in part.
    void cancelPrefill(const QString& text) {
        node_->reads_on = true;
        page().controller().send(text);
        QTRY_VERIFY(strip().isVisible() && strip().state().active);
        QVERIFY(run("prompt.stop"));
        settle();
        QVERIFY(strip().isVisible() && strip().state().cancelled);
        node_->reads_on = false;
    }
    // Presses a key that opens a dialog, and closes that again. Its title; empty: there was none.
    QString dialogOf(QWidget& widget, int key) {
        QString title;
        QTimer closer;
        connect(&closer, &QTimer::timeout, this, [&title] {
            if (QWidget* dialog = QApplication::activeModalWidget()) {
                title = dialog->windowTitle();
                dialog->close();
            }
        });
        closer.start(20);
        QTest::keyClick(&widget, static_cast<Qt::Key>(key));
        return title;
    }

  private slots:
    void init() { startAnew(); }
    void cleanup() { end(); }

    void aSampleTakesNothingFromTheComposer() {
        openWindow(false);
        const QByteArray sample = QStringLiteral("start.sample.%1").arg(loadSamplePrompts().first().id).toUtf8();
        QTest::keyClicks(&field(), "a paragraph");
        QVERIFY(run(sample.constData()));
        settle();
        QCOMPARE(line().turns.first().text, loadSamplePrompts().first().prompt);
        QCOMPARE(composer().text(), QString("a paragraph"));
        QVERIFY(field().document()->isUndoAvailable());
        QTRY_COMPARE(storedDraft(line().id), QString("a paragraph"));
        QVERIFY(storedDraft(0).isEmpty());
        // It is for a conversation that has not begun.
        QVERIFY(!run(sample.constData()));
        QVERIFY(run("prompt.new"));
        QTRY_COMPARE(line().id, qint64{0});
        QVERIFY(desktop_->context().actions.action(QString::fromUtf8(sample))->isEnabled());
    }

    void whatIsHandedOverStandsBeforeWhatWasTyped() {
        openWindow(false);
        send("question");
        QVERIFY(run("prompt.new"));
        QTRY_COMPARE(line().id, qint64{0});
        QTest::keyClicks(&field(), "not sent yet");
        desktop_->context().handoff.post(DraftWish{"from a search"});
        page().activated();
        QTRY_COMPARE(composer().text(), QString("from a search\n\nnot sent yet"));
        QTRY_COMPARE(storedDraft(0), QString("from a search\n\nnot sent yet"));
    }

    void theSystemPanelShowsWhatIsInForce() {
        openWindow(false);
        auto& panel = *desktop_->window().findChild<SystemPanel*>();
        auto& prompt = *panel.findChild<QPlainTextEdit*>();
        // Typed and not applied, it goes with the first message.
        prompt.setPlainText("Be brief.");
        emit composer().sendRequested("question", SendMode::Chat);
        settle();
        QCOMPARE(line().system_prompt, QString("Be brief."));
        QCOMPARE(prompt.toPlainText(), QString("Be brief."));
        const QJsonArray messages = node_->generations().last()["messages"].toArray();
        QCOMPARE(messages.first()["content"].toString(), QString("Be brief."));
        // Undone, it is what it was.
        prompt.setPlainText("Be long.");
        panel.apply();
        QTRY_COMPARE(page().controller().undoLabels().undo, QString("Edit system prompt"));
        QVERIFY(run("prompt.undo"));
        QTRY_COMPARE(prompt.toPlainText(), QString("Be brief."));
        QCOMPARE(line().system_prompt, QString("Be brief."));
        // What is typed stays with its conversation.
        const qint64 id = line().id;
        prompt.setPlainText("Be br");
        QVERIFY(run("prompt.new"));
        QTRY_COMPARE(line().id, qint64{0});
        QVERIFY(prompt.toPlainText().isEmpty());
        page().controller().open(id);
        QTRY_COMPARE(line().id, id);
        QCOMPARE(prompt.toPlainText(), QString("Be br"));
        QCOMPARE(line().system_prompt, QString("Be brief."));
    }

    // A first message that waits, and what is typed until it is sent.
    void theSystemPromptThatIsTypedGoesAlong() {
        openWindow(false);
        auto& prompt = *desktop_->window().findChild<SystemPanel*>()->findChild<QPlainTextEdit*>();
        page().controller().clearEngine();
        emit composer().sendRequested("waits", SendMode::Chat);
        QCOMPARE(page().controller().queue().size(), 1);
        prompt.setPlainText("typed later");
        page().controller().setEngine(node_->connect(), FakeNode::info());
        QTRY_COMPARE(line().turns.size(), 2);
        settle();
        QVERIFY(line().system_prompt.isEmpty());
        QCOMPARE(prompt.toPlainText(), QString("typed later"));
        QVERIFY(run("prompt.new"));
        QTRY_COMPARE(line().id, qint64{0});
        QVERIFY(prompt.toPlainText().isEmpty());
    }

    void anEditThatIsLeftComesBack() {
        openWindow(false);
        send("question");
        const qint64 conversation = line().id;
        const qint64 question = line().turns.first().id;
        const auto changed = [this] { return transcript().findChild<QPlainTextEdit*>(); };
        transcript().beginEdit(question);
        changed()->setPlainText("half of it");
        QVERIFY(run("prompt.new"));
        QTRY_VERIFY(!transcript().editing());
        QTRY_VERIFY(!changed());
        page().controller().open(conversation);
        QTRY_VERIFY(transcript().editing());
        QCOMPARE(changed()->toPlainText(), QString("half of it"));
        // Another turn is changed, then this one again.
        transcript().beginEdit(line().turns.last().id);
        QTRY_COMPARE(transcript().findChildren<QPlainTextEdit*>().size(), 1);
        QCOMPARE(changed()->toPlainText(), line().turns.last().text);
        transcript().beginEdit(question);
        QTRY_COMPARE(transcript().findChildren<QPlainTextEdit*>().size(), 1);
        QCOMPARE(changed()->toPlainText(), QString("half of it"));
        // Given up, it is gone.
        QTest::keyClick(changed(), Qt::Key_Escape);
        QVERIFY(run("prompt.new"));
        QTRY_COMPARE(line().id, qint64{0});
        page().controller().open(conversation);
        QTRY_COMPARE(line().id, conversation);
        QVERIFY(!transcript().editing());
    }

    void anEditThatCannotBeMadeIsOpenAgain() {
        openWindow(false);
        send("question");
        const qint64 question = line().turns.first().id;
        const auto refuseWriting = [this](const char* value) {
            page().controller().store().post(
                [sql = std::string("PRAGMA query_only = ") + value](StoreSession& session) {
                    session.workspace().database().execute(sql);
                });
            page().controller().store().wait();
        };
        refuseWriting("1");
        emit transcript().editCommitted(question, "said better");
        QTRY_VERIFY_WITH_TIMEOUT(transcript().editing(), 60000);
        QCOMPARE(transcript().findChild<QPlainTextEdit*>()->toPlainText(), QString("said better"));
        refuseWriting("0");
    }

    void continueIsForTheAnswerThatWasCancelled() {
        openWindow(false);
        send("first");
        const Turn first = line().turns.last();
        cancelPrefill("second");
        QVERIFY(run("prompt.undo"));
        QTRY_COMPARE(line().turns.size(), 2);
        QVERIFY(!strip().isVisible()); // there is nothing here to go on with
        // Another version of the question before it.
        cancelPrefill("third");
        const qint64 cancelled = line().turns.last().id;
        page().controller().edit(line().turns[2].id, "third, said better");
        settle();
        QVERIFY(!strip().isVisible());
        page().controller().switchSibling(line().turns[2].id, -1);
        QTRY_COMPARE(line().turns.last().id, cancelled);
        cancelPrefill("fourth");
        strip().findChild<QPushButton*>()->click();
        settle();
        QCOMPARE(line().turns.size(), 6);
        QCOMPARE(line().turns[4].text, QString("fourth"));
        QCOMPARE(line().turns.last().text, QString("one two one !"));
        QCOMPARE(line().turns[1].tokens.size(), first.tokens.size());
    }

    void keysReachWhatHasTheFocus() {
        openWindow(false);
        QVERIFY(QTest::qWaitForWindowActive(&desktop_->window()));
        send("one");
        const qint64 first = line().id;
        QVERIFY(run("prompt.new"));
        QTRY_COMPARE(line().id, qint64{0});
        send("two");
        auto& list = *desktop_->window().findChild<ConversationList*>();
        auto& rows = *list.findChild<QListView*>();
        QTRY_VERIFY(list.model().indexOf(first) >= 0);
        rows.setFocus();
        rows.setCurrentIndex(list.model().index(list.model().indexOf(first), 0));
        QCOMPARE(dialogOf(rows, Qt::Key_F2), QString());
        auto* editor = rows.viewport()->findChild<QLineEdit*>();
        QVERIFY(editor);
        QCOMPARE(editor->text(), QString("one"));
        QTest::keyClick(editor, Qt::Key_Escape);

        QVERIFY(run("prompt.tab.branches"));
        auto& map = *desktop_->window().findChild<BranchMap*>();
        map.setFocus();
        QVERIFY(map.selected() != 0);
        QCOMPARE(dialogOf(map, Qt::Key_F2), QString("Name this branch"));

        // In a field where nothing was typed, Ctrl+Z undoes what was done last; else what was typed.
        desktop_->window().activateWindow();
        QVERIFY(QTest::qWaitForWindowActive(&desktop_->window()));
        field().setFocus();
        QTest::keyClicks(&field(), "x");
        QTest::keyClick(&field(), Qt::Key_Z, Qt::ControlModifier);
        QVERIFY(field().toPlainText().isEmpty());
        composer().clear();
        QCOMPARE(line().turns.size(), 2);
        QTest::keyClick(&field(), Qt::Key_Z, Qt::ControlModifier);
        QTRY_COMPARE(composer().text(), QString("two"));
        QVERIFY(line().turns.isEmpty());
    }
};

QTEST_MAIN(TestPromptTyping)
#include "test_prompt_typing.moc"
