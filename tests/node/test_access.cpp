// SPDX-License-Identifier: Apache-2.0
// Tokens with scopes and limits: every route is tried with every scope, lists of tokens are read strictly, limits
// are answered with 429 and when to come back.
#include "core/base/file_io.h"
#include "core/node/ledger.h"
#include "tests/node/node_fixture.h"
#include "tests/unit/temporary_folder.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sys/stat.h>

namespace fulgurite::node::test {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::Ge;
using testing::HasSubstr;
using testing::Le;

constexpr Scope kGiven[] = {Scope::Prompt, Scope::Inspect, Scope::Train, Scope::Metrics, Scope::Admin};

class AccessTest : public NodeTest {
  protected:
    void SetUp() override {
        for (const Scope scope : kGiven) {
            secrets_[scope] = addToken(std::string(nameOf(scope)), {scope});
        }
        NodeTest::SetUp();
    }
    std::string codeOf(const ClientReply& reply) {
        const json error = json::parse(reply.body, nullptr, false);
        return error.is_object() && error.contains("error") && error["error"]["code"].is_string()
                   ? error["error"]["code"].get<std::string>()
                   : "";
    }

    std::map<Scope, std::string> secrets_;
};

TEST_F(AccessTest, EveryRouteAsksForItsScopeAndForNoOther) {
    const std::vector<RouteInfo> routes = allRoutes();
    ASSERT_GT(routes.size(), 40U);
    std::size_t tried = 0;
    for (const RouteInfo& route : routes) {
        const std::string path = std::string(route.path) + (route.path.back() == '/' ? "1" : "");
        const std::string method(route.method);
        const std::string what = method + " " + path;
        if (ask(secrets_[Scope::Admin], method, path).status == 405) {
            continue; // that very address takes other methods
        }
        ++tried;
        EXPECT_EQ(ask("", method, path).status == 401, route.scope != Scope::Open) << what;
        EXPECT_EQ(ask("fg-somebody-elses-token-0000000", method, path).status == 401, route.scope != Scope::Open);
        for (const Scope scope : kGiven) {
            const ClientReply reply = ask(secrets_[scope], method, path);
            const bool may = route.scope <= Scope::Any || scope == Scope::Admin || scope == route.scope;
            EXPECT_EQ(codeOf(reply) == "scope", !may) << what << " with " << nameOf(scope) << ": " << reply.body;
            EXPECT_EQ(reply.status == 401, false) << what;
            if (!may) {
                EXPECT_EQ(reply.status, 403) << what;
                EXPECT_THAT(reply.errorText(), HasSubstr(std::string(nameOf(route.scope)))) << what;
            }
        }
    }
    EXPECT_GE(tried, 46U);
}

TEST_F(AccessTest, ScopesOfImportantRoutesAreWhatTheProtocolSays) {
    std::map<std::string, Scope> scopes;
    for (const RouteInfo& route : allRoutes()) {
        scopes[std::string(route.method) + " " + std::string(route.path)] = route.scope;
        const bool thing = route.kind != Kind::None;
        EXPECT_TRUE(!thing || route.scope > Scope::Any) << route.path << ": what has an owner asks for a scope";
    }
    EXPECT_EQ(scopes.at("GET /health"), Scope::Open);
    EXPECT_EQ(scopes.at("GET /v1/models"), Scope::Any);
    EXPECT_EQ(scopes.at("POST /v1/chat/completions"), Scope::Prompt);
    EXPECT_EQ(scopes.at("POST /fulgurite/v1/captures"), Scope::Inspect);
    EXPECT_EQ(scopes.at("POST /fulgurite/v1/jobs"), Scope::Train);
    EXPECT_EQ(scopes.at("GET /metrics"), Scope::Metrics);
}

TEST_F(AccessTest, WhoAmITellsScopesLimitsAndUse) {
    EXPECT_EQ(ask(secrets_[Scope::Prompt], "POST", "/v1/chat/completions", chatBody()).status, 200);
    const json me = ask(secrets_[Scope::Prompt], "GET", "/fulgurite/v1/access").json();
    EXPECT_EQ(me["name"], "prompt");
    EXPECT_EQ(me["scopes"], json::array({"prompt"}));
    EXPECT_EQ(me["used"]["requests"], 1);
    EXPECT_EQ(me["used"]["completion_tokens"], 2);
    EXPECT_GT(me["used"]["prompt_tokens"].get<int>(), 0);
    EXPECT_EQ(me["limits"]["streams"], json());
    const std::string metrics = ask(secrets_[Scope::Metrics], "GET", "/metrics").body;
    EXPECT_THAT(metrics, HasSubstr("fulgurite_token_completion_tokens_total{token=\"prompt\"} 2"));
    EXPECT_THAT(metrics, HasSubstr("fulgurite_inter_token_seconds_count 1"));
    EXPECT_THAT(metrics, HasSubstr("fulgurite_first_token_seconds_count 1"));
}

TEST_F(AccessTest, TooManyRequestsAMinuteAreToldWhenToComeBack) {
    const std::string slow = addToken("slow", {Scope::Prompt}, {.requests_per_minute = 3});
    startServer();
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(ask(slow, "POST", "/v1/chat/completions", chatBody()).status, 200) << i;
    }
    const ClientReply refused = ask(slow, "POST", "/v1/chat/completions", chatBody());
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(codeOf(refused), "rate_limit_exceeded");
    EXPECT_THAT(std::stoi(refused.fields.at("retry-after")), AllOf(Ge(1), Le(20))); // one comes back in 20 seconds
    EXPECT_EQ(ask(slow, "GET", "/fulgurite/v1/info").status, 200) << "what is no work is not counted";
    EXPECT_EQ(ask(secrets_[Scope::Prompt], "POST", "/v1/chat/completions", chatBody()).status, 200);
    EXPECT_THAT(ask(secrets_[Scope::Metrics], "GET", "/metrics").body,
                HasSubstr("fulgurite_refusals_total{reason=\"rate_limit_exceeded\"} 1"));
}

