// SPDX-License-Identifier: Apache-2.0
// Changing the model of a node that runs: with a scripted model where time matters, with the engine where models do.
#include "core/base/file_io.h"
#include "core/node/engine_service.h"
#include "core/node/model_shelf.h"
#include "tests/node/node_fixture.h"
#include "tests/support/golden_models.h"
#include "tests/unit/test_paths.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

namespace fulgurite::node::test {
namespace {

namespace fs = std::filesystem;
using fulgurite::test::TemporaryFolder;
using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::Ge;
using testing::HasSubstr;
using testing::Le;

constexpr const char* kModel = "/fulgurite/v1/model";
constexpr const char* kChoices = "/fulgurite/v1/model/choices";
constexpr const char* kLoad = "/fulgurite/v1/model/load";
constexpr const char* kUnload = "/fulgurite/v1/model/unload";
constexpr const char* kCancel = "/fulgurite/v1/model/cancel";

fs::path included() {
    return fulgurite::test::sourceDir() / "resources/models/ember";
}

// The included model under another name, with room for fewer tokens.
void makeModel(const fs::path& folder, int positions) {
    fs::create_directories(folder);
    for (const fs::directory_entry& entry : fs::directory_iterator(included())) {
        if (entry.path().filename() != "config.json") {
            fs::create_symlink(entry.path(), folder / entry.path().filename());
        }
    }
    json config = json::parse(readTextFile(included() / "config.json"));
    config["max_position_embeddings"] = positions;
    std::ofstream(folder / "config.json") << config.dump();
}

class ModelChangeTest : public NodeTest {
  protected:
    void SetUp() override {
        fs::create_directories(folder_ / "models");
        makeModel(folder_ / "models/maker/small", 128);
        makeModel(folder_ / "models/large", 512);
        makeModel(folder_ / "models/hollow", 512);
        fs::remove(folder_ / "models/hollow/tokenizer.json");
        makeModel(folder_ / "models/torn", 512);
        for (const fs::directory_entry& entry : fs::directory_iterator(folder_ / "models/torn")) {
            if (entry.path().extension() == ".safetensors") {
                const std::string begin = readTextFile(entry.path()).substr(0, 5000);
                fs::remove(entry.path());
                std::ofstream(entry.path(), std::ios::binary) << begin;
                break;
            }
        }
        ModelShelfOptions options;
        options.roots = {fs::weakly_canonical(folder_ / "models")};
        options.free_bytes = [this] { return free_bytes_; };
        options.load = [this](const fs::path& model, const std::string& id, LoadProgress& progress) {
            while (held_) {
                progress.tell("held", 1, 4);
                std::this_thread::sleep_for(std::chrono::milliseconds(2));
            }
            EngineServiceOptions engine;
            engine.model = model;
            engine.id = id;
            engine.engine.threads = 1;
            engine.engine.memory_bytes = std::size_t{64} << 20;
            return loadEngineService(engine);
        };
        shelf_ = std::make_unique<ModelShelf>(std::move(options));
        services_.models = shelf_.get();
        admin_ = addToken("keeper", {Scope::Admin});
        prompter_ = addToken("ada", {Scope::Prompt});
        NodeTest::SetUp();
    }
    ClientReply admin(const std::string& method, const std::string& path, const json& body = json::object()) {
        return ask(admin_, method, path, body);
    }
    std::string state() { return admin("GET", kModel).json().at("state"); }
    bool becomes(const std::string& wanted) {
        return eventually([&] { return state() == wanted; });
    }
    ClientReply complete(const json& more = json::object()) {
        json body{{"prompt", "1+1="}, {"max_tokens", 2}};
        body.update(more);
        return ask(prompter_, "POST", "/v1/completions", body);
    }
    // A stream that runs until it is closed.
    RawClient endlessStream() {
        Script endless;
        endless.endless = true;
        endless.pause = std::chrono::milliseconds(2);
        service_->setScript(endless);
        RawClient client = connect();
        client.send(
            requestText("POST", "/v1/chat/completions", chatBody({{"stream", true}}).dump(), {}, prompter_));
        client.receiveUntil("Hello");
        return client;
    }

