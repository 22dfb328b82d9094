// SPDX-License-Identifier: Apache-2.0
// What the desktop reads of collections and searches, and what it refuses.
#include "core/base/error.h"
#include "core/client/retrieval_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace fulgurite::client {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

json searchAnswer() {
    return json::parse(R"({
        "revision": 3, "query_tokens": 9, "truncated": false, "embed_seconds": 0.04,
        "results": [
          {"strategy": "standard", "seconds": 0.001, "kind": "distance", "documents": [4, 0], "values": [0.1, 0.3]},
          {"strategy": "mrag", "seconds": 0.002, "kind": "votes", "documents": [0, 4], "values": [1.5, 0.5],
           "heads": {"c": 2, "scores": [1.0, 0.5], "documents": [[0, 4], [4]], "distances": [[0.1, 0.2], [0.3]]}},
          {"strategy": "fusion", "kind": "unavailable", "reason": "no chat model"}],
        "passages": {"4": {"chunk": 1, "begin": 10, "end": 14, "text": "text"}}})");
}

std::string refusal(const json& answer) {
    try {
        readSearch(answer.dump(), "node");
    } catch (const Error& error) {
        return error.what();
    }
    return "not refused";
}

TEST(RetrievalJson, SearchIsRead) {
    const SearchReply reply = readSearch(searchAnswer().dump(), "node");
    EXPECT_EQ(reply.revision, 3U);
    ASSERT_EQ(reply.results.size(), 3U);
    EXPECT_THAT(reply.results[0].documents, ElementsAre(4, 0));
    EXPECT_EQ(reply.results[0].lists.heads, 0U);
    const retrieval::HeadLists& lists = reply.results[1].lists;
    EXPECT_THAT(lists.documents, ElementsAre(0, 4, 4, -1));
    EXPECT_THAT(lists.distances, ElementsAre(0.1f, 0.2f, 0.3f, 0.0f));
    EXPECT_THAT(rankByVotes(lists, retrieval::VoteRule::Decay),
                ElementsAre(retrieval::Ranked{4, 1.5}, retrieval::Ranked{0, 1}));
    EXPECT_EQ(reply.results[2].reason, "no chat model");
    EXPECT_EQ(reply.passages.at(4).text, "text");
}

TEST(RetrievalJson, ListsThatDoNotFitAreRefused) {
    json answer = searchAnswer();
    answer["results"][1]["heads"]["distances"][1] = json::array();
    EXPECT_THAT(refusal(answer), HasSubstr("results[1].heads.distances[1]"));
    answer = searchAnswer();
    answer["results"][1]["heads"]["documents"][0] = {0, 4, 5};
    EXPECT_THAT(refusal(answer), HasSubstr("at most c"));
    answer = searchAnswer();
    answer["results"][0]["values"] = {0.1};
    EXPECT_THAT(refusal(answer), HasSubstr("results[0].values"));
    answer = searchAnswer();
    answer["results"][0]["documents"][0] = -2;
    EXPECT_THAT(refusal(answer), HasSubstr("results[0].documents[0]"));
    answer = searchAnswer();
    answer["passages"]["four"] = answer["passages"]["4"];
    EXPECT_THAT(refusal(answer), HasSubstr("passages"));
}

TEST(RetrievalJson, AnImpossibleDepthCostsNoMemory) {
    json answer = searchAnswer();
    answer["results"][1]["heads"]["c"] = 1'000'000'000'000;
    EXPECT_EQ(readSearch(answer.dump(), "node").results[1].lists.depth, 2U);
}

