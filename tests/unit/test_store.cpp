// SPDX-License-Identifier: Apache-2.0
// Conversations as trees, undo, search, tokens, values.
#include "core/store/conversation_export.h"
#include "core/store/token_codec.h"
#include "core/store/workspace.h"
#include "tests/unit/store_bench.h"

#include <algorithm>
#include <gmock/gmock.h>

namespace fulgurite {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Store : public StoreBench {};

TEST_F(Store, EditingMakesABranchAndSiblingsSwitch) {
    const ConversationId id = sample();
    const std::vector<Node> path = store.path(id);
    const NodeId edited = store.append(userNode(id, path[1].id, "three"), "Edit message");
    const NodeId answer = store.append(answerNode(id, edited, "drei"));
    EXPECT_THAT(line(id), ElementsAre("one", "eins", "three", "drei"));
    EXPECT_THAT(store.siblings(edited), ElementsAre(path[2].id, edited));
    store.select(store.leafOf(path[2].id));
    EXPECT_THAT(line(id), ElementsAre("one", "eins", "two", "zwei"));
    // Going up and down again comes back to what was last shown.
    store.select(answer);
    EXPECT_EQ(store.leafOf(path[0].id), answer);
    EXPECT_EQ(store.outline(id).size(), 6u);
}

TEST_F(Store, EverythingCanBeUndoneAndRedone) {
    const ConversationId id = sample();
    store.rename(id, "Numbers");
    store.setStarred(id, true);
    store.setFolder(id, "Work");
    store.setTags(id, {"a", "b"});
    store.setSystemPrompt(id, "Be long.");
    store.nameBranch(store.path(id)[2].id, "B");
    store.removeBranch(store.path(id)[2].id);
    EXPECT_THAT(line(id), ElementsAre("one", "eins"));
    store.remove(id);
    EXPECT_THAT(store.list(), IsEmpty());

    EXPECT_EQ(journal.undo()->label, "Delete conversation");
    EXPECT_EQ(store.list().size(), 1u);
    EXPECT_EQ(journal.undo()->label, "Delete branch");
    EXPECT_THAT(line(id), ElementsAre("one", "eins", "two", "zwei"));
    EXPECT_EQ(journal.redoLabel(), "Delete branch");
    int steps = 0;
    while (journal.undo())
        ++steps;
    EXPECT_EQ(steps, 6 + 5); // what stands above, then four messages and the conversation itself
    EXPECT_THAT(store.list(), IsEmpty());
    while (journal.redo()) {
    }
    EXPECT_THAT(store.list(), IsEmpty()); // deleted, as at first
    journal.undo();
    const Conversation back = store.conversation(id);
    EXPECT_EQ(back.title, "Numbers");
    EXPECT_EQ(back.folder, "Work");
    EXPECT_THAT(back.tags, ElementsAre("a", "b"));
    EXPECT_TRUE(back.starred);
    EXPECT_EQ(back.system_prompt, "Be long.");
    EXPECT_THAT(line(id), ElementsAre("one", "eins"));
}

TEST_F(Store, ANewStepEndsWhatCouldBeRedone) {
    const ConversationId id = sample();
    store.rename(id, "A");
    journal.undo();
    EXPECT_TRUE(journal.redoLabel());
    store.rename(id, "B");
    EXPECT_FALSE(journal.redo());
    EXPECT_EQ(store.conversation(id).title, "B");
    store.rename(id, "B"); // changes nothing: no step
    journal.undo();
    EXPECT_EQ(store.conversation(id).title, "Counting");
}

TEST_F(Store, SeveralChangesAreOneStepAndAFailureLeavesNone) {
    const ConversationId id = sample();
    journal.asOneStep("Send", id, [&] {
        const NodeId question = store.append(userNode(id, store.conversation(id).head, "three"));
        store.append(answerNode(id, question, "drei"));
    });
    journal.undo();
    EXPECT_THAT(line(id), ElementsAre("one", "eins", "two", "zwei"));
    EXPECT_THROW(journal.asOneStep("Send", id,
                                   [&] {
                                       store.append(userNode(id, std::nullopt, "lost"));
                                       fail(ErrorKind::Cancelled, "stop");
                                   }),
                 Error);
    EXPECT_THAT(line(id), ElementsAre("one", "eins", "two", "zwei"));
    store.rename(id, "still works");
}

TEST_F(Store, RemovingTheShownBranchShowsItsSibling) {
    const ConversationId id = sample();
    const std::vector<Node> path = store.path(id);
    const NodeId other = store.append(answerNode(id, path[2].id, "deux"));
    store.removeBranch(other);
    EXPECT_THAT(line(id), ElementsAre("one", "eins", "two", "zwei"));
    store.removeBranch(path[0].id);
    EXPECT_THAT(line(id), IsEmpty());
    EXPECT_THROW(store.node(path[0].id), Error);
    journal.undo();
    EXPECT_THAT(line(id), ElementsAre("one", "eins", "two", "zwei"));
}

TEST_F(Store, TrimmingRemovesWhatNoStepCanBringBack) {
    const ConversationId id = sample();
    store.remove(id);
    journal.trim(1000);
    EXPECT_TRUE(journal.undo());
    EXPECT_EQ(store.path(id).size(), 4u);
    journal.redo();
    journal.trim(0);
    EXPECT_FALSE(journal.undo());
    EXPECT_EQ(workspace.database().integer("SELECT count(*) FROM conversations"), 0);
    EXPECT_EQ(workspace.database().integer("SELECT count(*) FROM nodes"), 0);
    EXPECT_THAT(found("eins"), IsEmpty());
}

TEST_F(Store, TokensComeBackPageByPage) {
    const ConversationId id = sample();
    const NodeId answer = store.append(answerNode(id, *store.conversation(id).head));
    const std::vector<TokenInfo> tokens = sampleTokens(1000);
    TokenWriter writer(workspace.tokens(), answer);
    for (std::size_t i = 0; i < tokens.size(); i += 37) {
        writer.append(std::span(tokens).subspan(i, std::min<std::size_t>(37, tokens.size() - i)));
        writer.flush();
    }
    EXPECT_EQ(workspace.tokens().count(answer), 1000u);
    EXPECT_EQ(workspace.tokens().read(answer, 0, 1000, TokenDetail::WithAlternatives), tokens);
    const std::vector<TokenInfo> page = workspace.tokens().read(answer, 250, 20, TokenDetail::WithAlternatives);
    ASSERT_EQ(page.size(), 20u);
    EXPECT_EQ(page.front(), tokens[250]);
    EXPECT_EQ(page.back(), tokens[269]);
    EXPECT_THAT(workspace.tokens().read(answer, 999, 20, TokenDetail::Summary), testing::SizeIs(1));
    EXPECT_THAT(workspace.tokens().read(answer, 1000, 20, TokenDetail::Summary), IsEmpty());
    EXPECT_EQ(workspace.database().integer("SELECT count(*) FROM token_chunks"), 4);

    store.finish(answer, {NodeState::Complete, R"({"reason":"end"})", 1234});
    const Node node = store.node(answer);
    EXPECT_EQ(node.tokens, 1000u);
    EXPECT_EQ(node.thinking_tokens, 2u);
    EXPECT_EQ(node.thinking, "w0 w1 ");
    EXPECT_TRUE(node.content.starts_with("w2 w4 "));
    EXPECT_EQ(store.conversation(id).tokens, 1234u);
}

TEST_F(Store, BranchFromATokenKeepsWhatStandsBefore) {
    const ConversationId id = sample();
    const NodeId answer = store.append(answerNode(id, *store.conversation(id).head));
    const std::vector<TokenInfo> tokens = sampleTokens(600);
    TokenWriter writer(workspace.tokens(), answer);
    writer.append(tokens);
    writer.flush();
    store.finish(answer, {});
    TokenInfo other = sampleToken(4000);
    const NodeId branch = store.branchFromToken(answer, 300, other, "{}");
    const std::vector<TokenInfo> kept = workspace.tokens().read(branch, 0, 600, TokenDetail::WithAlternatives);
    ASSERT_EQ(kept.size(), 301u);
    EXPECT_TRUE(std::equal(kept.begin(), kept.end() - 1, tokens.begin()));
    EXPECT_EQ(kept.back(), other);
    EXPECT_EQ(store.node(branch).source_node, answer);
    EXPECT_EQ(store.node(branch).source_tokens, 300u);
    TokenWriter more(workspace.tokens(), branch);
    more.append(tokens);
    more.flush();
    EXPECT_EQ(workspace.tokens().count(branch), 901u);
    journal.undo();
    EXPECT_EQ(store.conversation(id).head, answer);
    EXPECT_THROW(store.branchFromToken(answer, 601, other, "{}"), Error);
}

TEST_F(Store, DamagedTokenDataIsNamed) {
    const TokenChunkBytes bytes = encodeTokens(sampleTokens(20));
    std::vector<TokenInfo> tokens = decodeTokens(bytes.tokens, "here");
    for (std::size_t size = 0; size < bytes.tokens.size(); ++size)
        EXPECT_THROW(decodeTokens(std::span(bytes.tokens).first(size), "here"), Error);
    for (std::size_t size = 0; size < bytes.alternatives.size(); ++size)
        EXPECT_THROW(decodeAlternatives(std::span(bytes.alternatives).first(size), tokens, "here"), Error);
    workspace.database().run("INSERT INTO conversations(id, created, updated) VALUES (5, 0, 0)");
    const NodeId node = store.append(answerNode(5, store.append(userNode(5, std::nullopt, "x"))));
    workspace.tokens().writeChunk(node, 0, sampleTokens(10));
    workspace.database().run("UPDATE token_chunks SET tokens = x'0105ff'");
    try {
        workspace.tokens().read(node, 0, 1, TokenDetail::Summary);
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::Corrupt);
        EXPECT_THAT(error.what(), HasSubstr(fmt::format("message {}", node)));
    }
}

