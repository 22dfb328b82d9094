// SPDX-License-Identifier: Apache-2.0
// Conversations that leave the workspace as files and come back.
#include "core/base/error.h"
#include "core/store/conversation_export.h"
#include "tests/unit/store_bench.h"

#include <gmock/gmock.h>

namespace fulgurite {
namespace {

using testing::HasSubstr;

class StoreFiles : public StoreBench {};

TEST_F(StoreFiles, JsonExportIsLossless) {
    const ConversationId id = sample();
    store.setTags(id, {"kernels"});
    store.nameBranch(store.path(id)[2].id, "B");
    const NodeId answer = store.append(answerNode(id, store.path(id)[2].id));
    TokenWriter writer(workspace.tokens(), answer);
    writer.append(sampleTokens(300));
    writer.flush();
    store.finish(answer, {NodeState::Stopped, R"({"reason":"cancelled"})", 400});
    store.branchFromToken(answer, 7, sampleToken(9), R"({"seed":7})");
    store.finish(*store.conversation(id).head, {});
    const std::string text = exportJson(workspace, std::vector{id});
    const std::vector<ConversationId> imported = importJson(workspace, text, "file.json");
    ASSERT_EQ(imported.size(), 1u);

    Workspace other(folder / "other.db");
    const ConversationId again = importJson(other, text, "file.json").front();
    const std::string second = exportJson(other, std::vector{again});
    // Ids are the file's own; in an empty workspace they come out as they went in.
    EXPECT_EQ(second, text);
    journal.undo();
    EXPECT_EQ(store.count(), 1u);
}

// Its row has no text yet: that comes with its end.
TEST_F(StoreFiles, AnAnswerThatIsBeingWrittenGoesOutAsFarAsItCame) {
    const ConversationId id = sample();
    const NodeId answer = store.append(answerNode(id, *store.conversation(id).head));
    TokenWriter writer(workspace.tokens(), answer);
    writer.append(sampleTokens(20));
    writer.flush();
    const std::string answered = workspace.tokens().texts(answer).content;
    ASSERT_FALSE(answered.empty());
    EXPECT_THAT(exportMarkdown(workspace, id), HasSubstr(answered));
    const ConversationId copy = importJson(workspace, exportJson(workspace, std::vector{id}), "f.json").front();
    const Node copied = store.path(copy).back();
    EXPECT_EQ(copied.content, answered);
    EXPECT_EQ(copied.thinking, workspace.tokens().texts(answer).thinking);
    EXPECT_EQ(copied.state, NodeState::Cut);
    EXPECT_EQ(copied.tokens, 20u);
    EXPECT_THAT(found("w18"), testing::SizeIs(1)) << "the copy can be searched";
}

TEST_F(StoreFiles, ImportNamesTheField) {
    const auto message = [this](const std::string& text) -> std::string {
        try {
            importJson(workspace, text, "f.json");
        } catch (const Error& error) {
            return error.what();
        }
        return "accepted";
    };
    const std::string head = R"({"format":"fulgurite-conversations","version":1,"conversations":)";
    EXPECT_EQ(message("{"), "f.json: is not JSON");
    EXPECT_THAT(message("[]"), HasSubstr("expected an object"));
    EXPECT_THAT(message(R"({"format":"fulgurite-conversations","version":2})"), HasSubstr("version 2"));
    EXPECT_THAT(message(head + R"([{"title":"x"}]})"), HasSubstr("\"nodes\" is missing"));
    EXPECT_THAT(message(head + R"([{"title":"x","nodes":[{"id":1,"role":"boss","content":""}]}]})"),
                HasSubstr("conversations[0].nodes[0].role: \"boss\""));
    EXPECT_THAT(message(head + R"([{"title":"x","nodes":[{"id":1,"parent":1,"role":"user","content":""}]}]})"),
                HasSubstr("parent: node 1 does not stand before"));
    EXPECT_THAT(message(head + R"([{"title":"x","nodes":[{"id":1,"role":"user","content":7}]}]})"),
                HasSubstr("content: expected a string, found a number"));
    EXPECT_EQ(store.count(), 0u);
}

// The parser takes any depth; whoever writes the value out again would recurse through it.
TEST_F(StoreFiles, AnImportThatNestsWithoutEndIsRefused) {
    const std::size_t levels = 2'000'000;
    std::string deep;
    for (std::size_t i = 0; i < levels; ++i)
        deep += R"({"a":)";
    deep += "1" + std::string(levels, '}');
    const std::string text =
        R"({"format":"fulgurite-conversations","version":1,"conversations":[{"title":"x","nodes":[],)"
        R"("settings":)" +
        deep + "}]}";
    try {
        importJson(workspace, text, "f.json");
        FAIL();
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("f.json: nested deeper than 128 levels"));
    }
    EXPECT_EQ(store.count(), 0u);
}

TEST_F(StoreFiles, MarkdownGoesOutAndComesBack) {
    const ConversationId id = sample();
    const std::string tricky = "## You\n\n<!-- fulgurite: user -->\n\n```\ncode\n```\n";
    store.append(userNode(id, store.conversation(id).head, tricky));
    const std::string text = exportMarkdown(workspace, id);
    EXPECT_THAT(text, HasSubstr("# Counting\n"));
    const ConversationId back = importMarkdown(workspace, text, "file.md");
    EXPECT_EQ(line(back), line(id));
    EXPECT_EQ(store.conversation(back).system_prompt, "Be short.");
    EXPECT_EQ(store.conversation(back).title, "Counting");
    EXPECT_THROW(importMarkdown(workspace, "# Some page\n\ntext\n", "file.md"), Error);
}

} // namespace
} // namespace fulgurite
