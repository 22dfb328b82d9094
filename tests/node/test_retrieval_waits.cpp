// SPDX-License-Identifier: Apache-2.0
// What waits for a search and what does not: a real model whose turns a test holds up.
#include "core/model/hybrid_model.h"
#include "core/node/retrieval_service.h"
#include "core/probe/capture_run.h"
#include "core/text/tokenizer.h"
#include "tests/node/node_fixture.h"
#include "tests/support/golden_models.h"
#include "tests/unit/test_paths.h"

#include <gmock/gmock.h>

#include <chrono>
#include <condition_variable>
#include <fstream>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace fulgurite::node::test {
namespace {

using fulgurite::test::TemporaryFolder;
using testing::HasSubstr;

const std::string kCollections = "/fulgurite/v1/collections";

class Gate {
  public:
    void close() { set(true); }
    void open() { set(false); }
    void pass() {
        std::unique_lock lock(mutex_);
        waiting_ = closed_;
        wake_.wait(lock, [this] { return !closed_; });
        waiting_ = false;
        ++passed_;
    }
    std::size_t passed() {
        const std::lock_guard lock(mutex_);
        return passed_;
    }
    bool somebodyWaits() {
        const std::lock_guard lock(mutex_);
        return waiting_;
    }

  private:
    void set(bool closed) {
        const std::lock_guard lock(mutex_);
        closed_ = closed;
        wake_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable wake_;
    bool closed_ = false;
    bool waiting_ = false;
    std::size_t passed_ = 0;
};

// The included model as an embedder; what answers prompts is scripted.
class HeldModel final : public ModelService {
  public:
    HeldModel(const std::filesystem::path& data, Gate& gate) : retrieval_(params(data, gate)) {}

    const ModelFacts& facts() const override { return scripted_.facts(); }
    TokenIds encode(std::string_view text, SpecialTokens special) const override {
        return scripted_.encode(text, special);
    }
    std::string_view bytesOf(TokenId id) const override { return scripted_.bytesOf(id); }
    bool isSpecial(TokenId id) const override { return scripted_.isSpecial(id); }
    std::string renderChat(const nlohmann::json& messages, const nlohmann::ordered_json& tools,
                           bool add_generation_prompt) const override {
        return scripted_.renderChat(messages, tools, add_generation_prompt);
    }
    GenerationId submit(GenerateRequest request, std::shared_ptr<GenerationListener> listener) override {
        return scripted_.submit(std::move(request), std::move(listener));
    }
    void cancel(GenerationId id) override { scripted_.cancel(id); }
    EngineStatus status() const override { return scripted_.status(); }
    ReentryCost reentryCost(std::span<const TokenId> prefix, const std::string& tenant) const override {
        return scripted_.reentryCost(prefix, tenant);
    }
    RetrievalService* retrieval() override { return &retrieval_; }
    // How many hold the model that embeds.
    long users() const { return model_.use_count(); }

  private:
    RetrievalServiceParams params(const std::filesystem::path& data, Gate& gate) {
        const auto folder = fulgurite::test::sourceDir() / "resources/models/ember";
        RetrievalServiceParams params;
        params.model = model_ = HybridModel::load(folder);
        params.tokenizer = Tokenizer::load(folder);
        params.name = "ember";
        params.folder = data;
        params.turn = [&gate, turn = probe::ownTurn(pool_)](const probe::ModelWork& work) {
            gate.pass();
            turn(work);
        };
        params.threads = 1;
        return params;
    }

    ScriptedService scripted_;
    kernels::ThreadPool pool_{1};
    std::shared_ptr<const HybridModel> model_;
    RetrievalService retrieval_;
};

class RetrievalWaitsTest : public NodeTest {
  protected:
    RetrievalWaitsTest() {
        load_ = [this] { return std::make_unique<HeldModel>(data_.path(), gate_); };
    }
    void TearDown() override {
        gate_.open();
        NodeTest::TearDown();
    }