TEST_F(Store, SearchFindsTitlesAndMessages) {
    const ConversationId id = sample();
    const NodeId node = store.append(
        userNode(id, store.conversation(id).head, "first line\nthe Überlauf of a \"scan\" is fatal\nlast line"));
    const std::vector<SearchHit> hits = workspace.index().search("uberl");
    ASSERT_EQ(hits.size(), 1u);
    EXPECT_EQ(hits[0].node, node);
    EXPECT_EQ(hits[0].title, "Counting");
    EXPECT_EQ(hits[0].line, "the Überlauf of a \"scan\" is fatal");
    EXPECT_THAT(hits[0].matches, ElementsAre(std::pair<std::size_t, std::size_t>(4, 13)));
    EXPECT_THAT(found("count"), ElementsAre("Counting"));
    EXPECT_THAT(found("fatal scan"), testing::SizeIs(1));
    EXPECT_THAT(found("\"scan fatal\""), IsEmpty());
    EXPECT_THAT(found("\"is fatal\""), testing::SizeIs(1));
    for (const char* odd :
         {"", "  ", "\"", "* OR", "NEAR(", "a\"b", "-", "title:x", "'", "\\", "(", "^e", "\xff\xfe"})
        EXPECT_NO_THROW(found(odd)) << odd;
    store.rename(id, "Renamed");
    EXPECT_THAT(found("counting"), IsEmpty());
    store.remove(id);
    EXPECT_THAT(found("fatal"), IsEmpty());
    journal.undo();
    EXPECT_THAT(found("fatal"), testing::SizeIs(1));
}

