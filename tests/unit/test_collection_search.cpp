// SPDX-License-Identifier: Apache-2.0
// Collections: what searches over them find, and what they say of what is missing.
#include "core/base/error.h"
#include "tests/unit/collections_fixture.h"

#include <algorithm>
#include <fmt/format.h>
#include <gmock/gmock.h>

namespace fulgurite::retrieval {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

SearchReply find(Collections& collections, const std::string& query, std::vector<std::string> strategies,
                 Embedder& embedder, kernels::ThreadPool& pool, std::vector<std::string> prompts = {}) {
    SearchRequest request;
    request.query = query;
    request.count = 3;
    request.strategies = std::move(strategies);
    request.prompts = std::move(prompts);
    return collections.search("letters", request, embedder, pool);
}

TEST_F(CollectionsTest, EveryStrategyFindsInEveryVectorType) {
    for (const VectorType type : {VectorType::F32, VectorType::F16, VectorType::Int8}) {
        SCOPED_TRACE(nameOf(type));
        create("letters", type);
        const auto file = folder_ / "docs.jsonl";
        // Every head sees one letter of each document.
        writeFile(file, line("a", "", "aaaa hhhh oooo vvvv") + line("b", "", "bbbb iiii pppp wwww") +
                            line("c", "", "cccc jjjj qqqq xxxx cjqx") + line("d", "", "dddd kkkk rrrr yyyy"));
        ingest(file);
        const SearchReply reply = find(collections(), "cjqx",
                                       {"standard", "split", "split-weighted", "mrag", "mrag-decay",
                                        "mrag-distance", "fusion", "fusion-mrag", "bm25"},
                                       embedder_, pool_, {"cjqx", " "});
        ASSERT_EQ(reply.results.size(), 9u);
        for (const StrategyResult& result : reply.results) {
            ASSERT_NE(result.kind, ResultKind::Unavailable) << result.strategy;
            ASSERT_FALSE(result.documents.empty()) << result.strategy;
            EXPECT_EQ(result.documents[0].document, 2) << result.strategy;
        }
        EXPECT_EQ(reply.results[8].documents.size(), 1u); // of words, the one that has it
        EXPECT_EQ(reply.passages.at(2).text, "cccc jjjj qqqq xxxx cjqx");
        EXPECT_EQ(reply.results[3].lists.heads, 4u);
        EXPECT_EQ(reply.results[3].lists.depth, 3u);
        collections().remove("letters");
    }
}

TEST_F(CollectionsTest, FusionWithoutPromptsSaysWhatItNeeds) {
    create();
    const auto file = folder_ / "docs.jsonl";
    writeFile(file, line("a", "", "abc"));
    ingest(file);
    const SearchReply reply = find(collections(), "abc", {"fusion"}, embedder_, pool_);
    EXPECT_EQ(reply.results[0].kind, ResultKind::Unavailable);
    EXPECT_THAT(reply.results[0].reason, HasSubstr("search prompts"));
    EXPECT_THROW(find(collections(), "abc", {"best"}, embedder_, pool_), Error);
    EXPECT_THROW(find(collections(), " \n", {"mrag"}, embedder_, pool_), Error);
}

TEST_F(CollectionsTest, HeadsWithoutAnythingAreAtDistanceOne) {
    create();
    const auto file = folder_ / "docs.jsonl";
    writeFile(file, line("a", "", "aaa") + line("b", "", "hhh"));
    ingest(file);
    const SearchReply reply = find(collections(), "a", {"mrag"}, embedder_, pool_);
    const HeadLists& lists = reply.results[0].lists;
    EXPECT_EQ(lists.distances[0], 0.0f); // head 0: both a
    EXPECT_EQ(lists.distances[1], 1.0f); // the other document's part is zero
    EXPECT_THAT(std::vector<float>(lists.distances.begin() + 2, lists.distances.end()), testing::Each(1.0f));
}

TEST_F(CollectionsTest, AChunkedDocumentIsAsNearAsItsNearestChunk) {
    create("letters", VectorType::F32, 4);
    const auto file = folder_ / "docs.jsonl";
    std::string texts;
    for (int i = 0; i < 30; ++i) { // one document whose many chunks crowd the top of every list
        texts += "aaa aab aac aad. ";
    }
    writeFile(file, line("many", "", texts + "zzz zzz zzz zzz.") + line("few", "", "ab ab ba ba.") +
                        line("other", "", "hhh hhh."));
    ingest(file);
    const CollectionInfo info = collections().info("letters");
    EXPECT_EQ(info.documents, 3u);
    EXPECT_EQ(info.chunks, 33u);
    EXPECT_EQ(info.truncated, 0u);
    const SearchReply reply = find(collections(), "zzz", {"standard"}, embedder_, pool_);
    const auto& documents = reply.results[0].documents;
    ASSERT_EQ(documents.size(), 3u);
    EXPECT_EQ(documents[0].document, 0);
    EXPECT_EQ(reply.passages.at(0).text, "zzz zzz zzz zzz.");
    const SearchReply close = find(collections(), "aaa", {"mrag"}, embedder_, pool_);
    EXPECT_EQ(close.results[0].lists.documents[0], 0);
    EXPECT_EQ(close.results[0].lists.documents[1], 1);
    const StoredDocument document = collections().document("letters", 0);
    for (const ChunkInfo& chunk : document.chunks) {
        EXPECT_LE(chunk.tokens, 4u);
        EXPECT_EQ(document.text[chunk.end - 1], '.');
    }
}

TEST_F(CollectionsTest, QueriesFindTheirDocuments) {
    create();
    const auto docs = folder_ / "articles.json";
    writeFile(
        docs,
        R"([{"title": "one", "text": "a", "label": "x"}, {"title": "two", "text": "b", "label": "y", "topic": "T"},
                        {"title": "three", "text": "c", "label": "y", "topic": "T"}])");
    ingest(docs);
    const auto queries = folder_ / "queries.json";
    writeFile(queries,
              R"([{"topics": ["one", "T"], "text": "q", "fusion": ["p", ""]}, {"topics": ["none"], "text": "r"}])");
    ingest(queries);
    const auto stored = collections().queries("letters", "queries");
    ASSERT_EQ(stored.size(), 2u);
    EXPECT_THAT(stored[0].relevant, ElementsAre(0, 1, 2));
    EXPECT_THAT(stored[0].labels, ElementsAre("x", "y"));
    EXPECT_THAT(stored[0].prompts, ElementsAre("p"));
    EXPECT_EQ(stored[1].unresolved, 1u);
    ingest(queries);
    EXPECT_EQ(collections().queries("letters", "queries").size(), 2u);
    EXPECT_EQ(collections().addQuery("letters", "own", {.text = "mine", .relevant = {2}}).at(0).items.at(0),
              "three");
    EXPECT_THAT(collections().info("letters").query_sets.at(0).name, "own");
}