TEST_F(AccessTest, StreamsAtOnceAreCountedAndGivenBack) {
    const std::string one = addToken("one", {Scope::Prompt}, {.streams = 1});
    startServer();
    Script endless;
    endless.endless = true;
    endless.pause = std::chrono::milliseconds(2);
    service_->setScript(endless);
    RawClient client = connect();
    client.send(requestText("POST", "/v1/chat/completions", chatBody({{"stream", true}}).dump(), {}, one));
    client.receiveUntil("Hello");
    const ClientReply refused = ask(one, "POST", "/v1/chat/completions", chatBody());
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(codeOf(refused), "too_many_requests_at_once");
    client.close();
    service_->setScript({});
    EXPECT_TRUE(eventually([&] { return ask(one, "POST", "/v1/chat/completions", chatBody()).status == 200; }));
    // The place is free before the last byte of an answer is out.
    RawClient again = connect();
    for (int i = 0; i < 20; ++i) {
        again.send(requestText("POST", "/v1/chat/completions", chatBody().dump(), {}, one));
        EXPECT_EQ(again.reply().status, 200) << i;
    }
}

TEST_F(AccessTest, TokensOfADayAreCountedOverRestarts) {
    const TemporaryFolder folder;
    const std::string daily = addToken("daily", {Scope::Prompt}, {.tokens_per_day = 4});
    const auto file = folder / "owners.fulgurite";
    const std::int64_t today = CallerUse::dayOf(unixSeconds());
    Metrics counters;
    const auto start = [&] {
        stopServer();
        services_.ledger = std::make_shared<Ledger>(file);
        journal_ = std::make_shared<RequestJournal>(JournalOptions{}, counters, services_.ledger);
        startServer();
        for (const auto& caller : access_->callers()) {
            caller->use->restore(services_.ledger->spent(caller->name, today), today);
        }
    };
    start();
    EXPECT_EQ(ask(daily, "POST", "/v1/completions", {{"prompt", "abc"}}).status, 200); // 3 and 2: over
    const ClientReply refused = ask(daily, "POST", "/v1/completions", {{"prompt", "abc"}});
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(codeOf(refused), "daily_tokens_used");
    EXPECT_THAT(std::stoi(refused.fields.at("retry-after")), AllOf(Ge(1), Le(86400)));
    stopServer();
    journal_.reset();
    services_.ledger.reset();
    start();
    EXPECT_EQ(ask(daily, "POST", "/v1/completions", {{"prompt", "abc"}}).status, 429);
    stopServer();
    journal_.reset();
}

