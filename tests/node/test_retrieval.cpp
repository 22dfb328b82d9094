// SPDX-License-Identifier: Apache-2.0
// Collections over the real server with the included model: made, filled, searched, looked at, evaluated, paused
// and removed; read with the desktop's own readers.
#include "core/client/retrieval_json.h"
#include "core/node/engine_service.h"
#include "core/node/retrieval_job.h"
#include "tests/node/node_fixture.h"
#include "tests/support/golden_models.h"
#include "tests/unit/test_paths.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <memory>

namespace fulgurite::node::test {
namespace {

using fulgurite::test::TemporaryFolder;
using testing::HasSubstr;

const std::string kCollections = "/fulgurite/v1/collections";

class RetrievalTest : public NodeTest {
  protected:
    RetrievalTest() {
        load_ = [this] {
            EngineServiceOptions options;
            options.model = fulgurite::test::sourceDir() / "resources/models/ember";
            options.data = data_.path();
            options.engine.threads = 2;
            return loadEngineService(options);
        };
    }

    std::string write(const char* name, const nlohmann::json& content) {
        const auto path = data_ / name;
        std::ofstream(path) << content.dump();
        return path.string();
    }
    // Twelve short documents under three labels.
    static nlohmann::json documents() {
        nlohmann::json list = nlohmann::json::array();
        const char* subjects[] = {"ships", "stars", "trees"};
        for (int i = 0; i < 12; ++i) {
            const std::string subject = subjects[i % 3];
            list.push_back({{"title", subject + " " + std::to_string(i)},
                            {"label", subject},
                            {"text", "A short text about " + subject + ", number " + std::to_string(i) +
                                         ". It says little else about " + subject + "."}});
        }
        return list;
    }
    static nlohmann::json queries() {
        return {
            {{"topics", {"ships 0"}}, {"text", "ships 0 by itself"}, {"fusion", {"ships", "a ship"}}},
            {{"topics", {"stars 1", "trees 2"}}, {"text", "stars 1 over trees 2"}, {"fusion", {"stars", "trees"}}}};
    }

    std::string create(const std::string& name = "Sample") {
        const ClientReply reply = post(kCollections, {{"name", name}});
        EXPECT_EQ(reply.status, 200) << reply.body;
        return reply.json().at("id");
    }
    client::Collection collection(const std::string& id) {
        return client::readCollection(get(kCollections + "/" + id).body, "node");
    }
    // Ends with the work.
    client::RetrievalJob finish(const std::string& id) {
        EXPECT_TRUE(eventually([&] { return !collection(id).job->live(); }));
        return *collection(id).job;
    }
    std::string filled() {
        const std::string id = create();
        const ClientReply reply =
            post(kCollections + "/" + id + "/ingest",
                 {{"paths", {write("articles.json", documents()), write("queries.json", queries())}}});
        EXPECT_EQ(reply.status, 200) << reply.body;
        const client::RetrievalJob job = finish(id);
        EXPECT_EQ(job.state, "done") << job.message;
        return id;
    }
    client::SearchReply search(const std::string& id, const std::vector<std::string>& strategies) {
        const ClientReply reply = post(kCollections + "/" + id + "/search", {{"query", "stars over the trees"},
                                                                             {"n", 4},
                                                                             {"c", 6},
                                                                             {"strategies", strategies},
                                                                             {"prompts", {"stars", "trees"}}});
        EXPECT_EQ(reply.status, 200) << reply.body;
        return client::readSearch(reply.body, "node");
    }

