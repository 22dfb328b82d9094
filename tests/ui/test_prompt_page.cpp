// SPDX-License-Identifier: GPL-3.0-or-later
// The Prompt page in its window: with a node that plays scripts, and with the real engine and the included model.
#include "tests/ui/fake_node.h"
#include "ui/base/notices.h"
#include "ui/engine/local_engine.h"
#include "ui/pages/prompt_page.h"
#include "ui/prompt/composer.h"
#include "ui/prompt/conversation_list.h"
#include "ui/prompt/conversation_model.h"
#include "ui/prompt/token_popup.h"
#include "ui/prompt/token_table.h"
#include "ui/prompt/transcript_view.h"
#include "ui/shell/action_registry.h"
#include "ui/shell/desktop.h"
#include "ui/shell/main_window.h"
#include "ui/start/start_view.h"

#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

using namespace fulgurite;

class TestPromptPage : public QObject {
    Q_OBJECT

  private:
    std::unique_ptr<QTemporaryDir> folder_;
    std::unique_ptr<FakeNode> node_;
    std::unique_ptr<Desktop> desktop_;

    PromptPage& page() { return *qobject_cast<PromptPage*>(desktop_->window().page("prompt")); }
    TranscriptView& transcript() { return *page().findChild<TranscriptView*>(); }
    const LineView& line() { return page().controller().line(); }
    bool run(const char* action) { return desktop_->context().actions.run(QLatin1String(action)); }
    void settle() {
        QTRY_VERIFY_WITH_TIMEOUT(!page().controller().running(), 60000);
        page().controller().store().wait();
        QCoreApplication::processEvents();
    }
    void send(const QString& text) {
        page().controller().send(text);
        settle();
    }
    void openWindow(bool with_engine) {
        desktop_ = std::make_unique<Desktop>(
            DesktopOptions{.workspace = folder_->path(), .model = {}, .with_engine = with_engine});
        desktop_->show();
        QSignalSpy shown(&page().controller(), &ConversationController::lineChanged);
        QTRY_VERIFY(!shown.isEmpty());
        if (!with_engine) {
            page().controller().setEngine(node_->connect(), FakeNode::info());
        }
    }

  private slots:
    void init() {
        folder_ = std::make_unique<QTemporaryDir>();
        node_ = std::make_unique<FakeNode>();
    }
    void cleanup() {
        desktop_.reset();
        node_.reset();
    }

    void samplesGiveWayToTheTranscript() {
        openWindow(false);
        QVERIFY(page().findChild<StartView*>()->isVisible());
        send("What is 17+58?");
        QVERIFY(transcript().isVisible());
        QCOMPARE(transcript().document().turnCount(), 2);
        QCOMPARE(page().headerTitle(), QString("What is 17+58?"));
        QVERIFY(run("prompt.new"));
        QTRY_VERIFY(page().findChild<StartView*>()->isVisible());
        QCOMPARE(page().findChild<ConversationList*>()->model().rowCount(), 1);
    }

    void actionsDoWhatTheySay() {
        openWindow(false);
        QVERIFY(!run("prompt.undo"));
        QVERIFY(!run("prompt.stop"));
        send("question");
        QVERIFY(run("prompt.tint.surprise"));
        QVERIFY(transcript().tint() == TintMode::Surprise);
        QVERIFY(run("prompt.regenerate"));
        settle();
        QCOMPARE(line().turns.last().sibling_count, 2);
        QVERIFY(run("prompt.undo"));
        QTRY_COMPARE(line().turns.last().sibling_count, 1);
        QVERIFY(run("prompt.redo"));
        QTRY_COMPARE(line().turns.last().sibling_count, 2);
        QVERIFY(run("prompt.delete"));
        QTRY_COMPARE(page().controller().rows().size(), 0);
        QVERIFY(run("prompt.undo"));
        QTRY_COMPARE(page().controller().rows().size(), 1);
        node_->delay = 30;
        node_->words = 100;
        page().controller().send("long");
        QTRY_VERIFY(page().controller().runningTurn() != 0);
        QVERIFY(run("prompt.stop"));
        settle();
        QVERIFY(line().turns.last().state == TurnState::Cut);
    }

