// SPDX-License-Identifier: GPL-3.0-or-later
// The Prompt page in its window: with a node that plays scripts, and with the real engine and the included model.
#include "tests/ui/prompt_bench.h"
#include "tests/ui/random_model.h"
#include "ui/base/notices.h"
#include "ui/engine/engine_link.h"
#include "ui/engine/local_engine.h"
#include "ui/nodes/node_hub.h"
#include "ui/nodes/reconnect_notice.h"
#include "ui/prompt/attachments.h"
#include "ui/prompt/composer.h"
#include "ui/prompt/conversation_list.h"
#include "ui/prompt/conversation_model.h"
#include "ui/prompt/sampler_panel.h"
#include "ui/prompt/token_popup.h"
#include "ui/prompt/token_table.h"
#include "ui/shell/command_palette.h"
#include "ui/shell/handoff.h"
#include "ui/start/start_view.h"

#include <QDir>
#include <QPushButton>
#include <QScrollBar>
#include <QSignalSpy>

#include <csignal>

using namespace fulgurite;

// A node that answers and still reads its model.
class LoadingLink : public NodeLink {
  public:
    explicit LoadingLink(const FakeNode& node) { client_ = node.connect(); }
    LinkState state() const override { return info_ ? LinkState::Ready : LinkState::Loading; }
    QString message() const override { return {}; }
    void connectNow() override {}
    void stopTrying() override {}
    void become(const std::optional<client::EngineInfo>& info) {
        info_ = info;
        emit infoChanged();
    }
};

class TestPromptPage : public PromptBench {
    Q_OBJECT

  private slots:
    void init() { startAnew(); }
    void cleanup() { end(); }

    void samplesGiveWayToTheTranscript() {
        openWindow(false);
        QVERIFY(page().findChild<StartView*>()->isVisible());
        send("What is 17+58?");
        QVERIFY(transcript().isVisible());
        QCOMPARE(transcript().document().turnCount(), 2);
        QCOMPARE(page().headerTitle(), QString("What is 17+58?"));
        QVERIFY(run("prompt.new"));
        QTRY_VERIFY(page().findChild<StartView*>()->isVisible());
        QCOMPARE(desktop_->window().findChild<ConversationList*>()->model().rowCount(), 1);
    }

    void tagsAndThePaletteFindConversations() {
        openWindow(false);
        send("about pears");
        const qint64 pears = line().id;
        page().controller().setTags(pears, {"fruit", "garden"});
        QVERIFY(run("prompt.new"));
        QTRY_VERIFY(line().id != pears);
        send("about stones");
        QTRY_COMPARE(page().controller().allRows().size(), 2);
        CommandPalette& palette = desktop_->window().palette();
        palette.open("@");
        QCOMPARE(palette.model().rowCount(), 2);
        palette.open("@garden");
        QCOMPARE(palette.model().rowCount(), 1);
        palette.open("@pears");
        QCOMPARE(palette.model().rowCount(), 1);
        QVERIFY(palette.runCurrent());
        QTRY_COMPARE(line().id, pears);
        // The chips over the list hide what lacks the tag.
        auto& list = *desktop_->window().findChild<ConversationList*>();
        for (QPushButton* chip : list.findChildren<QPushButton*>()) {
            if (chip->text().contains("garden")) {
                chip->click();
            }
        }
        QTRY_COMPARE(list.filter().tag, QString("garden"));
    }

    void attachmentsAreSentAndKept() {
        openWindow(false);
        QFile file(folder_->filePath("list.txt"));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write("pears\nplums\n");
        file.close();
        auto& composer = *page().findChild<Composer*>();
        composer.attach({file.fileName()});
        QTRY_VERIFY(composer.text().contains("plums"));
        emit composer.sendRequested("How many?" + ("\n\n" + composer.text()), SendMode::Chat);
        settle();
        QVERIFY(line().turns.first().text.startsWith("How many?\n\nlist.txt:\n````text\npears\nplums\n````"));
        QVERIFY(composer.text().isEmpty());
        QVERIFY(run("prompt.undo"));
        QTRY_VERIFY(composer.text().contains("plums"));
        QCOMPARE(splitMessage(composer.text()).attachments.size(), 1);
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
        const qint64 first = line().id;
        QVERIFY(run("prompt.new"));
        QTRY_COMPARE(line().id, qint64(0));
        send("second");
        send("second, and more");
        page().controller().open(first); // not the latest
        QTRY_COMPARE(line().id, first);
        page().controller().setDraft("half a sentence");
        const auto restart = [this] {
            desktop_->window().close();
            desktop_.reset();
            openWindow(false);
            settle();
        };
        restart();
        QCOMPARE(line().id, first);
        QTRY_COMPARE(page().findChild<Composer*>()->text(), QString("half a sentence"));
        QCOMPARE(transcript().document().turnCount(), 2);
        // Where it is gone, the latest is there.
        page().controller().store().post([first](StoreSession& session) {
            session.workspace().conversations().remove(first);
        });
        restart();
        QVERIFY(line().id != first);
        QCOMPARE(transcript().document().turnCount(), 4);
    }

