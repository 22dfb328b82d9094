// SPDX-License-Identifier: GPL-3.0-or-later
// The longest piece of work on the window's thread while a person opens a conversation of 100,000 tokens, another
// one, and the first again, in the whole window over a real workspace. Prints milliseconds; a frame is 16.
#include "core/store/token_store.h"
#include "tests/ui/watched_application.h"
#include "ui/conversation/conversation_controller.h"
#include "ui/pages/prompt_page.h"
#include "ui/shell/desktop.h"
#include "ui/shell/main_window.h"

#include <QElapsedTimer>
#include <QTemporaryDir>
#include <QTest>

#include <cstdio>

using namespace fulgurite;

namespace {

void fill(StoreSession& session, const char* title, int answers, int tokens_each) {
    ConversationStore& store = session.workspace().conversations();
    session.workspace().journal().asOneStep("Fill", std::nullopt, [&] {
        const ConversationId id = store.create({title, "", false, "", "{}"});
        std::optional<NodeId> at;
        for (int turn = 0; turn < answers; ++turn) {
            NewNode node;
            node.conversation = id;
            node.parent = at;
            node.content = "A question of a few words?";
            at = store.append(node);
            node.parent = at;
            node.role = MessageRole::Assistant;
            at = store.append(node);
            std::vector<TokenInfo> tokens(static_cast<std::size_t>(tokens_each));
            for (std::size_t i = 0; i < tokens.size(); ++i) {
                tokens[i].text = i % 90 == 89 ? ".\n\n" : "word ";
                tokens[i].rank = 1;
                tokens[i].logprob = -0.1f * static_cast<float>(i % 20);
                tokens[i].before.assign(20, {1, -1.0f, "other"});
                tokens[i].after = tokens[i].before;
            }
            TokenWriter writer(session.workspace().tokens(), *at);
            writer.append(tokens);
            writer.flush();
            store.finish(*at, {});
        }
    });
}

} // namespace

int main(int argc, char** argv) {
    test::WatchedApplication application(argc, argv);
    const QTemporaryDir folder;
    Desktop desktop(DesktopOptions{.workspace = folder.path(), .open = {}, .with_engine = false});
    desktop.show();
    auto& controller = qobject_cast<PromptPage*>(desktop.window().page(QStringLiteral("prompt")))->controller();
    QTest::qWait(300);
    application.print("start");
    for (const auto& [title, answers, each] :
         {std::tuple("Short", 2, 100), {"Many answers", 100, 1000}, {"One answer", 1, 100000}}) {
        controller.store().post([=](StoreSession& session) { fill(session, title, answers, each); });
    }
    controller.store().wait();
    controller.search({});
    if (!QTest::qWaitFor([&] { return controller.rows().size() == 3; }, 60000)) {
        return 1;
    }
    QTest::qWait(300);
    application.print("three conversations listed");
    for (int round = 0; round < 3; ++round) {
        for (const ConversationRow& row : controller.rows()) {
            QElapsedTimer whole;
            whole.start();
            controller.open(row.id);
            if (!QTest::qWaitFor([&] { return controller.line().id == row.id; }, 60000)) {
                return 1;
            }
            const qint64 shown = whole.elapsed();
            QTest::qWait(700); // timers that look after the map and the context
            std::printf("%4lld ms until shown  ", static_cast<long long>(shown));
            application.print(qPrintable(row.title));
        }
    }
    return 0;
}