    TemporaryFolder data_;
    Gate gate_;
};

// A search waits for the model for as long as an answer that is being written leaves it no turn; what is known of
// collections is told meanwhile.
TEST_F(RetrievalWaitsTest, CollectionsAreLookedAtWhileASearchRuns) {
    const std::string id = post(kCollections, {{"name", "Sample"}}).json().at("id");
    const std::string one = kCollections + "/" + id;
    const auto file = data_ / "articles.json";
    std::ofstream(file) << R"([{"title": "Ships", "text": "A text about ships."}])";
    ASSERT_EQ(post(one + "/ingest", {{"paths", {file.string()}}}).status, 200);
    ASSERT_TRUE(eventually([&] { return get(one).json().at("job").at("state") == "done"; }));

    gate_.close();
    RawClient searching = connect();
    const nlohmann::json search{{"query", "ships"}, {"strategies", {"mrag"}}};
    searching.send(requestText("POST", one + "/search", search.dump()));
    ASSERT_TRUE(eventually([&] { return gate_.somebodyWaits(); }));
    for (const std::string& path :
         {kCollections, one, one + "/documents", one + "/documents/0", one + "/evaluations"}) {
        EXPECT_EQ(get(path).status, 200) << path;
    }
    EXPECT_EQ(get(one).json().at("problem"), "");
    EXPECT_EQ(post(one + "/job", {{"action", "pause"}}).status, 400); // there is nothing to pause, and it says so
    EXPECT_TRUE(gate_.somebodyWaits());
    gate_.open();
    EXPECT_EQ(searching.reply().status, 200);
}

// Somebody looks a collection up, somebody else removes it, and only then is its embedder opened.
TEST_F(RetrievalWaitsTest, ACollectionThatIsRemovedWhileItIsLookedAtLeavesNoEmbedder) {
    const auto model = host_->find();
    RetrievalService& service = *model->retrieval();
    const auto users = [&] { return dynamic_cast<HeldModel&>(*model).users(); };
    const long before = users();
    const retrieval::CollectionInfo kept = service.create({.name = "kept", .embedder = "model"});
    const retrieval::CollectionInfo gone = service.create({.name = "gone", .embedder = "model"});
    EXPECT_EQ(service.problemOf(kept), "");
    const long with_one = users();
    EXPECT_GT(with_one, before) << "it holds an embedder";
    service.remove(gone.id);
    service.problemOf(gone);
    EXPECT_EQ(users(), with_one);
    service.remove(kept.id);
    EXPECT_EQ(users(), before);
}

// Whoever leaves ends the work that was for nobody else, waits behind it no longer, and has not got its place back
// before it has ended.
TEST_F(RetrievalWaitsTest, WorkEndsWithItsClientAndKeepsThePlaceUntilThen) {
    const std::string ada = addToken("ada", {Scope::Prompt, Scope::Inspect}, {.streams = 3});
    startServer();
    nlohmann::json texts = nlohmann::json::array();
    for (int i = 0; i < 200; ++i) {
        texts.push_back("A text about ships, number " + std::to_string(i) + ".");
    }
    const std::string body = nlohmann::json{{"model", "ember"}, {"input", texts}}.dump();
    gate_.close();
    {
        std::vector<RawClient> gone;
        for (int i = 0; i < 3; ++i) {
            gone.push_back(connect());
            gone.back().send(requestText("POST", "/v1/embeddings", body, {}, ada));
        }
        ASSERT_TRUE(eventually([&] { return gate_.somebodyWaits(); }));
        ASSERT_TRUE(eventually([&] { return metrics_->openConnections() == 3; }));
    }
    ASSERT_TRUE(eventually([&] { return metrics_->openConnections() == 0; }));
    const ClientReply refused = ask(ada, "POST", "/v1/embeddings", {{"model", "ember"}, {"input", "one"}});
    EXPECT_EQ(refused.status, 429) << "hanging up frees no place while the work goes on";
    const std::size_t before = gate_.passed();
    gate_.open();
    ASSERT_TRUE(eventually([&] {
        return ask(ada, "POST", "/v1/embeddings", {{"model", "ember"}, {"input", "one"}}).status == 200;
    }));
    EXPECT_LE(gate_.passed() - before, 4U) << "nothing was computed for those who had left";
}

TEST_F(RetrievalWaitsTest, GoingDownDoesNotWaitForWorkToTheEnd) {
    nlohmann::json texts = nlohmann::json::array();
    for (int i = 0; i < 200; ++i) {
        texts.push_back("A text about ships, number " + std::to_string(i) + ".");
    }
    gate_.close();
    RawClient client = connect();
    client.send(requestText("POST", "/v1/embeddings", nlohmann::json{{"model", "ember"}, {"input", texts}}.dump()));
    ASSERT_TRUE(eventually([&] { return gate_.somebodyWaits(); }));
    node_->drain();
    server_->stop(std::chrono::milliseconds(0)); // its grace is over at once
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    const std::size_t before = gate_.passed();
    gate_.open();
    const ClientReply reply = client.reply();
    EXPECT_EQ(reply.status, 503) << reply.body;
    EXPECT_THAT(reply.body, HasSubstr("shutting_down"));
    EXPECT_LE(gate_.passed() - before, 2U);
}

} // namespace
} // namespace fulgurite::node::test
