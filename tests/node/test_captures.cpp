// SPDX-License-Identifier: Apache-2.0
// Captures over the real server with the included model: taken, listed, looked at, refused, and left by clients.
#include "core/client/engine_client.h"
#include "core/client/inspection_client.h"
#include "core/node/engine_service.h"
#include "core/probe/capture/view_codec.h"
#include "tests/node/node_fixture.h"
#include "tests/support/golden_models.h"
#include "tests/unit/test_paths.h"

#include <gmock/gmock.h>

#include <cmath>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <mutex>
#include <numeric>

namespace fulgurite::node::test {
namespace {

using fulgurite::test::TemporaryFolder;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kCaptures = "/fulgurite/v1/captures";
constexpr std::uint64_t kLimit = std::uint64_t{2} << 30;

std::filesystem::path modelFolder() {
    return fulgurite::test::sourceDir() / "resources/models/ember";
}

class CaptureTest : public NodeTest {
  protected:
    CaptureTest() {
        load_ = [this] {
            EngineServiceOptions options;
            options.model = modelFolder();
            options.data = data_.path();
            options.capture_limit_bytes = kLimit;
            options.engine.threads = 2;
            return loadEngineService(options);
        };
    }

    static nlohmann::json someTokens(std::size_t count) {
        nlohmann::json tokens = nlohmann::json::array();
        for (std::size_t i = 0; i < count; ++i) {
            tokens.push_back((i * 37 + i * i * 11) % 2000);
        }
        return tokens;
    }

    // The id of a capture of `count` tokens.
    std::string take(std::size_t count, const nlohmann::json& plan = nlohmann::json::object()) {
        const auto events = stream(kCaptures, {{"tokens", someTokens(count)}, {"plan", plan}});
        EXPECT_EQ(events.back().name, "done") << events.back().data;
        return events.back().json().at("id");
    }
    ClientReply view(const std::string& id, const std::string& rest) {
        return get(std::string(kCaptures) + "/" + id + "/" + rest);
    }
    ClientReply remove(const std::string& id) {
        RawClient client = connect();
        client.send(requestText("DELETE", std::string(kCaptures) + "/" + id, ""));
        return client.reply();
    }
    // Files in the captures' folder, whatever they are called.
    std::size_t files() const {
        std::error_code ignored;
        const std::filesystem::directory_iterator folder(data_ / "captures", ignored);
        return static_cast<std::size_t>(std::distance(begin(folder), end(folder)));
    }
    static std::span<const std::byte> bytesOf(const ClientReply& reply) {
        return std::as_bytes(std::span(reply.body));
    }