TEST_F(CollectionsTest, EqualDistancesGoToTheLowerDocumentWhereverItsVectorsLie) {
    create();
    // Documents 1 to 20 are equal; those of the odd files go, so that what stays is written together anew.
    for (int i = 0; i < 40; ++i) {
        const auto file = folder_ / fmt::format("f{}.jsonl", i);
        writeFile(file, line(fmt::format("x{}", i), "", "abc") + line(fmt::format("y{}", i), "", "hij"));
        ingest(file);
    }
    for (int i = 1; i < 40; i += 2) {
        const auto file = folder_ / fmt::format("f{}.jsonl", i);
        writeFile(file, line(fmt::format("y{}", i), "", "hij"));
        ingest(file);
    }
    ASSERT_LT(collections().index("letters")->segments().size(), 20u);
    SearchRequest request;
    request.query = "abc";
    request.count = 5;
    request.strategies = {"mrag"};
    const SearchReply reply = collections().search("letters", request, embedder_, pool_);
    const std::vector<std::string> names = titles();
    for (std::size_t i = 0; i < 5; ++i) {
        EXPECT_EQ(names[static_cast<std::size_t>(reply.results[0].lists.documents[i])], fmt::format("x{}", 2 * i));
    }
}

TEST_F(CollectionsTest, NumbersAreIdsAndNeverNames) {
    EXPECT_THROW(create("2026"), Error);
    create("letters");
    create("2026 letters");
    // A set whose name is the id of another leaves that one alone.
    const auto first = folder_ / "questions.json";
    writeFile(first, R"([{"topics": ["one"], "text": "first"}])");
    ingest(first);
    const std::string id = collections().info("letters").query_sets.front().id;
    const auto second = folder_ / (id + ".json");
    writeFile(second, R"([{"topics": ["two"], "text": "second"}, {"topics": ["two"], "text": "third"}])");
    ingest(second);
    EXPECT_EQ(collections().queries("letters", "questions").size(), 1u);
    EXPECT_EQ(collections().queries("letters", id).front().text, "first"); // an id before a name
    collections().addQuery("letters", id, {.text = "mine", .items = {"one"}});
    EXPECT_EQ(collections().queries("letters", "questions").size(), 1u);
    EXPECT_EQ(collections().info("letters").query_sets.size(), 2u);
}

TEST_F(CollectionsTest, SaysWhatIsThereWhenANameIsWrong) {
    create();
    EXPECT_THROW(create(), Error);
    try {
        collections().info("nothing");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::NotFound);
        EXPECT_THAT(error.what(), HasSubstr("letters"));
    }
}

TEST_F(CollectionsTest, HeadsTellTheirLabelsApart) {
    create();
    const auto file = folder_ / "docs.jsonl";
    std::string text;
    for (int i = 0; i < 6; ++i) {
        const std::string noise(static_cast<std::size_t>(i % 3 + 1), 'c');
        text +=
            line("x" + std::to_string(i), "x", "hhh" + noise) + line("y" + std::to_string(i), "y", "jjj" + noise);
    }
    writeFile(file, text);
    ingest(file);
    const HeadStatistics statistics = collections().heads("letters", -1, pool_);
    ASSERT_EQ(statistics.separates.size(), 4u);
    EXPECT_EQ(statistics.separates[1][0].auc, 1.0); // head 1 sees h and j
    EXPECT_LT(statistics.separates[0][0].auc, 0.9); // head 0 sees the noise
    EXPECT_EQ(statistics.separates[1][0].documents, 6u);

    const int heads[] = {-1, 1};
    const auto projections = collections().project("letters", -1, heads, "hhh", &embedder_, pool_);
    ASSERT_EQ(projections.size(), 2u);
    EXPECT_NEAR(projections[1].explained[0], 1.0, 1e-6); // two points on one line
    EXPECT_NEAR(projections[1].x[0], (*projections[1].query)[0], 1e-6);
    EXPECT_NEAR(projections[1].x[0], -projections[1].x[1], 1e-6);
}

} // namespace
} // namespace fulgurite::retrieval