TEST(RetrievalJson, CollectionWithItsJob) {
    const json answer = json::parse(R"({"collections": [{"id": "guide", "name": "Guide", "revision": 1,
        "documents": 12, "chunks": 40, "truncated": 2, "bytes": 4096, "labels": ["docs"],
        "embedder": {"id": "model", "name": "ember", "standard_width": 192, "heads": 6, "head_width": 32,
                     "layer_kinds": ["lightning", "softmax"]},
        "stored": [{"layer": 1, "place": "after", "dtype": "f32"}],
        "query_sets": [{"id": "q", "name": "Questions", "queries": 30, "aspects": [1, 2]}],
        "job": {"id": "7", "kind": "ingest", "state": "running", "done": 3, "total": 12, "per_second": 2.5,
                "seconds_left": 3.6}}]})");
    const std::vector<Collection> collections = readCollections(answer.dump(), "node");
    ASSERT_EQ(collections.size(), 1U);
    const Collection& guide = collections.front();
    EXPECT_EQ(guide.embedder.heads, 6U);
    EXPECT_THAT(guide.stored, ElementsAre(HeadPlace{1, "after", "f32"}));
    EXPECT_THAT(guide.query_sets.front().aspects, ElementsAre(1, 2));
    ASSERT_TRUE(guide.job);
    EXPECT_TRUE(guide.job->live());
    EXPECT_EQ(guide.job->done, 3U);
}

TEST(RetrievalJson, RequestsSayWhatIsWanted) {
    SearchRequest request;
    request.query = "two things";
    request.heads = {7, "after", ""};
    request.count = 5;
    request.strategies = {"standard", "mrag"};
    EXPECT_EQ(json::parse(searchBody(request)), json::parse(R"({"query": "two things", "n": 5, "layer": 7,
        "place": "after", "strategies": ["standard", "mrag"]})"));
    EXPECT_EQ(json::parse(projectionBody({7, "after", ""}, {-1, 3}, "")),
              json::parse(R"({"layer": 7, "place": "after", "spaces": ["standard", 3]})"));
}

TEST(RetrievalJson, WhatIsNotAskedForIsNotSent) {
    EXPECT_EQ(json::parse(newCollectionBody({"docs", "/models/minilm", {}, 0})),
              json::parse(R"({"name": "docs", "embedder": "/models/minilm", "stored": []})"));
    EXPECT_EQ(json::parse(newCollectionBody({"docs", "model", {}, 128}))["chunk_tokens"], 128);
    EvaluationRequest request;
    request.query_set = "q";
    EXPECT_FALSE(json::parse(evaluationBody(request)).contains("heads"));
    request.leave_heads_out = true;
    EXPECT_EQ(json::parse(evaluationBody(request))["heads"], true);
    EXPECT_EQ(json::parse(embedderFolderBody("/a b")), json::parse(R"({"folder": "/a b"})"));
    EXPECT_EQ(json::parse(searchPromptsBody("two things", 4)),
              json::parse(R"({"query": "two things", "count": 4})"));
    EXPECT_THAT(readSearchPrompts(R"({"prompts": ["one", "two"], "usage": {}})", "node"),
                ElementsAre("one", "two"));
    EXPECT_THROW(readSearchPrompts(R"({"prompts": [1]})", "node"), Error);
}

TEST(RetrievalJson, EvaluationRows) {
    const json answer = json::parse(R"({"evaluations": [{"record": "8f2c31", "settings": {"c": 32},
        "metrics": ["success_ratio"], "rows": [
          {"strategy": "standard", "n": 5, "k": 10, "queries": 25,
           "metrics": {"success_ratio": {"mean": 0.57, "low": 0.5, "high": 0.64}}},
          {"strategy": "mrag", "n": 5, "k": 10, "queries": 25,
           "metrics": {"success_ratio": {"mean": 0.71, "low": 0.64, "high": 0.78}},
           "gains": {"success_ratio": {"mean": 0.14, "low": 0.05, "high": 0.23, "p": 0.002}}}],
        "without_head": [{"mean": -0.01, "low": -0.02, "high": 0.0, "p": 0.04}]},
        {"record": "older", "settings": {}, "metrics": [], "rows": []}]})");
    const std::vector<Evaluation> evaluations = readEvaluations(answer.dump(), "node");
    ASSERT_EQ(evaluations.size(), 2U);
    ASSERT_EQ(evaluations[0].without_head.size(), 1U);
    EXPECT_EQ(evaluations[0].without_head[0].low, -0.02);
    EXPECT_TRUE(evaluations[1].without_head.empty());
    EXPECT_TRUE(evaluations[0].rows[0].gains.empty());
    EXPECT_EQ(evaluations[0].rows[1].gains.at("success_ratio").mean, 0.14);
    EXPECT_EQ(evaluations[0].rows[1].p.at("success_ratio"), 0.002);
}

} // namespace
} // namespace fulgurite::client