// A long new conversation that says the word in every message must not hide the old one that says it once.
TEST_F(Store, SearchFindsEachConversationOnce) {
    const ConversationId old = sample();
    const NodeId said = store.append(userNode(old, store.conversation(old).head, "about fulgurite"));
    const ConversationId fresh = sample();
    NodeId last = *store.conversation(fresh).head;
    for (int i = 0; i < 300; ++i)
        last = store.append(userNode(fresh, last, "fulgurite again"));
    const std::vector<SearchHit> hits = workspace.index().search("fulgurite", 50);
    ASSERT_EQ(hits.size(), 2u);
    EXPECT_EQ(hits[0].node, last);
    EXPECT_EQ(hits[1].node, said);
    EXPECT_EQ(hits[1].line, "about fulgurite");
}

// Written without spaces, a whole sentence is one word to the index.
TEST_F(Store, SearchFindsPartsOfTextWithoutSpaces) {
    const ConversationId id = store.create({"数学の会話", "", false, "", "{}"});
    const NodeId node = store.append(userNode(id, std::nullopt, "前の行\n你好世界，GPU很快 100%\n次"));
    const std::vector<SearchHit> hits = workspace.index().search("世界");
    ASSERT_EQ(hits.size(), 1u);
    EXPECT_EQ(hits[0].node, node);
    EXPECT_EQ(hits[0].line, "你好世界，GPU很快 100%");
    EXPECT_THAT(hits[0].matches, ElementsAre(std::pair<std::size_t, std::size_t>(6, 12)));
    EXPECT_THAT(found("gpu很快"), testing::SizeIs(1));
    EXPECT_THAT(found("世界 快"), testing::SizeIs(1));
    EXPECT_THAT(found("世界 次 好"), testing::SizeIs(1));
    EXPECT_THAT(found("世界 悪"), IsEmpty());
    EXPECT_THAT(found("快%次"), IsEmpty()) << "a sign of LIKE is a sign";
    EXPECT_THAT(found("会話"), ElementsAre("数学の会話"));
    store.append(userNode(id, node, "한국어 문장은 띄어쓰기가 있다 with words"));
    EXPECT_THAT(found("문장 words"), testing::SizeIs(1));
    EXPECT_THAT(found("문장 nowhere"), IsEmpty());
    // A page that was pasted.
    std::string page;
    for (int i = 0; i < 2000; ++i)
        page += "문장 ";
    EXPECT_THAT(found(page), testing::SizeIs(1));
    std::string line;
    for (int i = 0; i < 30'000; ++i)
        line += "漢";
    EXPECT_THAT(found(line), IsEmpty());
    std::string words;
    for (int i = 0; i < 20'000; ++i)
        words += "w" + std::to_string(i) + " ";
    EXPECT_THAT(found(words), IsEmpty());
    // Far into a long text: what is around it, in whole characters.
    std::string lots;
    for (int i = 0; i < 400; ++i)
        lots += "漢";
    store.append(userNode(id, node, lots + "目的" + lots));
    const SearchHit far = workspace.index().search("目的").front();
    EXPECT_LT(far.line.size(), 400u);
    EXPECT_TRUE(far.line.starts_with("…漢"));
    EXPECT_EQ(far.line.substr(far.matches.at(0).first, 6), "目的");
}

TEST_F(Store, DraftsAndValues) {
    workspace.setDraft(0, "not sent");
    workspace.setDraft(0, "not yet sent");
    EXPECT_EQ(workspace.draft(0), "not yet sent");
    workspace.setDraft(0, "");
    EXPECT_EQ(workspace.draft(0), "");
    const std::string bytes("\0\xff layout", 9);
    workspace.setValue(ValueKind::Layout, "wide", bytes);
    workspace.setValue(ValueKind::Setting, "theme", "\"dark\"");
    EXPECT_EQ(workspace.value(ValueKind::Layout, "wide"), bytes);
    EXPECT_EQ(workspace.values(ValueKind::Setting).size(), 1u);
    workspace.removeValue(ValueKind::Setting, "theme");
    EXPECT_FALSE(workspace.value(ValueKind::Setting, "theme"));
}

// A long conversation costs no more to go on with than a short one, and its copy no more than its own length.
TEST_F(Store, NoMessageRewritesThoseAboveIt) {
    const ConversationId id = store.create({});
    std::optional<NodeId> at;
    const auto rowsOfNext = [&] {
        const std::int64_t before = workspace.database().totalChanges();
        at = store.append(userNode(id, at, "next"));
        return workspace.database().totalChanges() - before;
    };
    std::int64_t shallow = 0;
    for (int i = 0; i < 5; ++i)
        shallow = rowsOfNext();
    for (int i = 0; i < 95; ++i)
        rowsOfNext();
    EXPECT_EQ(rowsOfNext(), shallow);
    EXPECT_EQ(store.leafOf(store.path(id).front().id), *at);
    const std::string text = exportJson(workspace, std::vector{id});
    const std::int64_t before = workspace.database().totalChanges();
    const ConversationId copy = importJson(workspace, text, "f.json").front();
    EXPECT_LT(workspace.database().totalChanges() - before, 101 * 20);
    EXPECT_EQ(line(copy), line(id));
    EXPECT_EQ(store.leafOf(store.path(copy).front().id), *store.conversation(copy).head);
    // Undone and redone, it shows what it showed.
    journal.undo();
    journal.redo();
    EXPECT_EQ(line(copy), line(id));
}

// Undo moves the head alone; the next message puts right which line is the one that was shown last.
TEST_F(Store, AMessageAfterAnUndoIsTheLineThatWasShownLast) {
    const ConversationId id = sample();
    const std::vector<Node> path = store.path(id);
    store.append(userNode(id, path[1].id, "another branch"), "Edit message");
    journal.undo();
    const NodeId next = store.append(userNode(id, path[3].id, "three"));
    EXPECT_EQ(store.leafOf(path[0].id), next);
}

// An answer that was cut by the end of the program still stands where it stood.
TEST_F(Store, RecoveringKeepsWhatIsKnownOfAnAnswer) {
    const ConversationId id = sample();
    const NodeId answer = store.append(answerNode(id, *store.conversation(id).head));
    store.notePrompt(answer, 900);
    const NodeId other = store.append(answerNode(id, store.path(id)[2].id));
    store.finish(other, {NodeState::Complete, R"({"reason":"max_tokens","prompt_tokens":70,"thinking_seconds":1.5})", 0});
    store.beginStreaming(other, "{}");
    EXPECT_THAT(store.recover(), ElementsAre(answer, other));
    EXPECT_EQ(store.node(answer).state, NodeState::Cut);
    EXPECT_THAT(store.node(answer).result, HasSubstr("\"prompt_tokens\":900"));
    EXPECT_THAT(store.node(answer).result, HasSubstr("\"reason\":\"cut\""));
    EXPECT_THAT(store.node(other).result, HasSubstr("\"prompt_tokens\":70"));
    EXPECT_THAT(store.node(other).result, HasSubstr("\"thinking_seconds\":1.5"));
    EXPECT_THAT(store.node(other).result, HasSubstr("\"reason\":\"cut\""));
}

TEST_F(Store, ContinuingTakesTheAnswersPlaceAndIsUndone) {
    const ConversationId id = sample();
    const NodeId question = store.path(id)[2].id;
    const NodeId answer = store.append(answerNode(id, question));
    TokenWriter writer(workspace.tokens(), answer);
    writer.append(sampleTokens(300));
    writer.flush();
    store.finish(answer, {NodeState::Stopped, R"({"prompt_tokens":5})", 0});
    const Node before = store.node(answer);
    const NodeId longer = store.continueFrom(answer, 299, R"({"seed":7})");
    EXPECT_EQ(store.siblings(longer).size(), 2u); // "zwei" and the longer one
    EXPECT_THROW(store.node(answer), Error);
    EXPECT_EQ(workspace.tokens().count(longer), 299u);
    EXPECT_EQ(store.node(longer).result, before.result);
    TokenWriter more(workspace.tokens(), longer);
    more.append(sampleTokens(10));
    more.flush();
    store.finish(longer, {});
    journal.undo();
    EXPECT_EQ(store.conversation(id).head, answer);
    EXPECT_EQ(store.node(answer).content, before.content);
    EXPECT_EQ(workspace.tokens().count(answer), 300u);
    journal.redo();
    EXPECT_EQ(store.conversation(id).head, longer);
    // With a message below it the shorter one stays.
    store.append(userNode(id, longer, "and now?"));
    store.continueFrom(longer, 100, "{}");
    EXPECT_EQ(store.siblings(longer).size(), 3u);
}

TEST_F(Store, AnAnswerWrittenAgainReplacesTheOldOneAtOnce) {
    const ConversationId id = sample();
    const NodeId answer = store.append(answerNode(id, *store.conversation(id).head));
    const std::vector<TokenInfo> tokens = sampleTokens(700);
    TokenWriter writer(workspace.tokens(), answer);
    writer.append(std::span(tokens).first(600));
    writer.flush();
    for (const std::size_t kept : {0u, 300u, 512u}) {
        TokenWriter again(workspace.tokens(), answer, kept);
        again.append(std::span(tokens).subspan(kept));
        EXPECT_GE(workspace.tokens().count(answer), 600u) << "until it is written, the old ones are there";
        again.flush();
        EXPECT_EQ(workspace.tokens().read(answer, 0, 800, TokenDetail::WithAlternatives), tokens);
    }
    // The last token of a full chunk can still get text.
    TokenWriter full(workspace.tokens(), answer, 512);
    full.flush();
    TokenWriter last(workspace.tokens(), answer);
    last.setLast("changed");
    last.flush();
    EXPECT_EQ(workspace.tokens().read(answer, 511, 1, TokenDetail::Summary).front().text, "changed");
    EXPECT_EQ(workspace.tokens().count(answer), 512u);
}

} // namespace
} // namespace fulgurite
