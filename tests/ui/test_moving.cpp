// SPDX-License-Identifier: GPL-3.0-or-later
// A conversation goes on at another node, in the window with two real nodes: with its state, to the same answer
// that it would have had; and by its text where the state cannot be carried, which is said.
#include "tests/ui/random_model.h"
#include "ui/base/notices.h"
#include "ui/engine/engine_link.h"
#include "ui/nodes/node_hub.h"
#include "ui/pages/prompt_page.h"
#include "ui/shell/desktop.h"
#include "ui/shell/handoff.h"
#include "ui/shell/main_window.h"

#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>

using namespace fulgurite;

namespace {
constexpr int kPatience = 60000;
}

class TestMoving : public QObject {
    Q_OBJECT

  private:
    std::unique_ptr<QTemporaryDir> folder_;
    std::unique_ptr<test::ServedModel> first_;
    std::unique_ptr<test::ServedModel> second_;
    std::unique_ptr<Desktop> desktop_;
    QString a_;
    QString b_;

    PromptPage& page() { return *qobject_cast<PromptPage*>(desktop_->window().page("prompt")); }
    ConversationController& controller() { return page().controller(); }
    NodeHub& hub() { return *desktop_->context().link.nodes(); }
    QString add(const char* name, const test::ServedModel& node) {
        NodeEntry entry;
        entry.name = name;
        entry.address = QStringLiteral("http://127.0.0.1:%1").arg(node.port());
        return hub().add(entry, {});
    }
    // As the Nodes page does it.
    void goTo(const QString& node) {
        desktop_->window().showPage("nodes");
        desktop_->context().handoff.post(NodeWish{node});
        desktop_->window().showPage("prompt");
        QTRY_VERIFY_WITH_TIMEOUT(hub().current() == node && controller().engineReady(), kPatience);
    }
    QString moved() {
        const auto& all = desktop_->context().notices.all();
        const auto found = std::ranges::find(all, QStringLiteral("moved"), &Notice::id);
        return found == all.end() ? QString() : found->text;
    }
    void ask(const QString& text) {
        SamplerSettings sampler;
        sampler.seed = 77;
        sampler.max_tokens = 60;
        sampler.repetition_run = 0;
        controller().setSampler(sampler);
        controller().send(text);
        QTRY_VERIFY(controller().running());
        QTRY_VERIFY_WITH_TIMEOUT(!controller().running(), kPatience);
        QCOMPARE(controller().line().turns.last().state, TurnState::Complete);
    }
    QString answer() {
        const Turn& turn = controller().line().turns.last();
        return turn.thinking.text + turn.text;
    }

  private slots:
    void init() {
        if (LocalEngine::findProgram().isEmpty()) {
            QFAIL("there is no fulgurite-engine beside this test");
        }
        folder_ = std::make_unique<QTemporaryDir>();
        const QString model = folder_->filePath("model");
        QVERIFY(test::makeRandomModel(model));
        first_ = std::make_unique<test::ServedModel>(model);
        second_ = std::make_unique<test::ServedModel>(model);
        desktop_ = std::make_unique<Desktop>(
            DesktopOptions{.workspace = folder_->filePath("workspace"), .open = model, .with_engine = true});
        desktop_->show();
        QSignalSpy shown(&controller(), &ConversationController::lineChanged);
        QTRY_VERIFY(!shown.isEmpty());
        a_ = add("a", *first_);
        b_ = add("b", *second_);
    }
    void cleanup() {
        desktop_.reset();
        first_.reset();
        second_.reset();
    }

    void withItsState() {
        const QString long_text = QStringLiteral("tell me of the sea and of the ships upon it ").repeated(20);
        goTo(a_);
        ask(long_text);
        ask("and then?");
        const QString stayed = answer();
        controller().newConversation();
        QTRY_VERIFY(controller().line().turns.isEmpty());
        goTo(a_);
        ask(long_text);

        goTo(b_);
        QTRY_VERIFY2_WITH_TIMEOUT(moved().contains("with its state"), qPrintable(moved()), kPatience);
        QVERIFY2(moved().contains("Moved to b") && moved().contains("KiB"), qPrintable(moved()));
        QSignalSpy prefill(&controller(), &ConversationController::prefillChanged);
        ask("and then?");
        QCOMPARE(answer(), stayed); // the very tokens that it would have had where it was
        qint64 reused = 0;
        for (const auto& each : prefill) {
            reused = std::max<qint64>(reused, each.first().value<PrefillState>().reused);
        }
        QVERIFY2(reused > 200, qPrintable(QString::number(reused))); // this node never read that text
        QCOMPARE(controller().line().node, b_);
    }

    // While another conversation is looked at, whose node is another one.
    void whatWaitsIsForItsOwnNode() {
        const auto sizeOf = [this](qint64 conversation) {
            std::size_t size = 0;
            controller().store().post([&size, conversation](StoreSession& session) {
                size = session.workspace().conversations().path(conversation).size();
            });
            controller().store().wait();
            return size;
        };
        goTo(a_);
        ask("tell me of the sea");
        const qint64 conversation = controller().line().id;
        controller().send("and then?");
        controller().send("and in the end?");
        QCOMPARE(controller().queue().size(), 1);
        controller().newConversation();
        QTRY_VERIFY(controller().line().turns.isEmpty());
        goTo(b_);
        QTRY_VERIFY_WITH_TIMEOUT(!controller().running(), kPatience);
        QTest::qWait(300);
        QCOMPARE(sizeOf(conversation), std::size_t(4));
        QVERIFY(!controller().running());
        controller().open(conversation);
        QTRY_COMPARE_WITH_TIMEOUT(controller().line().turns.size(), 6, kPatience);
        QCOMPARE(hub().current(), a_);
        QTRY_VERIFY_WITH_TIMEOUT(!controller().running(), kPatience);
        QVERIFY(controller().queue().isEmpty());
    }

    void byItsTextToOtherWeights() {
        const QString config = folder_->filePath("other.json");
        QFile file(config);
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(
            QByteArray(test::kRandomConfig).replace("\"intermediate_size\": 96", "\"intermediate_size\": 64"));
        file.close();
        const QString other = folder_->filePath("other");
        QCOMPARE(QProcess::execute(LocalEngine::findProgram(), {"convert", "--random", config, "--out", other}), 0);
        for (const char* name : {"tokenizer.json", "chat_template.jinja"}) {
            QVERIFY(QFile::copy(folder_->filePath("model/") + name, other + '/' + name));
        }
        const test::ServedModel third(other);
        const QString c = add("c", third);
        goTo(a_);
        ask("tell me of the sea");
        goTo(c);
        QTRY_VERIFY2_WITH_TIMEOUT(moved().contains("Moved to c"), qPrintable(moved()), kPatience);
        QVERIFY2(moved().contains("read there again") && moved().contains("was not carried"), qPrintable(moved()));
        ask("and then?");
        QCOMPARE(controller().line().turns.size(), 4);
    }
};

QTEST_MAIN(TestMoving)
#include "test_moving.moc"