    TemporaryFolder folder_;
    std::uint64_t free_bytes_ = std::uint64_t{4} << 30;
    std::atomic<bool> held_ = false;
    std::unique_ptr<ModelShelf> shelf_;
    std::string admin_;
    std::string prompter_;
};

TEST_F(ModelChangeTest, ChoicesAreWhatTheFoldersHoldAndWhatItTakes) {
    const json answer = admin("GET", kChoices).json();
    std::vector<std::string> ids;
    for (const json& each : answer.at("choices")) {
        ids.push_back(each.at("id"));
        EXPECT_GE(each.at("needed_bytes"), each.at("weight_bytes"));
        EXPECT_EQ(each.contains("problem"), each.at("id") == "hollow") << each;
        EXPECT_EQ(each.contains("path"), false) << "a client names no paths and sees none";
    }
    EXPECT_THAT(ids, ElementsAre("hollow", "large", "maker/small", "torn"));
    EXPECT_EQ(answer.at("device"), "cpu");
    EXPECT_GE(answer.at("free_bytes"), free_bytes_);
    EXPECT_EQ(ask(prompter_, "GET", kChoices).status, 403);
    EXPECT_EQ(ask(prompter_, "POST", kLoad, {{"model", "large"}}).status, 403);
    EXPECT_EQ(ask(prompter_, "POST", kUnload).status, 403);
}

TEST_F(ModelChangeTest, AnotherModelIsLoadedAndAnswers) {
    ASSERT_EQ(complete().status, 200);
    const ClientReply taken = admin("POST", kLoad, {{"model", "maker/small"}});
    ASSERT_EQ(taken.status, 202) << taken.body;
    ASSERT_TRUE(becomes("ready")) << admin("GET", kModel).body;
    const json info = ask(prompter_, "GET", "/fulgurite/v1/info").json();
    EXPECT_EQ(info.at("model").at("id"), "maker/small");
    EXPECT_EQ(info.at("model").at("max_positions"), 128);
    EXPECT_EQ(complete({{"model", "maker/small"}}).status, 200);
    EXPECT_EQ(complete({{"model", "scripted"}}).status, 404);
    const json choices = admin("GET", kChoices).json().at("choices");
    EXPECT_EQ(choices.at(2).at("loaded"), true);
    EXPECT_EQ(choices.at(1).at("loaded"), false);

    ASSERT_EQ(admin("POST", kUnload).status, 202);
    ASSERT_TRUE(becomes("unloaded"));
    const ClientReply none = complete();
    EXPECT_EQ(none.status, 503);
    EXPECT_EQ(none.json().at("error").at("code"), "model_unloaded");
    EXPECT_EQ(get("/ready").status, 503);
    ASSERT_EQ(admin("POST", kLoad, {{"model", "large"}}).status, 202);
    ASSERT_TRUE(becomes("ready"));
    EXPECT_EQ(complete().status, 200);
}

TEST_F(ModelChangeTest, ABusyModelIsNotTakenAwayUnlessAsked) {
    RawClient stream = endlessStream();
    const ClientReply refused = admin("POST", kLoad, {{"model", "large"}});
    EXPECT_EQ(refused.status, 409);
    EXPECT_EQ(refused.json().at("error").at("code"), "model_in_use");
    EXPECT_THAT(refused.errorText(), HasSubstr("1 request"));
    EXPECT_TRUE(refused.fields.contains("retry-after"));
    EXPECT_EQ(state(), "ready");

    ASSERT_EQ(admin("POST", kLoad, {{"model", "large"}, {"when_busy", "wait"}}).status, 202);
    const json leaving = admin("GET", kModel).json();
    EXPECT_EQ(leaving.at("state"), "leaving");
    EXPECT_EQ(leaving.at("change").at("to"), "large");
    EXPECT_EQ(leaving.at("in_use"), 1);
    const ClientReply meanwhile = complete();
    EXPECT_EQ(meanwhile.status, 503);
    EXPECT_EQ(meanwhile.json().at("error").at("code"), "model_loading");
    EXPECT_THAT(std::stoi(meanwhile.fields.at("retry-after")), AllOf(Ge(1), Le(60)));
    EXPECT_EQ(admin("POST", kLoad, {{"model", "maker/small"}}).json().at("error").at("code"), "model_changing");
    EXPECT_THAT(stream.receiveUntil("world"), HasSubstr("world")) << "what runs goes on";
    stream.close();
    ASSERT_TRUE(becomes("ready"));
    EXPECT_EQ(admin("GET", kModel).json().at("id"), "large");
}

TEST_F(ModelChangeTest, AChangeThatWaitsIsStoppedAndTheModelStays) {
    RawClient stream = endlessStream();
    ASSERT_EQ(admin("POST", kUnload, {{"when_busy", "wait"}}).status, 202);
    EXPECT_EQ(state(), "leaving");
    ASSERT_EQ(admin("POST", kCancel).status, 202);
    ASSERT_TRUE(becomes("ready"));
    EXPECT_EQ(admin("GET", kModel).json().at("id"), "scripted");
    EXPECT_EQ(complete().status, 200);
    EXPECT_EQ(admin("POST", kCancel).json().at("error").at("code"), "nothing_to_stop");
}

TEST_F(ModelChangeTest, ALoadTellsHowFarItIsAndCanBeStopped) {
    held_ = true;
    ASSERT_EQ(admin("POST", kLoad, {{"model", "large"}}).status, 202);
    ASSERT_TRUE(eventually([&] {
        const json change = admin("GET", kModel).json().at("change");
        return change.is_object() && change.at("step") == "held";
    }));
    const json change = admin("GET", kModel).json().at("change");
    EXPECT_EQ(change.at("done_bytes"), 1);
    EXPECT_EQ(change.at("total_bytes"), 4);
    ASSERT_EQ(admin("POST", kCancel).status, 202);
    ASSERT_TRUE(becomes("unloaded"));
    EXPECT_THAT(admin("GET", kModel).json().at("message").get<std::string>(), HasSubstr("large was stopped"));
}

TEST_F(ModelChangeTest, WhatCannotBeLoadedIsRefusedAndTheModelStays) {
    EXPECT_EQ(admin("POST", kLoad, {{"model", "hollow"}}).json().at("error").at("code"), "model_unusable");
    for (const char* name : {"../models/large", "/etc", "small", "maker/../large", ""}) {
        const ClientReply reply = admin("POST", kLoad, {{"model", name}});
        EXPECT_EQ(reply.status, 404) << name;
        EXPECT_EQ(reply.json().at("error").at("code"), "model_not_found");
    }
    free_bytes_ = 1 << 20;
    const ClientReply large = admin("POST", kLoad, {{"model", "large"}});
    EXPECT_EQ(large.status, 409);
    EXPECT_EQ(large.json().at("error").at("code"), "not_enough_memory");
    EXPECT_THAT(large.errorText(), AllOf(HasSubstr("MiB"), HasSubstr("free on cpu")));
    EXPECT_EQ(admin("GET", kModel).json().at("id"), "scripted");
    EXPECT_EQ(complete().status, 200);
    EXPECT_EQ(admin("POST", kLoad, {{"model", "large"}, {"force", true}}).status, 202);
    EXPECT_TRUE(becomes("ready"));
}

TEST_F(ModelChangeTest, AModelThatFailsIsToldUntilAnotherIsLoaded) {
    ASSERT_EQ(admin("POST", kLoad, {{"model", "torn"}}).status, 202);
    ASSERT_TRUE(becomes("failed"));
    EXPECT_THAT(admin("GET", kModel).json().at("message").get<std::string>(), HasSubstr("safetensors"));
    EXPECT_EQ(complete().json().at("error").at("code"), "model_failed");
    ASSERT_EQ(admin("POST", kLoad, {{"model", "large"}}).status, 202);
    ASSERT_TRUE(becomes("ready"));
    EXPECT_EQ(complete().status, 200);
}

} // namespace
} // namespace fulgurite::node::test
