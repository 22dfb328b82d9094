// SPDX-License-Identifier: Apache-2.0
// Collections: what an ingest keeps, changes and removes, also when it is killed; searches over them.
#include "core/base/error.h"
#include "core/retrieval/collection_index.h"
#include "core/retrieval/collections.h"
#include "core/retrieval/embedding_file.h"
#include "core/store/database.h"
#include "tests/support/golden_models.h"
#include "tests/unit/letter_embedder.h"

#include <algorithm>
#include <csignal>
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>
#include <unistd.h>

namespace fulgurite::retrieval {
namespace {

using test::LetterEmbedder;
using test::TemporaryFolder;
using testing::ElementsAre;
using testing::HasSubstr;

void writeFile(const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

std::string line(const std::string& title, const std::string& label, const std::string& text) {
    return "{\"title\": \"" + title + "\", \"label\": \"" + label + "\", \"text\": \"" + text + "\"}\n";
}

class CollectionsTest : public testing::Test {
  protected:
    CollectionsTest() { open(); }

    void open() {
        collections_.reset();
        collections_ = std::make_unique<Collections>(folder_ / "data");
    }
    Collections& collections() { return *collections_; }

    CollectionInfo create(const std::string& name = "letters", VectorType type = VectorType::F32,
                          std::size_t chunk_tokens = 0) {
        return collections().create({.name = name, .type = type, .chunk_tokens = chunk_tokens}, embedder_.info());
    }

    IngestProgress ingest(const std::filesystem::path& path, const std::string& name = "letters") {
        return collections().ingest(name, std::span(&path, 1), embedder_);
    }

    std::vector<std::string> titles(const std::string& name = "letters") {
        return collections().documents(name, 0, 1000).titles;
    }

    // Head scores as a collection made of the same documents at once has them.
    void expectScoresAreCurrent(const std::string& name = "letters") {
        const auto index = collections().index(name);
        for (const Space& space : index->spaces()) {
            HeadScoreSums sums(space.heads, space.width);
            std::size_t rows = 0;
            for (const IndexSegment& segment : index->segments()) {
                for (std::size_t row = 0; row < segment.documents.size(); ++row) {
                    if (segment.documents[row] >= 0) {
                        const UnitVectors vectors = segment.file->read(space, row);
                        sums.addUnit(vectors.units, vectors.norms);
                        ++rows;
                    }
                }
            }
            EXPECT_EQ(rows, index->info().chunks);
            for (std::size_t head = 0; head < space.heads; ++head) {
                EXPECT_NEAR(index->scores(space)[head].score, sums.scores()[head].score, 1e-9)
                    << space.name << head;
            }
        }
    }

    TemporaryFolder folder_;
    LetterEmbedder embedder_;
    std::unique_ptr<Collections> collections_;
    kernels::ThreadPool pool_{2};
};

TEST_F(CollectionsTest, EmbedsOnlyWhatChanged) {
    create();
    const auto file = folder_ / "docs.jsonl";
    writeFile(file, line("one", "x", "aaab") + line("two", "y", "hhhi") + line("three", "x", "oooa"));
    EXPECT_EQ(ingest(file).embedded, 3u);
    EXPECT_EQ(embedder_.embedded, 3u);
    const std::uint64_t revision = collections().info("letters").revision;

    EXPECT_EQ(ingest(file).embedded, 0u);
    EXPECT_EQ(embedder_.embedded, 3u);
    EXPECT_EQ(collections().info("letters").revision, revision);

    // One is new in front, one changed, one is gone: places in the file do not matter.
    writeFile(file, line("zero", "z", "ccc") + line("one", "x", "aaab") + line("two", "y", "hhhhi"));
    const IngestProgress progress = ingest(file);
    EXPECT_EQ(progress.embedded, 2u);
    EXPECT_EQ(progress.removed, 2u);
    EXPECT_EQ(embedder_.embedded, 5u);
    EXPECT_THAT(titles(), ElementsAre("one", "zero", "two"));
    EXPECT_THAT(collections().info("letters").labels, ElementsAre("x", "y", "z"));
    EXPECT_EQ(collections().document("letters", 2).text, "hhhhi");
    expectScoresAreCurrent();
}

TEST_F(CollectionsTest, TheSameDocumentTwiceStaysTwo) {
    create();
    const auto file = folder_ / "docs.jsonl";
    writeFile(file, line("a", "", "abc") + line("a", "", "abc"));
    ingest(file);
    ingest(file);
    EXPECT_THAT(titles(), ElementsAre("a", "a"));
    writeFile(file, line("a", "", "abc"));
    EXPECT_EQ(ingest(file).removed, 1u);
    EXPECT_THAT(titles(), ElementsAre("a"));
    expectScoresAreCurrent();
}

TEST_F(CollectionsTest, AFolderFollowsItsFiles) {
    create();
    std::filesystem::create_directories(folder_ / "docs/.hidden");
    writeFile(folder_ / "docs/a.txt", "apple");
    writeFile(folder_ / "docs/b.md", "# Bread\nbread and butter");
    writeFile(folder_ / "docs/c.bin", "left out");
    writeFile(folder_ / "docs/.hidden/d.txt", "left out");
    writeFile(folder_ / "docs/e.txt", std::string("bin\0ary", 7));
    const IngestProgress progress = ingest(folder_ / "docs");
    EXPECT_THAT(titles(), ElementsAre("a", "Bread"));
    ASSERT_EQ(progress.skipped.size(), 1u);
    EXPECT_THAT(progress.skipped[0], HasSubstr("e.txt: this is not text: byte 3 is zero"));
    std::filesystem::remove(folder_ / "docs/a.txt");
    EXPECT_EQ(ingest(folder_ / "docs").removed, 1u);
    EXPECT_THAT(titles(), ElementsAre("Bread"));
    expectScoresAreCurrent();
}

TEST_F(CollectionsTest, AnotherEmbedderIsRefused) {
    create();
    const auto file = folder_ / "docs.jsonl";
    writeFile(file, line("a", "", "abc"));
    ingest(file);
    LetterEmbedder other("other letters");
    try {
        collections().ingest("letters", std::span(&file, 1), other);
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::InvalidInput);
        EXPECT_THAT(error.what(), HasSubstr("Vectors of two embedders cannot be compared"));
    }
    EXPECT_THAT(titles(), ElementsAre("a"));
}

TEST_F(CollectionsTest, AKilledIngestGoesOnAndDoublesNothing) {
    create();
    const auto file = folder_ / "docs.jsonl";
    std::string text;
    for (int i = 0; i < 300; ++i) {
        text += line("d" + std::to_string(i), "",
                     std::string(static_cast<std::size_t>(i % 17 + 1), 'a') +
                         std::string(static_cast<std::size_t>(i % 11 + 1), 'h') + "z");
    }
    writeFile(file, text);
    collections_.reset();
    // Killed at three places: inside of the first batch, between batches, in the third.
    for (const std::size_t last : {10u, 64u, 150u}) {
        const pid_t child = fork();
        if (child == 0) {
            Collections own(folder_ / "data");
            LetterEmbedder embedder;
            embedder.before = [&](const std::string&) {
                if (embedder.embedded == last) {
                    raise(SIGKILL);
                }
            };
            own.ingest("letters", std::span(&file, 1), embedder);
            _exit(0);
        }
        int status = 0;
        waitpid(child, &status, 0);
        ASSERT_TRUE(WIFSIGNALED(status));
    }
    open();
    const std::size_t kept = collections().info("letters").documents;
    EXPECT_GT(kept, 0u);
    EXPECT_LT(kept, 300u);
    EXPECT_EQ(ingest(file).embedded, 300 - kept);
    const std::vector<std::string> all = titles();
    ASSERT_EQ(all.size(), 300u);
    for (std::size_t i = 0; i < all.size(); ++i) {
        EXPECT_EQ(all[i], "d" + std::to_string(i));
    }
    expectScoresAreCurrent();
}

TEST_F(CollectionsTest, FilesThatNothingNamesGoAway) {
    create();
    writeFile(folder_ / "data/vectors/0123.safetensors.partial", "left by a killed process");
    open();
    EXPECT_TRUE(std::filesystem::is_empty(folder_ / "data/vectors"));
    const auto file = folder_ / "docs.jsonl";
    writeFile(file, line("a", "", "abc"));
    ingest(file);
    EXPECT_FALSE(std::filesystem::is_empty(folder_ / "data/vectors"));
    collections().remove("letters");
    EXPECT_TRUE(std::filesystem::is_empty(folder_ / "data/vectors"));
    EXPECT_TRUE(collections().list().empty());
}

TEST_F(CollectionsTest, ManyFilesBecomeOneWithoutAnyChange) {
    create();
    for (int i = 0; i < 20; ++i) {
        const auto file = folder_ / ("f" + std::to_string(i) + ".txt");
        writeFile(file, "text " + std::string(static_cast<std::size_t>(i + 1), 'q'));
        ingest(file);
    }
    EXPECT_LT(collections().index("letters")->segments().size(), 17u);
    EXPECT_EQ(titles().size(), 20u);
    expectScoresAreCurrent();
}

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

TEST_F(CollectionsTest, EmbeddingFilesHoldWhatWasEmbedded) {
    create();
    const auto file = folder_ / "articles.json";
    writeFile(file,
              R"([{"title": "one", "text": "aab", "label": "x"}, {"title": "two", "text": "hhz", "label": "y"},
                        {"topics": ["two"], "text": "z", "fusion": ["h"]}])");
    ingest(file);
    writeEmbeddingFile(collections(), "letters", "articles", embedder_, folder_ / "embeddings.json");
    std::ifstream stream(folder_ / "embeddings.json");
    const nlohmann::json written = nlohmann::json::parse(stream);
    ASSERT_EQ(written["articles"].size(), 2u);
    const nlohmann::json& two = written["articles"][1];
    EXPECT_EQ(two["article"]["label"], "y");
    EXPECT_NEAR(two["embeddings"]["standard"][7].get<float>(), 2.0f, 1e-6);                          // two h
    EXPECT_NEAR(two["embeddings"]["layers"]["1"]["attention_heads"][3][4].get<float>(), 1.0f, 1e-6); // one z
    EXPECT_EQ(written["queries"][0]["fusion_embeddings"].size(), 1u);
    // It is read back as documents and queries.
    create("again");
    const std::filesystem::path again = folder_ / "embeddings.json";
    EXPECT_EQ(collections().ingest("again", std::span(&again, 1), embedder_).embedded, 2u);
    EXPECT_THAT(titles("again"), ElementsAre("one", "two"));
}

TEST_F(CollectionsTest, AFolderOfShortTextsIsEmbeddedInFullBatches) {
    create();
    std::filesystem::create_directories(folder_ / "docs");
    for (int i = 0; i < 150; ++i) {
        writeFile(folder_ / fmt::format("docs/{:03}.txt", i),
                  "text " + std::string(static_cast<std::size_t>(i + 1), 'q'));
    }
    EXPECT_EQ(ingest(folder_ / "docs").embedded, 150u);
    EXPECT_EQ(embedder_.calls, 3u); // of 64, 64 and 22
    EXPECT_EQ(collections().index("letters")->segments().size(), 3u);
    // Two files change and one goes: only those are embedded, and what they held before is out.
    writeFile(folder_ / "docs/003.txt", "changed");
    writeFile(folder_ / "docs/104.txt", "changed too");
    std::filesystem::remove(folder_ / "docs/020.txt");
    const IngestProgress progress = ingest(folder_ / "docs");
    EXPECT_EQ(progress.embedded, 2u);
    EXPECT_EQ(progress.removed, 3u);
    EXPECT_EQ(embedder_.calls, 4u);
    expectScoresAreCurrent();
}

TEST_F(CollectionsTest, HeadScoresFollowRemovalsInEveryVectorType) {
    for (const VectorType type : {VectorType::F32, VectorType::F16, VectorType::Int8}) {
        SCOPED_TRACE(nameOf(type));
        create("letters", type);
        const auto file = folder_ / "docs.jsonl";
        std::string all;
        for (int i = 0; i < 40; ++i) { // of uneven counts, which float16 and int8 round
            all += line("d" + std::to_string(i), "",
                        std::string(static_cast<std::size_t>(i % 7 + 1), 'a') + "bc" +
                            std::string(static_cast<std::size_t>(i % 5 + 1), 'd') + "hij");
        }
        const std::string last = line("last", "", "aab hhi oov");
        writeFile(file, all + last);
        ingest(file);
        expectScoresAreCurrent();
        writeFile(file, last);
        EXPECT_EQ(ingest(file).removed, 40u);
        expectScoresAreCurrent();
        // As a collection that never had the others has them.
        create("fresh", type);
        ingest(file, "fresh");
        const auto index = collections().index("letters");
        const auto fresh = collections().index("fresh");
        for (const Space& space : index->spaces()) {
            for (std::size_t head = 0; head < space.heads; ++head) {
                EXPECT_NEAR(index->scores(space)[head].score, fresh->scores(space)[head].score, 1e-12)
                    << space.name << head;
            }
        }
        collections().remove("letters");
        collections().remove("fresh");
    }
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
    create();
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