    void aMessageForANodeThatLoadsGoesToNoOther() {
        openWindow(false);
        QVERIFY(page().controller().engineReady());
        const FakeNode slow;
        LoadingLink link(slow);
        desktop_->context().link.use(&link);
        QVERIFY(!page().controller().engineReady());
        page().controller().send("for the slow one");
        QTest::qWait(200);
        QCOMPARE(page().controller().queue().size(), 1);
        link.become(FakeNode::info());
        settle();
        QCOMPARE(slow.generations().size(), 1);
        QVERIFY(node_->generations().isEmpty());
        link.become(std::nullopt); // it reads another one
        QVERIFY(!page().controller().engineReady());
        desktop_->context().link.use(nullptr);
    }

    // Asked for by the Inspect page, be another conversation shown whose node is not there.
    void anAblatedAnswerIsWrittenAtTheNodeOfItsConversation() {
        openWindow(false);
        send("question");
        const qint64 asked = line().id;
        const qint64 answer = line().turns.last().id;
        QVERIFY(run("prompt.new"));
        QTRY_COMPARE(line().id, qint64(0));
        NodeEntry gone;
        gone.name = "gone";
        gone.address = "http://127.0.0.1:9";
        page().controller().setNode(desktop_->context().link.nodes()->add(gone, {}));
        QVERIFY(!page().controller().engineReady());
        connect(&page().controller(), &ConversationController::lineChanged, this, [this, asked] {
            if (line().id == asked && !page().controller().engineReady()) {
                page().controller().setEngine(node_->connect(), FakeNode::info());
            }
        });
        InterventionRecipe recipe;
        recipe.intervention.heads = {{7, 3, 0.0f}};
        desktop_->window().showPage("inspect");
        desktop_->context().handoff.post(AblationWish{answer, recipe});
        desktop_->window().showPage("prompt");
        QTRY_COMPARE(node_->generations().size(), 2);
        settle();
        QCOMPARE(line().id, asked);
        QCOMPARE(line().turns.last().sibling_count, 2);
        QVERIFY(node_->generations().last().contains("intervention"));
    }

