// SPDX-License-Identifier: Apache-2.0
// A conversation's state goes from one node to another, with the engine and the included model at both ends.
#include "core/base/base64.h"
#include "core/client/state_move.h"
#include "core/node/capture_service.h"
#include "core/node/engine_service.h"
#include "core/node/ledger.h"
#include "core/node/states_folder.h"
#include "tests/node/node_fixture.h"
#include "tests/support/golden_models.h"
#include "tests/unit/test_paths.h"

#include <gmock/gmock.h>

#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/file.h>
#include <unistd.h>

namespace fulgurite::node::test {
namespace {

namespace fs = std::filesystem;
using fulgurite::test::TemporaryFolder;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

const std::string kStates = "/fulgurite/v1/states";
const std::string kUploads = "/fulgurite/v1/state-uploads";

fs::path included() {
    return fulgurite::test::sourceDir() / "resources/models/ember";
}

class StateTest : public NodeTest {
  protected:
    StateTest() {
        load_ = [this] {
            EngineServiceOptions options;
            options.model = model_;
            options.data = data_.path();
            options.engine.threads = 2;
            return loadEngineService(options);
        };
        services_.ledger = ledger_;
        ada_ = addToken("ada", {Scope::Prompt});
        bob_ = addToken("bob", {Scope::Prompt});
    }
    // Another node: nothing of the one before is left in memory.
    void otherNode() { startServer(); }

    struct Written {
        json tokens = json::array();
        int reused = 0;
    };
    // Behind `so_far` the answer goes on for `count` tokens, drawn at temperature 1.
    Written go(const std::string& token, const json& so_far, int count) {
        const json body{{"tokens", prompt()},
                        {"continue_tokens", so_far},
                        {"sampler", {{"temperature", 1.0}, {"seed", 5}}},
                        {"stop", {{"max_tokens", count}, {"ignore_eos", true}}}};
        Written written;
        const std::string last = ask(token, "POST", "/fulgurite/v1/generate", body).body;
        for (const ServerEvent& event : parseEvents(last)) {
            if (event.name == "token") {
                const json data = event.json();
                for (const json& each : data.at("tokens")) {
                    written.tokens.push_back(each.at("id"));
                }
            } else if (event.name == "done") {
                written.reused = event.json().at("usage").at("reused_tokens");
            }
        }
        EXPECT_EQ(written.tokens.size(), static_cast<std::size_t>(count)) << last;
        return written;
    }
    static json prompt() {
        json tokens = json::array();
        for (int i = 0; i < 150; ++i) {
            tokens.push_back(10 + (i * 7) % 400);
        }
        return tokens;
    }
    json taken(const std::string& token) {
        go(token, json::array(), 5);
        return ask(token, "POST", kStates, {{"tokens", prompt()}}).json();
    }
    // Sends the file in pieces. Its id, or why there is none.
    ClientReply send(const std::string& token, const std::string& file, const std::string& weights) {
        const ClientReply begun = ask(token, "POST", kUploads, {{"bytes", file.size()}, {"weights", weights}});
        if (begun.status != 200) {
            return begun;
        }
        const std::string path = kStates + "/" + begun.json().at("id").get<std::string>();
        const auto most = begun.json().at("piece_bytes").get<std::size_t>();
        for (std::size_t at = 0; at < file.size(); at += most) {
            const json piece{{"offset", at}, {"data", toBase64(std::string_view(file).substr(at, most))}};
            const ClientReply taken = ask(token, "POST", path + "/piece", piece);
            EXPECT_EQ(taken.status, 200) << taken.body;
            // A piece that comes twice, because its answer was lost, does no harm.
            EXPECT_EQ(ask(token, "POST", path + "/piece", piece).json().at("written"), taken.json().at("written"));
        }
        return begun;
    }
    ClientReply restore(const std::string& token, const std::string& id, const json& tokens) {
        return ask(token, "POST", kStates + "/" + id + "/restore", {{"tokens", tokens}});
    }
    ClientReply bring(const std::string& token, const std::string& file, const json& tokens,
                      const std::string& weights) {
        const ClientReply sent = send(token, file, weights);
        return sent.status == 200 ? restore(token, sent.json().at("id"), tokens) : sent;
    }
    std::size_t filesLeft() const {
        std::size_t count = 0;
        for (const auto& entry : fs::recursive_directory_iterator(data_.path())) {
            count += entry.path().string().find("state-") != std::string::npos ? 1 : 0;
        }
        return count;
    }

