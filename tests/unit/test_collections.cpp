// SPDX-License-Identifier: Apache-2.0
// Collections: what an ingest keeps, changes and removes, also when it is killed.
#include "core/base/error.h"
#include "core/retrieval/embedding_file.h"
#include "core/store/database.h"
#include "tests/unit/collections_fixture.h"

#include <algorithm>
#include <csignal>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>
#include <unistd.h>

namespace fulgurite::retrieval {
namespace {

using test::LetterEmbedder;
using testing::ElementsAre;
using testing::HasSubstr;

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
    EXPECT_EQ(collections().info("letters").documents, 149u);
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

} // namespace
} // namespace fulgurite::retrieval
