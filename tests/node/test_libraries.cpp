// SPDX-License-Identifier: Apache-2.0
// Image libraries over the real server with the included encoders and sample scenes: read, searched through every
// stage, entered into the ledger, evaluated; and what is refused.
#include "core/base/base64.h"
#include "core/node/cascade_service.h"
#include "tests/node/node_fixture.h"
#include "tests/support/golden_models.h"
#include "tests/unit/test_paths.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <memory>

namespace fulgurite::node::test {
namespace {

using fulgurite::test::TemporaryFolder;
using nlohmann::json;
using testing::HasSubstr;

constexpr const char* kLibraries = "/fulgurite/v1/libraries";
constexpr std::size_t kScenes = 300;

class LibraryTest : public NodeTest {
  protected:
    LibraryTest() {
        const std::filesystem::path resources = fulgurite::test::sourceDir() / "resources";
        cascade_ = std::make_unique<CascadeService>(
            CascadeServiceOptions{.data = data_.path(),
                                  .encoders = {resources / "models/spyglass-s", resources / "models/spyglass-m"},
                                  .samples = resources / "images/scenes",
                                  .threads = 2});
        services_.cascade = cascade_.get();
    }

    // The sample scenes, once they are read.
    json samples() {
        json library;
        EXPECT_TRUE(eventually([&] {
            const json list = get(kLibraries).json()["libraries"];
            library = list.empty() ? json() : list[0];
            return !list.empty() && library["scan"].is_null() && library["images"] == kScenes;
        }));
        return library;
    }
    std::string path(const json& library, const std::string& rest) {
        return std::string(kLibraries) + "/" + std::to_string(library["id"].get<int>()) + rest;
    }
    static json stages() {
        return json::array({{{"encoder", "spyglass-s"}, {"keep", 20}}, {{"encoder", "spyglass-m"}}});
    }