TEST_F(AccessTest, AReplacedListCountsAtOnceAndKeepsTheUse) {
    EXPECT_EQ(ask(secrets_[Scope::Prompt], "POST", "/v1/chat/completions", chatBody()).status, 200);
    TokenList fewer;
    for (const TokenEntry& entry : tokens_.entries) {
        if (entry.name != "prompt") {
            fewer.entries.push_back(entry);
        }
    }
    const std::string next = newToken();
    fewer.entries.push_back({"prompt", hashOfToken(next), {Scope::Prompt}, {}, 0, 0});
    access_->replace({.token = {}, .list = fewer, .is_list = true, .readable_by_others = false});
    EXPECT_EQ(ask(secrets_[Scope::Prompt], "GET", "/v1/models").status, 401);
    EXPECT_EQ(ask(next, "GET", "/fulgurite/v1/access").json()["used"]["requests"], 1);
}

TEST_F(AccessTest, AnExpiredTokenIsNone) {
    const std::string old = addToken("old", {Scope::Admin});
    tokens_.entries.back().expires = unixSeconds() - 1;
    startServer();
    EXPECT_EQ(ask(old, "GET", "/v1/models").status, 401);
}

TEST_F(AccessTest, RequestsHaveIdsAndTheLogSaysWhoAndNotWhat) {
    const TemporaryFolder folder;
    const std::string log = (folder / "log.jsonl").string();
    const std::string audit = (folder / "audit.jsonl").string();
    stopServer();
    Metrics counters;
    journal_ = std::make_shared<RequestJournal>(JournalOptions{log, audit, false}, counters, nullptr);
    startServer();
    RawClient client = connect();
    client.send(requestText("POST", "/v1/completions", R"({"prompt":"a secret thing"})", "X-Request-Id: mine-1\r\n",
                            secrets_[Scope::Prompt]));
    EXPECT_EQ(client.reply().fields.at("x-request-id"), "mine-1");
    const std::string given =
        ask(secrets_[Scope::Train], "POST", "/fulgurite/v1/runs", {{"name", "x"}}).fields.at("x-request-id");
    EXPECT_THAT(given, HasSubstr("req-"));
    ask("fg-unknown-unknown-unknown-unknown", "GET", "/v1/models");
    stopServer();
    journal_.reset(); // with the last line written
    const std::string text = readTextFile(log);
    EXPECT_THAT(text, testing::Not(HasSubstr("secret")));
    const json first = json::parse(text.substr(0, text.find('\n')));
    EXPECT_EQ(first["request"], "mine-1");
    EXPECT_EQ(first["token"], "prompt");
    EXPECT_EQ(first["route"], "/v1/completions");
    EXPECT_EQ(first["status"], 200);
    EXPECT_EQ(first["prompt_tokens"], 14);
    EXPECT_EQ(first["completion_tokens"], 2);
    EXPECT_EQ(first["peer"], "127.0.0.1");
    EXPECT_GE(first["ms"].get<double>(), first["first_token_ms"].get<double>());
    const std::string actions = readTextFile(audit);
    EXPECT_EQ(std::count(actions.begin(), actions.end(), '\n'), 2) << actions; // the run, and the unknown token
    EXPECT_EQ(json::parse(actions.substr(0, actions.find('\n')))["request"], given);
    struct stat status {};
    ASSERT_EQ(::stat(audit.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

// Whoever guesses tokens all night fills no disk; who looks at one thing again and again is named once a minute.
TEST_F(AccessTest, TheAuditFileCountsWhatRepeatsAndNamesWhoLooksInside) {
    const TemporaryFolder folder;
    const std::string audit = (folder / "audit.jsonl").string();
    stopServer();
    Metrics counters;
    journal_ = std::make_shared<RequestJournal>(JournalOptions{{}, audit, false}, counters, nullptr);
    startServer();
    for (int i = 0; i < 200; ++i) {
        ask("fg-unknown-unknown-unknown-" + std::to_string(i), "GET", "/v1/models");
    }
    for (int i = 0; i < 3; ++i) {
        ask(secrets_[Scope::Inspect], "GET", "/fulgurite/v1/captures/abc/row?position=" + std::to_string(i));
        ask(secrets_[Scope::Train], "GET", "/fulgurite/v1/runs/1/series"); // curves are no secret of the model
    }
    ask(secrets_[Scope::Inspect], "GET", "/fulgurite/v1/captures/other/file");
    ask(secrets_[Scope::Train], "GET", "/fulgurite/v1/runs/1/samples/7");
    ask(secrets_[Scope::Admin], "GET", "/fulgurite/v1/node/log");
    for (int i = 0; i < 3; ++i) { // an action is one each time
        ask(secrets_[Scope::Train], "POST", "/fulgurite/v1/runs", {{"name", "x"}});
    }
    const auto lines = [&] {
        const std::string text = readTextFile(audit);
        return std::count(text.begin(), text.end(), '\n');
    };
    constexpr int kFirsts = 1 + 2 + 1 + 1 + 3;
    EXPECT_TRUE(eventually([&] { return lines() == kFirsts; })) << readTextFile(audit);
    journal_->tick(std::chrono::steady_clock::now() + std::chrono::seconds(61));
    EXPECT_TRUE(eventually([&] { return lines() == kFirsts + 2; })) << readTextFile(audit);
    const std::string text = readTextFile(audit);
    EXPECT_THAT(text, HasSubstr("\"times\":199"));
    EXPECT_THAT(text, HasSubstr("\"times\":2"));
    EXPECT_THAT(text, testing::Not(HasSubstr("/series")));
    stopServer();
    journal_.reset();
}

TEST(RepeatedLines, ManyKeysAreOne) {
    RepeatedLines lines;
    const RepeatedLines::Clock::time_point now;
    std::size_t written = 0;
    for (int i = 0; i < 5000; ++i) {
        written += lines.add("peer " + std::to_string(i), {{"peer", i}}, now).size();
    }
    EXPECT_EQ(written, 1001U);
    const auto due = lines.due(now + std::chrono::seconds(60));
    ASSERT_EQ(due.size(), 1U);
    EXPECT_EQ(due[0], (json{{"peer", 4999}, {"times", 3999}}));
    EXPECT_TRUE(lines.due(now + std::chrono::seconds(120)).empty());
    EXPECT_EQ(lines.add("peer 1", {{"peer", 1}}, now + std::chrono::seconds(120)).size(), 1U) << "a new minute";
}

TEST(TokenList, IsWrittenForOneAndReadStrictly) {
    const TemporaryFolder folder;
    const auto path = folder / "tokens.json";
    EXPECT_TRUE(readTokenList(path).entries.empty());
    TokenList list;
    const std::string secret = newToken();
    EXPECT_EQ(secret.size(), 46U);
    EXPECT_NE(secret, newToken());
    list.entries.push_back({"ada", hashOfToken(secret), {Scope::Prompt, Scope::Train}, {60, 4, 1000, 0.5}, 7, 9});
    writeTokenList(path, list);
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    EXPECT_THAT(readTextFile(path), testing::Not(HasSubstr(secret)));
    const TokenEntry read = readTokenList(path).entries.at(0);
    EXPECT_EQ(read.name, "ada");
    EXPECT_EQ(read.sha256, hashOfToken(secret));
    EXPECT_EQ(read.scopes.names(), (std::vector<std::string>{"prompt", "train"}));
    EXPECT_EQ(read.limits.requests_per_minute, 60);
    EXPECT_EQ(read.limits.streams, 4U);
    EXPECT_EQ(read.limits.tokens_per_day, 1000U);
    EXPECT_EQ(read.limits.memory_share, 0.5);
    EXPECT_EQ(read.expires, 9);

    const std::string hash(64, 'a');
    const auto refusal = [&](const std::string& text) {
        try {
            parseTokenList(text, "file");
        } catch (const Error& error) {
            return std::string(error.what());
        }
        return std::string("accepted");
    };
    EXPECT_THAT(refusal("{"), HasSubstr("file: not valid JSON"));
    EXPECT_THAT(refusal("{}"), HasSubstr("'tokens': is needed"));
    EXPECT_THAT(refusal(R"({"tokens":[{"nam":"a"}]})"), HasSubstr("did you mean 'name'?"));
    EXPECT_THAT(refusal(R"({"tokens":[{"name":"a b","sha256":")" + hash + R"(","scopes":["prompt"]}]})"),
                HasSubstr("tokens[0].name"));
    EXPECT_THAT(refusal(R"({"tokens":[{"name":"a","sha256":"12","scopes":["prompt"]}]})"), HasSubstr("sha256"));
    EXPECT_THAT(refusal(R"({"tokens":[{"name":"a","sha256":")" + hash + R"(","scopes":["root"]}]})"),
                HasSubstr("there is no scope 'root'"));
    EXPECT_THAT(refusal(R"({"tokens":[{"name":"a","sha256":")" + hash +
                        R"(","scopes":["prompt"],"limits":{"streems":1}}]})"),
                HasSubstr("did you mean 'streams'?"));
    EXPECT_EQ(refusal(R"({"tokens":[{"name":"a","sha256":")" + hash + R"(","scopes":["prompt"]}]})"), "accepted");
}

} // namespace
} // namespace fulgurite::node::test