    TemporaryFolder data_;
    std::shared_ptr<Ledger> ledger_ = std::make_shared<Ledger>();
    fs::path model_ = included();
    std::string ada_;
    std::string bob_;
};

TEST_F(StateTest, ContinuingAfterTheTransferGivesTheTokensOfTheOrigin) {
    const Written first = go(ada_, json::array(), 40);
    const json taken =
        ask(ada_, "POST", kStates, {{"tokens", prompt()}, {"continue_tokens", first.tokens}}).json();
    ASSERT_TRUE(taken.contains("id")) << taken;
    EXPECT_EQ(taken.at("total"), 190);
    EXPECT_GE(taken.at("tokens").size(), 189U);
    const std::string path = kStates + "/" + taken.at("id").get<std::string>();
    const std::string file = ask(ada_, "GET", path).body;
    EXPECT_EQ(file.size(), taken.at("bytes"));
    EXPECT_EQ(ask(bob_, "GET", path).status, 404) << "a state is its owner's";
    EXPECT_EQ(ask(ada_, "DELETE", path).status, 200);
    EXPECT_EQ(ask(ada_, "GET", path).status, 404);
    const Written here = go(ada_, first.tokens, 60);

    otherNode();
    const ClientReply restored = bring(ada_, file, taken.at("tokens"), taken.at("weights"));
    ASSERT_EQ(restored.status, 200) << restored.body;
    EXPECT_EQ(restored.json().at("kept"), true);
    EXPECT_EQ(filesLeft(), 0U);
    const Written there = go(ada_, first.tokens, 60);
    EXPECT_EQ(there.tokens, here.tokens);
    EXPECT_EQ(there.reused, static_cast<int>(taken.at("tokens").size())) << "nothing of it was read again";
    EXPECT_EQ(go(bob_, first.tokens, 1).reused, 0) << "and it is nobody else's";
}

TEST_F(StateTest, WhatIsNotHeldIsToldAndNothingIsMade) {
    const ClientReply none = ask(ada_, "POST", kStates, {{"tokens", prompt()}});
    EXPECT_EQ(none.status, 404);
    EXPECT_THAT(none.errorText(), HasSubstr("holds no state"));
    go(ada_, json::array(), 5);
    EXPECT_EQ(ask(bob_, "POST", kStates, {{"tokens", prompt()}}).status, 404) << "others' states are not taken";
    EXPECT_EQ(filesLeft(), 0U);
}

TEST_F(StateTest, OtherWeightsAreRefusedBeforeAnythingIsSent) {
    const Written first = go(ada_, json::array(), 10);
    const json taken =
        ask(ada_, "POST", kStates, {{"tokens", prompt()}, {"continue_tokens", first.tokens}}).json();
    const std::string file = ask(ada_, "GET", kStates + "/" + taken.at("id").get<std::string>()).body;
    const TemporaryFolder other;
    fs::copy(included(), other / "model", fs::copy_options::recursive);
    for (const auto& entry : fs::directory_iterator(other / "model")) {
        if (entry.path().extension() == ".safetensors") { // one bit of the last weight
            std::fstream weights(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
            weights.seekg(-2, std::ios::end);
            const char byte = static_cast<char>(weights.get() ^ 1);
            weights.seekp(-2, std::ios::end);
            weights.put(byte);
        }
    }
    model_ = other / "model";
    otherNode();
    const ClientReply refused = bring(ada_, file, taken.at("tokens"), taken.at("weights"));
    EXPECT_EQ(refused.status, 409);
    EXPECT_EQ(refused.json().at("error").at("code"), "other_weights");
    stopServer();
}

TEST_F(StateTest, DamagedAndForeignFilesAreRefusedWithoutTheirPlace) {
    const Written first = go(ada_, json::array(), 10);
    const json taken =
        ask(ada_, "POST", kStates, {{"tokens", prompt()}, {"continue_tokens", first.tokens}}).json();
    std::string file = ask(ada_, "GET", kStates + "/" + taken.at("id").get<std::string>()).body;
    json short_tokens = taken.at("tokens");
    short_tokens.erase(short_tokens.size() - 1);
    const ClientReply shorter = bring(ada_, file, short_tokens, taken.at("weights"));
    EXPECT_EQ(shorter.status, 400);
    EXPECT_THAT(shorter.errorText(), HasSubstr("absorbed"));
    file[file.size() - 3] = static_cast<char>(file[file.size() - 3] ^ 4);
    const ClientReply damaged = bring(ada_, file, taken.at("tokens"), taken.at("weights"));
    EXPECT_GE(damaged.status, 400);
    EXPECT_THAT(damaged.errorText(), HasSubstr("damaged"));
    EXPECT_THAT(damaged.errorText(), Not(HasSubstr(data_.path().string())));
    EXPECT_GE(bring(ada_, std::string(5000, 'x'), taken.at("tokens"), taken.at("weights")).status, 400);
}

// What was sent need not be sent again because the node was full at that moment.
TEST_F(StateTest, AStateThatFindsNoRoomNowWaitsForIt) {
    const Written first = go(ada_, json::array(), 10);
    const json taken = ask(ada_, "POST", kStates, {{"tokens", prompt()}, {"continue_tokens", first.tokens}}).json();
    const std::string file = ask(ada_, "GET", kStates + "/" + taken.at("id").get<std::string>()).body;
    otherNode();
    const std::string id = send(ada_, file, taken.at("weights")).json().at("id");
    const std::shared_ptr<ModelService> model = host_->find();
    auto others = model->captures()->setAside(model->status().memory_limit, {"others", 1});
    const ClientReply full = restore(ada_, id, taken.at("tokens"));
    EXPECT_EQ(full.status, 429) << full.body;
    EXPECT_EQ(full.json().at("error").at("code"), "overloaded");
    EXPECT_TRUE(full.fields.contains("retry-after"));
    EXPECT_TRUE(ledger_->has(Kind::State, id));
    EXPECT_EQ(restore(bob_, id, taken.at("tokens")).status, 404) << "it is still nobody else's";
    others.reset();
    const ClientReply restored = restore(ada_, id, taken.at("tokens"));
    EXPECT_EQ(restored.status, 200) << restored.body;
    EXPECT_EQ(restored.json().at("kept"), true);
    EXPECT_FALSE(ledger_->has(Kind::State, id));
}

// Whose a file was is forgotten with the file, and not before.
TEST_F(StateTest, NothingIsKnownOfAStateThatWasRefused) {
    const std::string weights = taken(ada_).at("weights");
    const std::string id = send(ada_, std::string(500, 'x'), weights).json().at("id");
    EXPECT_TRUE(ledger_->has(Kind::State, id));
    EXPECT_GE(restore(ada_, id, {1, 2}).status, 400);
    EXPECT_FALSE(ledger_->has(Kind::State, id));
    const std::string begun = ask(ada_, "POST", kUploads, {{"bytes", 6}, {"weights", weights}}).json().at("id");
    EXPECT_EQ(restore(ada_, begun, {1, 2}).status, 400) << "not complete";
    EXPECT_TRUE(ledger_->has(Kind::State, begun));
}

TEST_F(StateTest, LimitsHoldForWhatIsBrought) {
    const std::string small = addToken("small", {Scope::Prompt}, {.memory_share = 0.001});
    startServer();
    go(ada_, json::array(), 5);
    const std::string weights = ask(ada_, "POST", kStates, {{"tokens", prompt()}}).json().at("weights");
    const auto limit = ask(ada_, "GET", "/fulgurite/v1/status").json().at("memory_limit").get<std::uint64_t>();
    ASSERT_GT(limit, 0U);
    EXPECT_EQ(ask(ada_, "POST", kUploads, {{"bytes", limit + 1}, {"weights", weights}}).status, 400);
    EXPECT_EQ(ask(small, "POST", kUploads, {{"bytes", limit / 2}, {"weights", weights}}).json().at("error").at("code"),
              "state_too_large");
    const json begun = ask(ada_, "POST", kUploads, {{"bytes", 100}, {"weights", weights}}).json();
    const std::string path = kStates + "/" + begun.at("id").get<std::string>();
    EXPECT_EQ(ask(ada_, "POST", path + "/piece", {{"offset", 50}, {"data", "AAAA"}}).status, 400) << "a gap";
    EXPECT_EQ(ask(ada_, "POST", path + "/piece", {{"offset", 0}, {"data", "A"}}).status, 400) << "no base64";
    EXPECT_EQ(ask(ada_, "POST", path + "/restore", {{"tokens", {1, 2}}}).status, 400) << "not complete";
    EXPECT_EQ(ask(bob_, "POST", path + "/piece", {{"offset", 0}, {"data", "AAAA"}}).status, 404);
}

// A node beside the one of the fixture.
class SecondNode {
  public:
    SecondNode(const fs::path& model, const TokenList& tokens)
        : server_({}, metrics_),
          host_(
              [model](LoadProgress&) {
                  EngineServiceOptions options;
                  options.model = model;
                  options.engine.threads = 1;
                  return loadEngineService(options);
              },
              nullptr),
          access_(std::string()) {
        access_.replace({.token = {}, .list = tokens, .is_list = true, .readable_by_others = false});
        EXPECT_TRUE(eventually([&] { return host_.find() != nullptr; }));
        thread_ = std::thread([this] { server_.run(node_); });
    }
    ~SecondNode() {
        server_.stop(std::chrono::milliseconds(0));
        thread_.join();
    }
    std::uint16_t port() const { return server_.port(); }
    EngineStatus status() const { return host_.find()->status(); }

  private:
    Metrics metrics_;
    HttpServer server_;
    ModelHost host_;
    AccessControl access_;
    Node node_{host_, metrics_, access_};
    std::thread thread_;
};

client::StateEnd endAt(std::uint16_t port, const std::string& token) {
    return {client::parseUrl("http://127.0.0.1:" + std::to_string(port)), token};
}

TEST_F(StateTest, TheClientCarriesAStateOrSaysWhyNot) {
    const Written first = go(ada_, json::array(), 40);
    client::GenerateRequest text;
    text.prompt = prompt().get<TokenIds>();
    text.continue_tokens = first.tokens.get<TokenIds>();
    SecondNode other(included(), tokens_);
    const client::StateEnd here = endAt(server_->port(), ada_);
    const client::StateMove moved = client::moveState(here, endAt(other.port(), ada_), text, {});
    ASSERT_TRUE(moved.moved) << moved.why;
    EXPECT_EQ(moved.total, 190U);
    EXPECT_GE(moved.tokens, 189U);
    EXPECT_GT(moved.bytes, 1000U);
    EXPECT_EQ(other.status().snapshot_count, 1U);
    EXPECT_EQ(filesLeft(), 0U) << "nothing waits at the first node";

    const client::StateMove foreign = client::moveState(endAt(server_->port(), bob_), endAt(other.port(), bob_), text, {});
    EXPECT_FALSE(foreign.moved);
    EXPECT_THAT(foreign.why, HasSubstr("holds no state"));
    const client::StateMove nowhere = client::moveState(here, endAt(9, ada_), text, {});
    EXPECT_FALSE(nowhere.moved);
    EXPECT_THAT(nowhere.why, HasSubstr("nothing listens"));
    EXPECT_EQ(filesLeft(), 0U);
}

// Whoever announces much, or much at once, keeps nobody else from moving; what nobody asks for goes by itself.
TEST_F(StateTest, OneOwnerHasSomeOfThePlacesOnly) {
    const std::string weights = taken(ada_).at("weights");
    ClientReply reply;
    int begun = 0;
    for (; begun < 64; ++begun) {
        reply = ask(ada_, "POST", kUploads, {{"bytes", 1'000'000}, {"weights", weights}});
        if (reply.status != 200) {
            break;
        }
        // A byte of it: nothing is kept for what has not come.
        EXPECT_EQ(ask(ada_, "POST", kStates + "/" + reply.json().at("id").get<std::string>() + "/piece",
                      {{"offset", 0}, {"data", "AA=="}})
                      .status,
                  200);
    }
    EXPECT_EQ(begun, 15) << "and the one that was taken";
    EXPECT_EQ(reply.status, 429) << reply.body;
    EXPECT_TRUE(reply.fields.contains("retry-after"));
    EXPECT_EQ(ask(bob_, "POST", kUploads, {{"bytes", 1'000'000}, {"weights", weights}}).status, 200);
    EXPECT_GT(filesLeft(), 10U);
    node_->tidy(std::chrono::steady_clock::now() + std::chrono::minutes(11));
    EXPECT_TRUE(eventually([&] { return filesLeft() == 0; }));
    EXPECT_EQ(ask(ada_, "POST", kUploads, {{"bytes", 1'000'000}, {"weights", weights}}).status, 200);
}

TEST_F(StateTest, APieceThatWasCutIsWrittenAgainFromItsBeginning) {
    const std::string weights = taken(ada_).at("weights");
    const std::string id = ask(ada_, "POST", kUploads, {{"bytes", 6}, {"weights", weights}}).json().at("id");
    const std::string path = kStates + "/" + id + "/piece";
    EXPECT_EQ(ask(ada_, "POST", path, {{"offset", 0}, {"data", toBase64("abc")}}).json().at("written"), 3);
    fs::path file;
    for (const auto& entry : fs::recursive_directory_iterator(data_.path())) {
        file = entry.path().filename().string().starts_with(id) ? entry.path() : file;
    }
    ASSERT_FALSE(file.empty());
    std::ofstream(file, std::ios::app) << "de"; // as a disk that became full leaves it
    EXPECT_EQ(ask(ada_, "POST", path, {{"offset", 3}, {"data", toBase64("def")}}).json().at("written"), 6);
    EXPECT_EQ(fs::file_size(file), 6U);
}

TEST_F(StateTest, WhatAKilledProcessLeftIsRemoved) {
    stopServer();
    // Numbers of processes tell nothing: those of a container beside this one are others.
    const fs::path left = data_ / ("fulgurite-states-" + std::to_string(::getpid()) + "-x");
    const fs::path others = data_ / "fulgurite-states-2147483646-x"; // no process here has that number
    fs::create_directories(left / "files");
    fs::create_directories(others / "files");
    const int living = ::open(others.c_str(), O_RDONLY | O_DIRECTORY);
    ASSERT_EQ(::flock(living, LOCK_EX | LOCK_NB), 0);
    startServer();
    EXPECT_FALSE(fs::exists(left));
    EXPECT_TRUE(fs::exists(others / "files"));
    fs::path own;
    {
        const StatesFolder second(data_.path());
        own = second.path();
        EXPECT_TRUE(fs::exists(own));
        go(ada_, json::array(), 5);
        EXPECT_EQ(ask(ada_, "POST", kStates, {{"tokens", prompt()}}).status, 200)
            << "nobody removed the node's own";
    }
    EXPECT_FALSE(fs::exists(own));
    ::close(living);
    const Caller ada{"ada", "ada", {}, {}, nullptr};
    {
        Ledger ledger(data_ / "owners");
        ledger.claim(Kind::State, "one", ada);
        ledger.claim(Kind::Run, "one", ada);
    }
    Ledger again(data_ / "owners");
    EXPECT_FALSE(again.has(Kind::State, "one")) << "nor is it known whose it was";
    EXPECT_TRUE(again.has(Kind::Run, "one"));
}

} // namespace
} // namespace fulgurite::node::test