    TemporaryFolder data_;
    std::unique_ptr<CascadeService> cascade_; // goes after the server has stopped
};

TEST_F(LibraryTest, TheFirstStartReadsTheSampleScenes) {
    const json library = samples();
    EXPECT_EQ(library["name"], "Sample scenes");
    EXPECT_EQ(library["images"], kScenes);
    EXPECT_EQ(library["unreadable"], 0);
    EXPECT_GT(library["vector_bytes"], 0);
    const json images = get(path(library, "/images?from=298&count=10")).json();
    EXPECT_EQ(images["total"], kScenes);
    ASSERT_EQ(images["images"].size(), 2U);
    const std::string id = std::to_string(images["images"][0]["id"].get<int>());
    const ClientReply picture = get(path(library, "/images/" + id + "/thumbnail?size=96"));
    EXPECT_EQ(picture.status, 200);
    EXPECT_EQ(picture.fields.at("content-type"), "image/jpeg");
    EXPECT_EQ(picture.body.substr(0, 3), "\xff\xd8\xff");
}

TEST_F(LibraryTest, AQueryTellsEveryStageAndTheLedgerKeepsIt) {
    const json library = samples();
    const json body{{"terms", {{{"text", "a cat"}}}}, {"stages", stages()}, {"limit", 30}, {"fell", 5}};
    const json first = post(path(library, "/query"), body).json();
    ASSERT_EQ(first["stages"].size(), 2U);
    EXPECT_EQ(first["stages"][0]["in"], kScenes);
    EXPECT_EQ(first["stages"][0]["out"], 20);
    EXPECT_EQ(first["stages"][1]["encoded"], 20);
    EXPECT_EQ(first["stages"][0]["fell"].size(), 5U);
    EXPECT_EQ(first["stages"][0]["fell"][0]["rank"], 21);
    ASSERT_EQ(first["results"].size(), 30U);
    // Twenty went through both stages, the rest fell at the first and stand behind them in their order there.
    EXPECT_EQ(first["results"][19]["ranks"].size(), 2U);
    EXPECT_EQ(first["results"][20]["ranks"], json::array({21}));
    const json again = post(path(library, "/query"), body).json();
    EXPECT_EQ(again["stages"][1]["encoded"], 0);
    EXPECT_EQ(again["stages"][1]["cached"], 20);
    const json ledger = get(path(library, "/ledger")).json();
    EXPECT_EQ(ledger["queries"], 2);
    EXPECT_EQ(ledger["stages"][1]["encoded"], 20);
    EXPECT_DOUBLE_EQ(ledger["closed"]["f"], 20.0 / kScenes);
    EXPECT_GT(ledger["factor"]["flops"], 1);
    // Of the second query: the last stage's encodings, its search and its text, and so on.
    EXPECT_EQ(ledger["entries"][0]["kind"], "query");
    EXPECT_EQ(ledger["entries"][0]["items"], 0);
    EXPECT_EQ(ledger["entries"][0]["cached"], 20);
    EXPECT_EQ(ledger["entries"][1]["kind"], "search");
}

TEST_F(LibraryTest, APictureIsSentWithItsBytes) {
    const json library = samples();
    const json image = get(path(library, "/images?from=17&count=1")).json()["images"][0];
    std::ifstream file(image["path"].get<std::string>(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    const json answer =
        post(path(library, "/query"),
             {{"terms", {{{"picture", toBase64(bytes)}, {"name", "scene.jpg"}}}}, {"stages", stages()}})
            .json();
    EXPECT_EQ(answer["results"][0]["image"], image["id"]);
    EXPECT_NEAR(answer["results"][0]["score"].get<double>(), 1, 1e-4);
}

TEST_F(LibraryTest, ATrialLeavesNoTrace) {
    const json library = samples();
    json body{{"terms", {{{"text", "a cat"}}}}, {"stages", stages()}, {"record", false}};
    EXPECT_EQ(post(path(library, "/query"), body).json()["query"], 0);
    EXPECT_EQ(get(path(library, "/ledger")).json()["queries"], 0);
}

TEST_F(LibraryTest, RecallIsMeasuredOnTheLibrarysOwnCaptions) {
    const json library = samples();
    const json report = post(path(library, "/evaluate"), {{"stages", stages()}, {"limit", 60}}).json();
    EXPECT_EQ(report["captions"], 60);
    ASSERT_EQ(report["rows"].size(), 3U); // each alone, and the chain
    for (const json& row : report["rows"]) {
        EXPECT_LE(row["recall"]["1"][0], row["recall"]["10"][0]);
        EXPECT_GT(row["recall"]["10"][0], 0.2) << "chance is 10 of 300";
    }
}

// Evaluations and simulations have a thread of their own.
TEST_F(LibraryTest, AQueryIsAnsweredWhileAnEvaluationIsUnderWay) {
    const json library = samples();
    std::promise<void> ended;
    cascade_->studying().enqueue([until = ended.get_future().share()] { until.wait(); });
    const json answer =
        post(path(library, "/query"), {{"terms", {{{"text", "a cat"}}}}, {"stages", stages()}}).json();
    EXPECT_EQ(answer["query"], 1);
    ended.set_value();
    EXPECT_EQ(post(path(library, "/evaluate"), {{"stages", stages()}, {"limit", 5}}).json()["captions"], 5);
}

TEST_F(LibraryTest, ASimulationSaysWhatItsCostsAre) {
    const json library = samples();
    const json body{{"stages", stages()}, {"queries", 50}, {"seeds", 2}};
    const json declared = post(path(library, "/simulate"), body).json();
    EXPECT_EQ(declared["unit"], "FLOP") << "the second encoder has encoded nothing yet";
    EXPECT_EQ(declared["images"], kScenes);
    EXPECT_GT(declared["curve"][0]["cost"]["mean"], 1e6);
    post(path(library, "/query"), {{"terms", {{{"text", "a cat"}}}}, {"stages", stages()}});
    const json measured = post(path(library, "/simulate"), body).json();
    EXPECT_EQ(measured["unit"], "s");
    EXPECT_LT(measured["curve"][0]["cost"]["mean"], 1e3);
}

TEST_F(LibraryTest, WhatMakesNoSenseIsRefusedWithTheField) {
    const json library = samples();
    const auto refused = [&](const json& body, const std::string& field) {
        const ClientReply reply = post(path(library, "/query"), body);
        EXPECT_EQ(reply.status, 400) << body;
        EXPECT_EQ(reply.errorParam(), field) << body;
    };
    refused({{"stages", stages()}}, "terms");
    refused({{"terms", {{{"text", "a"}, {"image", 3}}}}, {"stages", stages()}}, "terms[0]");
    refused({{"terms", {{{"text", "a"}, {"weight", 1000}}}}, {"stages", stages()}}, "terms[0].weight");
    refused({{"terms", {{{"text", "a"}}}},
             {"stages", json::array({{{"encoder", "spyglass-s"}}, {{"encoder", "spyglass-m"}}})}},
            "stages[0].keep");
    refused({{"terms", {{{"text", "a"}}}}, {"stages", stages()}, {"limits", 3}}, "limits");
    refused({{"terms", {{{"picture", "!!!!"}}}}, {"stages", stages()}}, "terms[0].picture");
    refused({{"terms", {{{"picture", "AAAA"}, {"text", "a"}}}}, {"stages", stages()}}, "terms[0]");
    const ClientReply no_picture =
        post(path(library, "/query"),
             {{"terms", {{{"picture", toBase64("no picture at all")}, {"name", "x.png"}}}}, {"stages", stages()}});
    EXPECT_EQ(no_picture.status, 400);
    EXPECT_THAT(no_picture.errorText(), HasSubstr("x.png: neither JPEG nor PNG nor WebP"));
    const ClientReply unknown =
        post(path(library, "/query"), {{"terms", {{{"text", "a"}}}}, {"stages", {{{"encoder", "owl"}}}}});
    EXPECT_EQ(unknown.status, 404);
    EXPECT_THAT(unknown.errorText(), HasSubstr("spyglass-s"));
    EXPECT_EQ(get(std::string(kLibraries) + "/99").status, 404);
    EXPECT_EQ(get(std::string(kLibraries) + "/x").status, 404);
    EXPECT_EQ(get(path(library, "/images/12345678")).status, 404);
    EXPECT_EQ(post(path(library, "/scan"), {{"action", "explode"}}).errorParam(), "action");
}

TEST_F(NodeTest, AnEngineThatKeepsNothingSaysSo) {
    const ClientReply reply = get(kLibraries);
    EXPECT_EQ(reply.status, 400);
    EXPECT_THAT(reply.errorText(), HasSubstr("--data"));
}

} // namespace
} // namespace fulgurite::node::test