    TemporaryFolder data_;
};

TEST_F(RetrievalTest, ACollectionIsFilledAndSearched) {
    const std::string id = filled();
    const client::Collection now = collection(id);
    EXPECT_EQ(now.name, "Sample");
    EXPECT_EQ(now.documents, 12u);
    EXPECT_EQ(now.embedder.id, "model");
    EXPECT_EQ(now.embedder.heads, 6u);
    EXPECT_EQ(now.embedder.layer_kinds.size(), 8u);
    EXPECT_EQ(now.embedder.layer_kinds.back(), "softmax");
    EXPECT_THAT(now.labels, testing::ElementsAre("ships", "stars", "trees"));
    EXPECT_EQ(now.problem, "");
    ASSERT_EQ(now.query_sets.size(), 1u);
    EXPECT_THAT(now.query_sets.front().aspects, testing::ElementsAre(1, 2));

    const auto columns =
        client::readDocumentColumns(get(kCollections + "/" + id + "/documents?first=3&count=4").body, "node");
    EXPECT_EQ(columns.total, 12u);
    ASSERT_EQ(columns.titles.size(), 4u);
    EXPECT_EQ(columns.titles[0], "ships 3");
    const auto document = client::readDocument(get(kCollections + "/" + id + "/documents/3").body, "node");
    EXPECT_THAT(document.text, HasSubstr("number 3"));
    EXPECT_EQ(get(kCollections + "/" + id + "/documents/12").status, 404);

    const client::SearchReply found = search(id, {"standard", "split", "mrag", "fusion", "bm25"});
    ASSERT_EQ(found.results.size(), 5u);
    for (const client::StrategyResult& each : found.results) {
        EXPECT_NE(each.kind, "unavailable") << each.strategy << ": " << each.reason;
        ASSERT_GE(each.documents.size(), 4u) << each.strategy;
        for (std::size_t i = 0; i < 4; ++i) {
            EXPECT_TRUE(found.passages.contains(each.documents[i])) << each.strategy;
        }
    }
    // What the window makes of the lists is what the engine says.
    const client::StrategyResult& mrag = found.results[2];
    EXPECT_EQ(mrag.lists.heads, 6u);
    const auto ranked = rankByVotes(mrag.lists, retrieval::VoteRule::Scaled);
    ASSERT_GE(ranked.size(), mrag.documents.size());
    for (std::size_t i = 0; i < mrag.documents.size(); ++i) {
        EXPECT_EQ(ranked[i].document, mrag.documents[i]);
        EXPECT_NEAR(ranked[i].total, mrag.values[i], 1e-9 * std::max(1.0, mrag.values[i]));
    }
}

TEST_F(RetrievalTest, HeadsAndSpacesAreDescribed) {
    const std::string id = filled();
    const auto heads = client::readHeadStatistics(get(kCollections + "/" + id + "/heads?layer=7").body, "node");
    ASSERT_EQ(heads.scores.size(), 6u);
    for (std::size_t head = 0; head < 6; ++head) {
        EXPECT_NEAR(heads.scores[head], heads.norms[head] * heads.spreads[head], 1e-9 * heads.scores[head]);
        ASSERT_FALSE(heads.separates[head].empty());
        EXPECT_GE(heads.separates[head].front().auc, 0.0);
        EXPECT_LE(heads.separates[head].front().auc, 1.0);
    }
    const auto spaces =
        client::readProjections(post(kCollections + "/" + id + "/projection",
                                     {{"layer", 7}, {"spaces", {"standard", 2}}, {"query", "stars"}})
                                    .body,
                                "node");
    ASSERT_EQ(spaces.size(), 2u);
    EXPECT_EQ(spaces[0].head, -1);
    EXPECT_EQ(spaces[1].head, 2);
    EXPECT_EQ(spaces[1].x.size(), 12u);
    EXPECT_TRUE(spaces[1].query);
}

TEST_F(RetrievalTest, QueriesAreKeptAndEvaluated) {
    const std::string id = filled();
    const std::string set = collection(id).query_sets.front().id;
    const auto before = client::readQueries(get(kCollections + "/" + id + "/queries?set=" + set).body, "node");
    ASSERT_EQ(before.size(), 2u);
    EXPECT_THAT(before[1].relevant, testing::ElementsAre(1, 2));
    EXPECT_THAT(before[1].prompts, testing::ElementsAre("stars", "trees"));
    const auto after = client::readQueries(
        post(kCollections + "/" + id + "/queries", {{"query_set", set}, {"text", "all"}, {"relevant", {0, 1, 2}}})
            .body,
        "node");
    EXPECT_EQ(after.size(), 3u);

    const ClientReply started =
        post(kCollections + "/" + id + "/evaluations",
             {{"query_set", set}, {"strategies", {"standard", "mrag"}}, {"c", 6}, {"heads", true}});
    EXPECT_EQ(started.status, 200) << started.body;
    const client::RetrievalJob job = finish(id);
    EXPECT_EQ(job.state, "done") << job.message;
    EXPECT_FALSE(job.record.empty());
    const auto evaluations = client::readEvaluations(get(kCollections + "/" + id + "/evaluations").body, "node");
    ASSERT_EQ(evaluations.size(), 1u);
    EXPECT_EQ(evaluations.front().record, job.record);
    EXPECT_EQ(evaluations.front().rows.size(), 2u * 3); // strategies by numbers of aspects
    ASSERT_EQ(evaluations.front().without_head.size(), 6u);
    for (const client::Interval& change : evaluations.front().without_head) {
        EXPECT_LE(change.low, change.mean);
        EXPECT_LE(change.mean, change.high);
    }
}

TEST_F(RetrievalTest, AFolderIsDescribedAndTakenAsAnEmbedder) {
    const std::string bert = (fulgurite::test::sourceDir() / "tests/data/encoder/bert").string();
    const auto embedder = client::readEmbedder(post("/fulgurite/v1/embedders", {{"folder", bert}}).body, "node");
    EXPECT_EQ(embedder.id, bert);
    EXPECT_EQ(embedder.problem, "");
    EXPECT_EQ(embedder.heads, 4u);
    EXPECT_EQ(embedder.layer_kinds, std::vector<std::string>(3, "bert"));
    const auto nothing =
        client::readEmbedder(post("/fulgurite/v1/embedders", {{"folder", "/nowhere"}}).body, "node");
    EXPECT_THAT(nothing.problem, HasSubstr("/nowhere"));
    EXPECT_EQ(post("/fulgurite/v1/embedders", {{"folder", ""}}).errorParam(), "folder");
    EXPECT_EQ(post("/fulgurite/v1/embedders", {{"folder", bert}, {"layer", 1}}).errorParam(), "layer");

    const ClientReply made = post(kCollections, {{"name", "By BERT"}, {"embedder", bert}, {"chunk_tokens", 8}});
    ASSERT_EQ(made.status, 200) << made.body;
    const std::string id = made.json().at("id");
    post(kCollections + "/" + id + "/ingest", {{"paths", {write("articles.json", documents())}}});
    EXPECT_EQ(finish(id).state, "done");
    EXPECT_GT(collection(id).chunks, collection(id).documents);
    EXPECT_EQ(search(id, {"mrag"}).results.front().lists.heads, 4u);
}

TEST_F(RetrievalTest, TheModelWritesSearchPrompts) {
    const ClientReply reply =
        post("/fulgurite/v1/search-prompts", {{"query", "stars over the trees"}, {"count", 3}});
    ASSERT_EQ(reply.status, 200) << reply.body;
    const std::vector<std::string> prompts = client::readSearchPrompts(reply.body, "node");
    EXPECT_LE(prompts.size(), 3u);
    EXPECT_GT(reply.json().at("usage").at("completion_tokens"), 0);
    EXPECT_EQ(post("/fulgurite/v1/search-prompts", {{"query", "stars over the trees"}, {"count", 3}})
                  .json()
                  .at("prompts"),
              reply.json().at("prompts"))
        << "the same query gets the same prompts";
}

TEST_F(RetrievalTest, WhatDoesNotFitIsRefusedByName) {
    const std::string id = filled();
    EXPECT_EQ(post(kCollections, {{"name", "Sample"}}).status, 400);
    EXPECT_EQ(post(kCollections, {{"name", ""}}).errorParam(), "name");
    EXPECT_EQ(post(kCollections, {{"name", "x"}, {"embedder", "/nowhere"}}).status, 404);
    EXPECT_EQ(get(kCollections + "/nothing").status, 404);
    EXPECT_EQ(get(kCollections + "/" + id + "/nothing").status, 404);
    EXPECT_EQ(post(kCollections + "/" + id + "/search", {{"n", 4}}).errorParam(), "query");
    EXPECT_EQ(post(kCollections + "/" + id + "/search", {{"query", "x"}, {"place", "core"}}).errorParam(), "place");
    EXPECT_EQ(post(kCollections + "/" + id + "/projection", {{"spaces", {6}}}).errorParam(), "spaces[0]");
    EXPECT_EQ(post(kCollections + "/" + id + "/job", {{"action", "pause"}}).status, 400); // it has ended
    EXPECT_EQ(post(kCollections + "/" + id + "/ingest", {{"paths", nlohmann::json::array()}}).errorParam(),
              "paths");
    const auto embedders = client::readEmbedders(get("/fulgurite/v1/embedders").body, "node");
    ASSERT_EQ(embedders.size(), 1u);
    EXPECT_EQ(embedders.front().id, "model");

    RawClient raw = connect();
    raw.send(requestText("DELETE", kCollections + "/" + id, ""));
    EXPECT_EQ(raw.reply().json().at("removed"), id);
    EXPECT_EQ(get(kCollections).json().at("collections").size(), 0u);
}

TEST_F(RetrievalTest, TextsAreEmbeddedAsOpenAiClientsAsk) {
    const auto reply = post("/v1/embeddings", {{"input", {"a ship", "a star"}}, {"model", "ember"}}).json();
    ASSERT_EQ(reply.at("data").size(), 2u);
    EXPECT_EQ(reply.at("model"), "ember");
    EXPECT_EQ(reply.at("data")[1].at("index"), 1);
    EXPECT_EQ(reply.at("data")[0].at("embedding").size(), 192u);
    EXPECT_GT(reply.at("usage").at("prompt_tokens"), 2);
    const auto packed =
        post("/v1/embeddings", {{"input", "a ship"}, {"encoding_format", "base64"}, {"user", "x"}}).json();
    // 192 numbers of four bytes, four characters for three bytes.
    EXPECT_EQ(packed.at("data")[0].at("embedding").get<std::string>().size(), 192u * 4 / 3 * 4);
    EXPECT_EQ(post("/v1/embeddings", {{"input", "x"}, {"model", "other"}}).status, 404);
    EXPECT_EQ(post("/v1/embeddings", {{"model", "ember"}}).errorParam(), "input");
    EXPECT_EQ(post("/v1/embeddings", {{"input", {1, 2}}}).errorParam(), "input[0]");
    EXPECT_EQ(post("/v1/embeddings", {{"input", "x"}, {"dimensions", 64}}).errorParam(), "dimensions");
}

// The states of work, without a model: it stands still, goes on, and is cancelled.
TEST(RetrievalWorkTest, PausesGoesOnAndIsCancelled) {
    std::size_t runs = 0;
    RetrievalWork job("1", "ingest", [&](const auto& progress, const std::stop_token& stop) {
        ++runs;
        progress(runs, 10);
        if (stop.stop_requested()) {
            fail(ErrorKind::Cancelled, "stopped");
        }
        return RetrievalWork::Result{"ended", {}};
    });
    job.steer(RetrievalAction::Pause);
    job.run({});
    EXPECT_EQ(runs, 0u); // paused while it waited
    EXPECT_TRUE(job.steer(RetrievalAction::Resume));
    EXPECT_FALSE(job.steer(RetrievalAction::Resume));
    job.run({});
    EXPECT_EQ(job.state().state, RetrievalState::Done);
    EXPECT_EQ(job.state().message, "ended");
    EXPECT_THROW(job.steer(RetrievalAction::Cancel), Error);

    std::unique_ptr<RetrievalWork> running;
    running = std::make_unique<RetrievalWork>(
        "2", "ingest", [&](const auto& progress, const std::stop_token& stop) -> RetrievalWork::Result {
            progress(3, 10);
            running->steer(RetrievalAction::Pause);
            EXPECT_TRUE(stop.stop_requested());
            fail(ErrorKind::Cancelled, "stopped");
        });
    running->run({});
    EXPECT_EQ(running->state().state, RetrievalState::Paused);
    EXPECT_EQ(running->state().done, 3u);
    running->steer(RetrievalAction::Cancel);
    running->run({});
    EXPECT_EQ(running->state().state, RetrievalState::Cancelled);

    RetrievalWork broken("3", "evaluation", [](const auto&, const std::stop_token&) -> RetrievalWork::Result {
        fail(ErrorKind::Io, "the disk is full");
    });
    broken.run({});
    EXPECT_EQ(broken.state().state, RetrievalState::Failed);
    EXPECT_EQ(broken.state().message, "the disk is full");
}

} // namespace
} // namespace fulgurite::node::test