    void thePopUpShowsAlternativesAndBranches() {
        openWindow(false);
        send("question");
        const qint64 answer = line().turns.last().id;
        transcript().setFocusedToken({answer, 4});
        transcript().openPopup();
        QTRY_COMPARE(transcript().popup()->rows().size(), 2);
        QTRY_VERIFY(transcript().popup()->rows()[1].choice.text == "other ");
        emit transcript().tokenBranchRequested({answer, 4}, transcript().popup()->rows()[1].choice);
        settle();
        QVERIFY(line().turns.last().id != answer);
        QVERIFY(line().turns.last().text.startsWith("one other "));
        QVERIFY(run("prompt.token_table"));
        QTRY_VERIFY(page().findChild<TokenTable*>() && page().findChild<TokenTable*>()->csv().contains("other "));
        page().findChild<TokenTableDialog*>()->close();
    }

    void draftsAndPlacesAreKept() {
        openWindow(false);
        send("first");
        page().controller().setDraft("half a sentence");
        desktop_->window().close();
        desktop_.reset();
        openWindow(false);
        QTRY_COMPARE(page().findChild<Composer*>()->text(), QString("half a sentence"));
        QCOMPARE(transcript().document().turnCount(), 2);
    }

    void aDamagedWorkspaceIsSaidAndMovedAside() {
        QDir().mkpath(folder_->filePath("data"));
        for (const QString& name : {folder_->filePath("data/workspace.db"), folder_->filePath("workspace.db")}) {
            QFile file(name);
            QVERIFY(file.open(QIODevice::WriteOnly));
            file.write(QByteArray(5000, 'x'));
        }
        desktop_ = std::make_unique<Desktop>(
            DesktopOptions{.workspace = folder_->path(), .model = {}, .with_engine = false});
        desktop_->show();
        QVERIFY(desktop_->window().page("prompt"));
        Notices& notices = desktop_->context().notices;
        const auto workspaceNotice = [&]() -> const Notice* {
            for (const Notice& notice : notices.all()) {
                if (notice.id == "workspace") {
                    return &notice;
                }
            }
            return nullptr;
        };
        QTRY_VERIFY(workspaceNotice());
        QVERIFY2(workspaceNotice()->text.contains("damaged"), qPrintable(workspaceNotice()->text));
        QSignalSpy opened(&page().controller(), &ConversationController::workspaceOpened);
        workspaceNotice()->actions.first().run();
        QVERIFY(opened.wait());
        page().controller().setEngine(node_->connect(), FakeNode::info());
        send("works again");
        QCOMPARE(line().turns.size(), 2);
    }

    void theRealEngineAnswers() {
        if (LocalEngine::findProgram().isEmpty() || LocalEngine::includedModel().isEmpty()) {
            QSKIP("there is no fulgurite-engine, or no included model, beside this test");
        }
        openWindow(true);
        QTRY_VERIFY_WITH_TIMEOUT(page().controller().engineReady(), 60000);
        SamplerSettings greedy;
        greedy.temperature = 0;
        greedy.max_tokens = 400;
        page().controller().setSampler(greedy);
        send("What is 17+58?");
        const Turn answer = line().turns.last();
        QVERIFY2(answer.note.isEmpty(), qPrintable(answer.note));
        QVERIFY2(answer.text.contains("75"), qPrintable(answer.text));
        QVERIFY(answer.tokens.size() > 1);
        QVERIFY(answer.tokens.first().scored);
        // Another token in the place of the first one of the answer.
        int index = 0;
        while (answer.tokens[index].channel != TokenChannel::Answer ||
               answer.tokens[index].text.trimmed().isEmpty()) {
            ++index;
        }
        QSignalSpy detail(&page().controller(), &ConversationController::tokenDetail);
        QSignalSpy cost(&page().controller(), &ConversationController::tokenCost);
        page().controller().askTokenDetail({answer.id, index});
        page().controller().askTokenCost({answer.id, index});
        QVERIFY(detail.wait());
        QTRY_COMPARE(cost.count(), 1);
        const TokenView token = detail.first().at(1).value<TokenView>();
        QCOMPARE(token.before.size(), 20);
        page().controller().branchFromToken({answer.id, index}, token.before[1]);
        settle();
        const Turn branch = line().turns.last();
        QVERIFY(branch.id != answer.id);
        QVERIFY2(branch.note.isEmpty() || branch.tokens.size() > index + 1, qPrintable(branch.note));
        for (int i = 0; i < index; ++i) {
            QCOMPARE(branch.tokens[i].id, answer.tokens[i].id);
        }
        QCOMPARE(branch.tokens[index].id, token.before[1].id);
        // The next message sends both answers back as they were.
        send("What is 20+30?");
        QVERIFY2(line().turns.last().note.isEmpty(), qPrintable(line().turns.last().note));
    }
};

QTEST_MAIN(TestPromptPage)
#include "test_prompt_page.moc"