    void aDamagedWorkspaceIsSaidAndMovedAside() {
        QDir().mkpath(folder_->filePath("data"));
        for (const QString& name : {folder_->filePath("data/workspace.db"), folder_->filePath("workspace.db")}) {
            QFile file(name);
            QVERIFY(file.open(QIODevice::WriteOnly));
            file.write(QByteArray(5000, 'x'));
        }
        desktop_ = std::make_unique<Desktop>(
            DesktopOptions{.workspace = folder_->path(), .open = {}, .with_engine = false});
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

    // A random model writes nonsense, but everything around the words is real.
    void theRealEngineBranchesAndContinues() {
        if (LocalEngine::findProgram().isEmpty()) {
            QFAIL("there is no fulgurite-engine beside this test");
        }
        const QString model = folder_->filePath("model");
        QVERIFY(test::makeRandomModel(model));
        openWindow(true, model);
        QTRY_VERIFY_WITH_TIMEOUT(page().controller().engineReady(), 60000);
        SamplerSettings sampler;
        sampler.seed = 7;
        sampler.max_tokens = 40;
        page().controller().setSampler(sampler);
        send("What is 17+58?");
        const Turn answer = line().turns.last();
        QCOMPARE(answer.tokens.size(), 40);
        QVERIFY2(answer.note.contains("limit"), qPrintable(answer.note));
        const int index = 20;
        QSignalSpy detail(&page().controller(), &ConversationController::tokenDetail);
        QSignalSpy cost(&page().controller(), &ConversationController::tokenCost);
        page().controller().askTokenDetail({answer.id, index});
        page().controller().askTokenCost({answer.id, index});
        QVERIFY(detail.wait());
        QTRY_COMPARE(cost.count(), 1);
        const TokenView token = detail.first().at(1).value<TokenView>();
        QCOMPARE(token.before.size(), 20);
        QVERIFY(std::abs(token.logprob) < 20);
        page().controller().branchFromToken({answer.id, index}, token.before[3]);
        settle();
        const Turn branch = line().turns.last();
        QVERIFY(branch.id != answer.id);
        QVERIFY2(branch.tokens.size() > index + 1, qPrintable(branch.note));
        for (int i = 0; i < index; ++i) {
            QCOMPARE(branch.tokens[i].id, answer.tokens[i].id);
        }
        QCOMPARE(branch.tokens[index].id, token.before[3].id);
        page().controller().continueAnswer(branch.id);
        settle();
        QVERIFY(line().turns.last().tokens.size() > branch.tokens.size());
        send("And again?");
        QCOMPARE(line().turns.size(), 4);
        QVERIFY2(!line().turns.last().tokens.isEmpty(), qPrintable(line().turns.last().note));
        QVERIFY(line().turns.last().position > branch.tokens.size());
        QTRY_VERIFY(!line().map.isEmpty() && line().map.last().reentry_seconds > 0);
    }

    // Found on another branch and far up: the hit is what is seen.
    void aSearchLeadsToTheMessageThatItFound() {
        openWindow(false);
        qint64 wanted = 0;
        page().controller().store().post([&wanted](StoreSession& session) {
            ConversationStore& store = session.workspace().conversations();
            NewConversation fresh;
            fresh.title = "long";
            const ConversationId id = store.create(fresh);
            std::optional<NodeId> at;
            const auto say = [&](const std::string& text) {
                NewNode node;
                node.conversation = id;
                node.parent = at;
                node.content = text;
                at = store.append(node);
            };
            say("the beginning");
            const std::optional<NodeId> fork = at;
            std::string lines;
            for (int i = 0; i < 200; ++i) {
                lines += "a line of many\n\n";
            }
            say(lines + "here lies the nugget of it\n\n" + lines);
            wanted = *at;
            at = fork;
            say("another branch that is shown");
        });
        page().controller().store().wait();
        page().controller().search("nugget");
        QTRY_COMPARE(page().controller().rows().size(), 1);
        QCOMPARE(page().controller().rows().first().match_turn, wanted);
        auto* list = desktop_->window().findChild<ConversationList*>();
        auto* view = page().findChild<TranscriptView*>();
        QVERIFY(list && view);
        emit list->openRequested(page().controller().rows().first().id);
        QTRY_VERIFY(!line().turns.isEmpty() && line().turns.last().id == wanted);
        const auto* bar = view->verticalScrollBar();
        QTRY_VERIFY(bar->maximum() > 1000);
        const double place = static_cast<double>(bar->value()) / bar->maximum();
        QVERIFY2(place > 0.3 && place < 0.7, qPrintable(QString::number(place)));
    }

    void thePaletteKnowsWhatThePanelsKnow() {
        openWindow(false);
        const QStringList known = desktop_->context().actions.ids();
        for (const char* id : {"prompt.duplicate", "prompt.folder", "prompt.export_all", "prompt.preset.apply",
                               "prompt.preset.save", "prompt.preset.reset", "prompt.preset.delete"}) {
            QVERIFY2(known.contains(QLatin1String(id)), id);
        }
        page().controller().store().post([](StoreSession& session) {
            NewConversation fresh;
            fresh.title = "one";
            session.workspace().conversations().create(fresh);
        });
        page().controller().search({});
        QTRY_COMPARE(page().controller().rows().size(), 1);
        page().controller().openLatest();
        QTRY_VERIFY(line().id != 0);
        QVERIFY(run("prompt.duplicate"));
        QTRY_COMPARE(page().controller().allRows().size(), 2);
        auto* sampler = desktop_->window().findChild<SamplerPanel*>();
        SamplerSettings other = sampler->settings();
        other.temperature = 1.77;
        sampler->setSettings(other);
        QVERIFY(run("prompt.preset.reset"));
        QVERIFY(!sampler->changedFromPreset());
    }

    // The node is there and has no place: that is seen, with when it is asked again, and can be ended.
    void anAnswerWithoutAPlaceIsSeenAndGivenUp() {
        openWindow(false);
        client::EngineInfo info = FakeNode::info();
        info.capabilities.insert("resume");
        page().controller().setEngine(node_->connect(), info);
        node_->busy = 300;
        page().controller().send("question");
        QTRY_VERIFY_WITH_TIMEOUT(page().controller().resumeWait(), 60000);
        auto* notice = page().findChild<ReconnectNotice*>();
        QVERIFY(notice->isVisible());
        QVERIFY2(notice->accessibleName().contains("all places are taken"), qPrintable(notice->accessibleName()));
        auto* ring = notice->findChild<CountdownRing*>();
        QVERIFY2(ring->accessibleName().contains("until the next try"), qPrintable(ring->accessibleName()));
        const QString before = ring->accessibleName();
        QTRY_VERIFY(ring->accessibleName() != before); // it counts
        QVERIFY(desktop_->context().actions.action("prompt.stop")->isEnabled());
        QVERIFY(run("prompt.stop"));
        QVERIFY(!notice->isVisible());
        QVERIFY(!page().controller().interrupted());
        QVERIFY(!desktop_->context().actions.action("prompt.stop")->isEnabled());

        // Stop in the notice does the same; Try now does not wait.
        page().controller().send("again");
        QTRY_VERIFY_WITH_TIMEOUT(notice->isVisible(), 60000);
        const auto press = [notice](const QString& text) {
            for (QPushButton* each : notice->findChildren<QPushButton*>()) {
                if (each->text() == text) {
                    each->click();
                }
            }
        };
        press("Stop");
        QVERIFY(!notice->isVisible());
        page().controller().send("once more");
        QTRY_VERIFY_WITH_TIMEOUT(notice->isVisible(), 60000);
        node_->busy = 0;
        press("Try now");
        settle();
        QVERIFY(!notice->isVisible());
        QVERIFY2(line().turns.last().state == TurnState::Complete, qPrintable(line().turns.last().note));
    }

    // The engine is killed in the middle of an answer: what came stays, the window goes on.
    void anEngineThatIsKilledTakesNothingAlong() {
        if (LocalEngine::findProgram().isEmpty()) {
            QFAIL("there is no fulgurite-engine beside this test");
        }
        const QString model = folder_->filePath("model");
        QVERIFY(test::makeRandomModel(model));
        openWindow(true, model);
        QTRY_VERIFY_WITH_TIMEOUT(page().controller().engineReady(), 60000);
        SamplerSettings sampler;
        sampler.repetition_run = 0;
        sampler.logit_bias = {{418, "<end_of_sentence>", -100, {}}};
        page().controller().setSampler(sampler);
        page().controller().send("go on");
        QTRY_VERIFY(page().controller().runningTurn() != 0);
        QTest::qWait(500);
        page().controller().setDraft("typing");
        ::kill(static_cast<pid_t>(desktop_->context().engine.processId()), SIGKILL);
        settle();
        QVERIFY(line().turns.last().state == TurnState::Cut);
        QVERIFY(!line().turns.last().tokens.isEmpty());
        QVERIFY(!page().controller().engineReady());
        QCOMPARE(line().draft, QString("typing"));
        page().controller().send("waits");
        QCOMPARE(page().controller().queue(), QStringList("waits"));
        QVERIFY(page().controller().interrupted());
        page().controller().giveUpInterrupted();
        sampler.max_tokens = 5;
        page().controller().setSampler(sampler);
        desktop_->context().engine.start();
        QTRY_COMPARE_WITH_TIMEOUT(line().turns.size(), 4, 60000);
        settle();
        QVERIFY2(line().turns.last().state == TurnState::Complete, qPrintable(line().turns.last().note));
    }

    void theIncludedModelAddsUp() {
        if (LocalEngine::findProgram().isEmpty() || LocalEngine::includedModel().isEmpty()) {
            QFAIL("there is no fulgurite-engine, or no included model, beside this test");
        }
        openWindow(true);
        QTRY_VERIFY_WITH_TIMEOUT(page().controller().engineReady(), 60000);
        SamplerSettings greedy;
        greedy.temperature = 0;
        greedy.max_tokens = 400;
        page().controller().setSampler(greedy);
        send("What is 17+58?");
        QVERIFY2(line().turns.last().text.contains("75"), qPrintable(line().turns.last().text));
    }
};

QTEST_MAIN(TestPromptPage)
#include "test_prompt_page.moc"