    TemporaryFolder data_;
};

TEST_F(CaptureTest, ACaptureIsTakenListedLookedAtAndRemoved) {
    const auto events = stream(kCaptures, {{"tokens", someTokens(600)}, {"sampled_from", 500}});
    ASSERT_EQ(events.front().name, "start");
    EXPECT_TRUE(events.front().json().at("fits"));
    ASSERT_EQ(events.back().name, "done") << events.back().data;
    const std::string id = events.back().json().at("id");
    EXPECT_EQ(events.back().json().at("info").at("tokens"), 600);

    const auto list = get(kCaptures).json();
    ASSERT_EQ(list.at("captures").size(), 1u);
    EXPECT_EQ(list.at("captures")[0].at("id"), id);
    EXPECT_EQ(list.at("broken").size(), 0u);

    const auto tokens = capture::decodeTokens(bytesOf(view(id, "tokens")), "tokens");
    ASSERT_EQ(tokens.size(), 600u);
    EXPECT_FALSE(tokens[499].sampled);
    EXPECT_TRUE(tokens[500].sampled);
    EXPECT_TRUE(std::isnan(tokens[0].logprob));
    EXPECT_LT(tokens[599].logprob, 0);

    for (const int layer : {0, 7}) { // lightning and softmax
        const auto row = capture::decodeRow(
            bytesOf(view(id, "row?layer=" + std::to_string(layer) + "&head=5&position=599")), "row");
        ASSERT_EQ(row.weight.size(), 600u);
        // As in test_probe.cpp: float32 sums of 600 terms that partly cancel.
        EXPECT_LT(row.error, 64 * std::sqrt(600.0) * std::ldexp(1.0, -24) + std::ldexp(1.0, -18)) << layer;
    }
    const auto heads = capture::decodeHeads(bytesOf(view(id, "heads?position=599")), "heads");
    ASSERT_EQ(heads.heads.size(), 48u);
    double shares = 0;
    for (int head = 0; head < 6; ++head) {
        shares += heads.heads[static_cast<std::size_t>(head)].block_share;
    }
    EXPECT_NEAR(shares, 1, 1e-4);
    const auto lens = capture::decodeLens(bytesOf(view(id, "lens?position=599")), "lens");
    ASSERT_EQ(lens.layers.size(), 9u);
    EXPECT_EQ(lens.layers.back().final_rank, 1);
    const auto routing = capture::decodeRouting(bytesOf(view(id, "routing?first=10&count=20")), "routing");
    ASSERT_EQ(routing.experts.size(), 20u * 8 * 2);
    EXPECT_NEAR(routing.weights[0] + routing.weights[1], 1, 1e-6);
    const auto load = capture::decodeRoutingSummary(bytesOf(view(id, "routing/summary")), "summary").load;
    EXPECT_EQ(std::accumulate(load.begin(), load.end(), std::uint64_t{0}), 600u * 8 * 2);
    EXPECT_EQ(capture::decodeTile(bytesOf(view(id, "map?layer=0&head=0&side=32")), "map").rows, 32u);
    EXPECT_EQ(capture::decodeTiles(bytesOf(view(id, "thumbnails?layer=7&side=16")), "thumbnails").size(), 6u);

    const ClientReply file = view(id, "file");
    std::ifstream stored(data_ / "captures" / (id + ".fcap"), std::ios::binary);
    EXPECT_EQ(file.body, std::string(std::istreambuf_iterator<char>(stored), {}));

    EXPECT_EQ(remove(id).json().at("removed"), id);
    EXPECT_EQ(files(), 0u);
    EXPECT_EQ(view(id, "tokens").status, 404);
    EXPECT_EQ(remove(id).status, 404);
}

TEST_F(CaptureTest, TheSameCaptureIsNotTakenTwice) {
    const std::string id = take(50);
    const auto before = std::filesystem::last_write_time(data_ / "captures" / (id + ".fcap"));
    EXPECT_EQ(take(50), id);
    EXPECT_EQ(std::filesystem::last_write_time(data_ / "captures" / (id + ".fcap")), before);
    EXPECT_NE(take(51), id);
    EXPECT_NE(take(50, {{"lens", false}}), id);
}

TEST_F(CaptureTest, WhatDoesNotExistIsOneClearError) {
    const std::string id = take(20, {{"attention_layers", {1}}, {"positions", {19}}});
    EXPECT_THAT(view(id, "row?layer=8&head=0&position=1").errorText(), HasSubstr("8"));
    EXPECT_EQ(view(id, "row?layer=8&head=0&position=1").status, 400);
    EXPECT_EQ(view(id, "row?layer=1&head=6&position=1").status, 400);
    EXPECT_EQ(view(id, "row?layer=1&head=0&position=20").status, 400);
    EXPECT_EQ(view(id, "row?layer=2&head=0&position=1").status, 404) << "not held";
    EXPECT_EQ(view(id, "row?layer=1&head=0").errorParam(), "position");
    EXPECT_EQ(view(id, "row?layer=1&head=0&position=1&heads=2").errorParam(), "heads");
    EXPECT_EQ(view(id, "row?layer=one&head=0&position=1").errorParam(), "layer");
    EXPECT_EQ(view(id, "rows").status, 404);
    EXPECT_EQ(view("nothing", "tokens").status, 404);
    EXPECT_EQ(view("..", "tokens").status, 404);

    const auto refused = [&](const nlohmann::json& plan) {
        const ClientReply reply = post(kCaptures, {{"tokens", someTokens(20)}, {"plan", plan}});
        EXPECT_EQ(reply.status, 400) << reply.body;
        return reply.errorText();
    };
    EXPECT_THAT(refused({{"attention_layers", {8}}}),
                HasSubstr("layer 8 does not exist; the model has layers 0 to 7"));
    EXPECT_THAT(refused({{"positions", {20}}}), HasSubstr("position 20 lies beyond the 20 tokens"));
    EXPECT_THAT(refused({{"layers", {1}}}), HasSubstr("layers"));
    EXPECT_EQ(post(kCaptures, {{"tokens", {5000}}}).status, 400) << "beyond the vocabulary";
    EXPECT_EQ(post(kCaptures, {{"tokens", nlohmann::json::array()}}).status, 400);
}

TEST_F(CaptureTest, OtherMarksAreAnotherCapture) {
    const auto idOf = [this](std::size_t sampled_from) -> std::string {
        return stream(kCaptures, {{"tokens", someTokens(60)}, {"sampled_from", sampled_from}})
            .back()
            .json()
            .at("id");
    };
    const std::string late = idOf(50);
    EXPECT_NE(idOf(20), late);
    EXPECT_EQ(idOf(50), late);
}

// Cut by somebody else while its pages are mapped: an error, not the end of the node; asked for again, it is taken
// again.
TEST_F(CaptureTest, ACaptureThatIsCutWhileItIsOpenIsTakenAgain) {
    const std::string id = take(300);
    ASSERT_EQ(view(id, "row?layer=7&head=0&position=200").status, 200);
    const auto file = data_ / "captures" / (id + ".fcap");
    std::filesystem::resize_file(file, std::filesystem::file_size(file) / 3);
    const ClientReply refused = view(id, "tokens");
    EXPECT_EQ(refused.status, 409);
    EXPECT_EQ(refused.json().at("error").at("code"), "capture_damaged");
    EXPECT_THAT(refused.body, HasSubstr(id));
    EXPECT_THAT(refused.body, Not(HasSubstr(data_.path().string()))) << "where it lies is the node's business";
    EXPECT_EQ(take(300), id);
    EXPECT_EQ(view(id, "row?layer=7&head=0&position=200").status, 200);
}

TEST_F(CaptureTest, ABrokenFileIsNamedAndHidesNoOther) {
    const std::string id = take(20);
    std::ofstream(data_ / "captures" / "torn.fcap") << "not a capture";
    const auto list = get(kCaptures).json();
    ASSERT_EQ(list.at("captures").size(), 1u);
    ASSERT_EQ(list.at("broken").size(), 1u);
    EXPECT_EQ(list.at("broken")[0].at("id"), "torn");
    EXPECT_THAT(list.at("broken")[0].at("message"), HasSubstr("torn.fcap: "));
    EXPECT_THAT(list.dump(), Not(HasSubstr(data_.path().string())));
    EXPECT_EQ(view("torn", "tokens").status, 409);
    EXPECT_THAT(view("torn", "tokens").body, Not(HasSubstr(data_.path().string())));
}

TEST_F(CaptureTest, ChosenHeadsAreHeldAndNoOthers) {
    const nlohmann::json plan{{"attention_layers", {0}}, {"attention_heads", {{{"layer", 7}, {"heads", {3, 1}}}}}};
    const auto cost = post("/fulgurite/v1/inspect/plan", {{"tokens", someTokens(40)}, {"plan", plan}}).json();
    const std::string id = take(40, plan);
    EXPECT_EQ(cost.at("bytes"), std::filesystem::file_size(data_ / "captures" / (id + ".fcap")));
    const auto info = get(std::string(kCaptures) + "/" + id).json().at("info");
    EXPECT_EQ(info.at("attention_layers"), nlohmann::json({0, 7}));
    EXPECT_EQ(info.at("attention_heads"), nlohmann::json::parse(R"([{"layer":7,"heads":[1,3]}])"));
    const auto row = capture::decodeRow(bytesOf(view(id, "row?layer=7&head=3&position=39")), "row");
    EXPECT_LT(row.error, 64 * std::sqrt(40.0) * std::ldexp(1.0, -24) + std::ldexp(1.0, -18)); // as above
    EXPECT_EQ(view(id, "row?layer=7&head=2&position=39").status, 404);
    EXPECT_EQ(capture::decodeTiles(bytesOf(view(id, "thumbnails?layer=7")), "thumbnails").size(), 2u);
    EXPECT_NE(take(40, {{"attention_layers", {0, 7}}}), id);
    const auto refused = [&](const nlohmann::json& heads) {
        const ClientReply reply =
            post(kCaptures, {{"tokens", someTokens(5)}, {"plan", {{"attention_heads", heads}}}});
        EXPECT_EQ(reply.status, 400) << reply.body;
        return reply.errorText();
    };
    EXPECT_THAT(refused({{{"layer", 7}, {"heads", {6}}}}), HasSubstr("6"));
    EXPECT_THAT(refused({{{"layer", 7}}}), HasSubstr("plan.attention_heads[0]"));
    EXPECT_THAT(refused({{{"layer", 7}, {"heads", {1}}, {"head", 2}}}), HasSubstr("head"));
    EXPECT_THAT(refused({7}), HasSubstr("plan.attention_heads[0]"));
}

TEST_F(CaptureTest, APlanOfAHundredGigabytesIsRefusedWithTheFigure) {
    // 24 KiB for each token of eight layers: 5 million tokens are more than 100 GiB.
    const ClientReply planned = post("/fulgurite/v1/inspect/plan", {{"count", 5'000'000}});
    ASSERT_EQ(planned.status, 200) << planned.body;
    const auto plan = planned.json();
    EXPECT_FALSE(plan.at("fits"));
    EXPECT_GT(plan.at("bytes").get<double>(), 100e9);
    EXPECT_THAT(plan.at("refusal").get<std::string>(), HasSubstr("GiB; one capture may take 2.0 GiB and "));
    // The same refusal when it is ordered all the same; 100,000 tokens of it are 2.3 GiB.
    const ClientReply reply = post(kCaptures, {{"tokens", someTokens(100'000)}});
    ASSERT_EQ(reply.status, 400) << reply.body;
    EXPECT_EQ(reply.json().at("error").at("code"), "capture_too_large");
    EXPECT_THAT(reply.errorText(), HasSubstr("GiB; one capture may take 2.0 GiB and "));
    EXPECT_EQ(files(), 0u);

    // The engine measures its prefill when it starts, beside the server: until then there is no estimate.
    nlohmann::json small;
    EXPECT_TRUE(eventually([&] {
        small = post("/fulgurite/v1/inspect/plan", {{"tokens", someTokens(100)}}).json();
        return !small.at("seconds").is_null();
    }));
    EXPECT_TRUE(small.at("fits"));
    EXPECT_GT(small.at("seconds"), 0);
    const std::string id = take(100);
    EXPECT_EQ(small.at("bytes"), std::filesystem::file_size(data_ / "captures" / (id + ".fcap")));
}

TEST_F(CaptureTest, AClientThatVanishesLeavesNothingBehind) {
    RawClient client = connect();
    const nlohmann::json body{{"tokens", someTokens(60'000)}, {"plan", {{"attention_layers", {0}}}}};
    client.send(requestText("POST", kCaptures, body.dump()));
    EXPECT_THAT(client.receiveUntil("event: progress"), HasSubstr("event: progress"));
    EXPECT_EQ(files(), 1u) << "the unfinished file";
    client.close();
    EXPECT_TRUE(eventually([&] { return files() == 0; }));
    // And the next one is taken.
    take(20);
    EXPECT_EQ(files(), 1u);
}

TEST_F(CaptureTest, AnswersGoOnWhileACaptureRuns) {
    const nlohmann::json question{
        {"messages", nlohmann::json::array({{{"role", "user"}, {"content", "What is 17+58?"}}})},
        {"sampler", {{"temperature", 0}}},
        {"stop", {{"max_tokens", 24}}}};
    const auto idsOf = [](const std::vector<ServerEvent>& events) {
        std::vector<int> ids;
        for (const ServerEvent& event : events) {
            if (event.name == "token") {
                const nlohmann::json data = event.json();
                for (const auto& token : data.at("tokens")) {
                    ids.push_back(token.at("id"));
                }
            }
        }
        return ids;
    };
    const auto alone = idsOf(stream("/fulgurite/v1/generate", question));
    ASSERT_FALSE(alone.empty());

    RawClient client = connect();
    const nlohmann::json body{{"tokens", someTokens(60'000)}, {"plan", {{"attention_layers", {0}}}}};
    client.send(requestText("POST", kCaptures, body.dump()));
    client.receiveUntil("event: progress");
    EXPECT_EQ(idsOf(stream("/fulgurite/v1/generate", question)), alone);
    EXPECT_EQ(files(), 1u);
    client.close();
    EXPECT_TRUE(eventually([&] { return files() == 0; }));
}

TEST_F(CaptureTest, DecayAndCostsOfTheLoadedModel) {
    const auto decay = get("/fulgurite/v1/inspect/decay").json();
    EXPECT_EQ(decay.at("half_life").size(), 8u);
    EXPECT_TRUE(decay.at("half_life")[7][0].is_null()) << "softmax";
    const auto costs = get("/fulgurite/v1/inspect/costs?last=4096&measure=true").json();
    ASSERT_EQ(costs.at("points").size(), 3u);
    for (const auto& point : costs.at("points")) {
        EXPECT_GT(point.at("seconds").get<double>(), 0);
    }
    const auto m1 = get("/fulgurite/v1/inspect/costs?shape=m1&last=100000").json();
    EXPECT_TRUE(m1.at("computed"));
    EXPECT_TRUE(m1.at("points").back().at("seconds").is_null());
    // The published form: 94.7e9 + 3.2768e5 p.
    EXPECT_NEAR(m1.at("points").back().at("hybrid_flops").get<double>(), 127.5e9, 0.1e9);
    EXPECT_EQ(get("/fulgurite/v1/inspect/costs?shape=m1&measure=true").errorParam(), "measure");
    const ClientReply huge = get("/fulgurite/v1/inspect/costs?last=1000000000&measure=true");
    EXPECT_EQ(huge.status, 400) << "what answers were promised is not to be had";
    EXPECT_EQ(huge.errorParam(), "last");
}

TEST_F(CaptureTest, TokensAreJudgedByBothModels) {
    const nlohmann::json intervention{{"heads", {{{"layer", 7}, {"head", 3}}}}, {"from", "answer"}};
    const ClientReply reply = post("/fulgurite/v1/inspect/compare",
                                   {{"tokens", someTokens(40)}, {"first", 30}, {"intervention", intervention}});
    ASSERT_EQ(reply.status, 200) << reply.body;
    const auto comparison = capture::decodeComparison(bytesOf(reply), "reply");
    EXPECT_EQ(comparison.first, 30U);
    ASSERT_EQ(comparison.size(), 10U);
    EXPECT_EQ(comparison.best_text.size(), 10U);
    EXPECT_GT(*std::max_element(comparison.kl.begin(), comparison.kl.end()), 0.0f);

    const auto plain = capture::decodeComparison(
        bytesOf(post("/fulgurite/v1/inspect/compare", {{"tokens", someTokens(40)}, {"first", 30}})), "reply");
    EXPECT_EQ(plain.logprob, comparison.logprob);
    EXPECT_EQ(plain.changed, plain.logprob);

    for (const auto& [body, message] : std::vector<std::pair<nlohmann::json, std::string>>{
             {{{"tokens", {5}}}, "two tokens at least"},
             {{{"tokens", someTokens(4)}, {"first", 4}}, "between 1 and 3"},
             {{{"tokens", someTokens(4)}, {"frist", 2}}, "frist"},
             {{{"tokens", someTokens(4)}, {"intervention", {{"heads", {{{"layer", 8}, {"head", 0}}}}}}},
              "no layer 8"}}) {
        const ClientReply refused = post("/fulgurite/v1/inspect/compare", body);
        EXPECT_EQ(refused.status, 400);
        EXPECT_THAT(refused.body, HasSubstr(message));
    }
}

TEST_F(CaptureTest, WithoutAFolderCapturesAreNotOffered) {
    load_ = [] {
        EngineServiceOptions options;
        options.model = modelFolder();
        return loadEngineService(options);
    };
    startServer();
    const auto capabilities = get("/fulgurite/v1/info").json().at("capabilities");
    EXPECT_THAT(capabilities, testing::Contains("inspect"));
    EXPECT_THAT(capabilities, testing::Not(testing::Contains("captures")));
    EXPECT_THAT(post(kCaptures, {{"tokens", {1, 2}}}).errorText(), HasSubstr("--data DIR"));
}

// The desktop's side of the same conversation.
class Waiting final : public client::CaptureListener {
  public:
    void onStart(const std::string&, const client::CaptureCost& cost) override { bytes = cost.bytes; }
    void onProgress(std::size_t done, std::size_t) override { progress = done; }
    void onDone(const client::CaptureEntry& entry) override { end(entry, {}); }
    void onError(const Error& error) override { end({}, error.what()); }
    void wait() {
        std::unique_lock lock(mutex_);
        ASSERT_TRUE(changed_.wait_for(lock, std::chrono::seconds(60), [this] { return ended_; }));
    }

    client::CaptureEntry entry;
    std::string error;
    std::uint64_t bytes = 0;
    std::size_t progress = 0;

  private:
    void end(const client::CaptureEntry& result, const std::string& message) {
        const std::lock_guard lock(mutex_);
        entry = result;
        error = message;
        ended_ = true;
        changed_.notify_all();
    }
    std::mutex mutex_;
    std::condition_variable changed_;
    bool ended_ = false;
};

// Waits for the reply to one call.
template <class T>
T replyTo(const std::function<void(client::Reply<T>)>& call) {
    const auto promise = std::make_shared<std::promise<client::Outcome<T>>>();
    call([promise](client::Outcome<T> outcome) { promise->set_value(std::move(outcome)); });
    const client::Outcome<T> outcome = promise->get_future().get();
    if (!outcome.ok()) {
        throw outcome.error();
    }
    return outcome.value();
}

TEST_F(CaptureTest, TheClientReadsEveryAnswer) {
    client::HttpEndpoint endpoint;
    endpoint.host = "127.0.0.1";
    endpoint.port = server_->port();
    const auto engine = client::connectToNode(endpoint, {kToken, {}});
    client::InspectionClient& inspection = *engine->inspection();
    client::CaptureRequest request;
    request.prompt = TokenIds{5, 6, 7, 8, 9, 10};
    request.continue_tokens = {11, 12};
    request.plan.attention_layers = {{0}};
    request.plan.attention_heads = {{7, 2}, {7, 4}};
    request.plan.fact = {{1, 3}};
    const auto cost = replyTo<client::CaptureCost>([&](auto reply) { inspection.plan(request, reply); });
    EXPECT_EQ(cost.refusal, "");
    const auto listener = std::make_shared<Waiting>();
    const auto call = inspection.take(request, listener);
    listener->wait();
    ASSERT_EQ(listener->error, "");
    EXPECT_EQ(listener->bytes, cost.bytes);
    EXPECT_EQ(listener->entry.info.tokens, 8u);
    const std::string id = listener->entry.id;

    const auto list = replyTo<client::CaptureList>([&](auto reply) { inspection.list(reply); });
    ASSERT_EQ(list.captures.size(), 1u);
    EXPECT_EQ(list.captures[0].id, id);
    EXPECT_EQ(list.captures[0].info.attention_layers, (std::vector<int>{0, 7}));
    EXPECT_EQ(list.captures[0].info.attention_heads.at(7), (std::vector<int>{2, 4}));
    const auto tokens =
        replyTo<std::vector<capture::CapturedToken>>([&](auto reply) { inspection.tokens(id, 0, 8, reply); });
    EXPECT_TRUE(tokens[6].sampled && !tokens[5].sampled);
    const auto row = replyTo<capture::AttentionRow>([&](auto reply) { inspection.row(id, {7, 2}, 7, reply); });
    EXPECT_NEAR(std::accumulate(row.weight.begin(), row.weight.end(), 0.0), 1.0, 1e-5);
    capture::TileRequest tile;
    tile.rows = tile.cols = 8;
    tile.pool = 1;
    EXPECT_EQ(replyTo<capture::AttentionTile>([&](auto reply) {
                  inspection.tile(id, {0, 1}, tile, reply);
              }).rows,
              8u);
    EXPECT_EQ(replyTo<std::vector<capture::AttentionTile>>([&](auto reply) {
                  inspection.thumbnails(id, 0, 4, reply);
              }).size(),
              6u);
    EXPECT_FALSE(std::isnan(
        replyTo<capture::HeadTable>([&](auto reply) { inspection.heads(id, 7, reply); }).heads[0].planted_fact));
    EXPECT_EQ(replyTo<capture::RoutingSlice>([&](auto reply) { inspection.routing(id, 0, 8, reply); }).count, 8u);
    EXPECT_EQ(replyTo<capture::RoutingSummary>([&](auto reply) { inspection.routingSummary(id, reply); }).tokens,
              8u);
    EXPECT_EQ(replyTo<capture::LensView>([&](auto reply) { inspection.lens(id, 7, reply); }).layers.size(), 9u);
    EXPECT_TRUE(replyTo<capture::DecayMap>([&](auto reply) { inspection.decay(reply); }).unbounded(7));
    EXPECT_TRUE(
        replyTo<client::CostCurve>([&](auto reply) { inspection.costs(2048, false, true, reply); }).computed);

    const auto target = data_ / "copy.fcap";
    EXPECT_EQ(replyTo<std::uint64_t>([&](auto reply) { inspection.download(id, target, reply); }), cost.bytes);
    EXPECT_EQ(std::filesystem::file_size(target), cost.bytes);
    EXPECT_EQ(replyTo<std::string>([&](auto reply) { inspection.remove(id, reply); }), id);
    EXPECT_THROW(replyTo<capture::CaptureInfo>([&](auto reply) { inspection.info(id, reply); }), Error);

    request.prompt = TokenIds(60'000, 3);
    const auto cancelled = std::make_shared<Waiting>();
    const auto running = inspection.take(request, cancelled);
    EXPECT_TRUE(eventually([&] { return files() == 1; }));
    running->cancel();
    cancelled->wait();
    EXPECT_NE(cancelled->error, "");
    EXPECT_TRUE(eventually([&] { return files() == 0; }));
}

} // namespace
} // namespace fulgurite::node::test
