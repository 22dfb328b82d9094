// SPDX-License-Identifier: Apache-2.0
// What one token makes is not there for another: every address with an id is tried, every list is read, and the
// snapshots of prompts tell nothing.
#include "core/node/cascade_service.h"
#include "core/node/engine_service.h"
#include "core/node/job_service.h"
#include "core/node/ledger.h"
#include "core/node/route_paths.h"
#include "core/node/runs_service.h"
#include "tests/node/node_fixture.h"
#include "tests/unit/temporary_folder.h"
#include "tests/unit/test_paths.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace fulgurite::node::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::string kBase = "/fulgurite/v1/";
const ScopeSet kUser{Scope::Prompt, Scope::Inspect, Scope::Train};

JobCommand sleeper(const json& /*spec*/, const std::filesystem::path& /*folder*/) {
    return {"/bin/sh", "-c", "sleep 60"};
}

class IsolationTest : public NodeTest {
  protected:
    void SetUp() override {
        load_ = [this] {
            EngineServiceOptions options;
            options.model = fulgurite::test::sourceDir() / "resources/models/ember";
            options.data = root();
            options.engine.threads = 2;
            return loadEngineService(options);
        };
        runs_ = std::make_unique<RunsService>(data_ / "runs.fulgurite");
        jobs_ =
            std::make_unique<JobService>(data_ / "jobs", JobServiceLimits{.grace = std::chrono::milliseconds(200)});
        jobs_->addKind("sleep", sleeper);
        const std::filesystem::path resources = fulgurite::test::sourceDir() / "resources";
        cascade_ = std::make_unique<CascadeService>(CascadeServiceOptions{
            .data = root(), .encoders = {resources / "models/spyglass-s"}, .samples = {}, .threads = 1});
        std::filesystem::create_directories(data_ / "shared");
        std::ofstream(data_ / "shared/one.txt") << "A text about ships and stars.";
        services_ = {.runs = runs_.get(),
                     .jobs = jobs_.get(),
                     .cascade = cascade_.get(),
                     .ledger = std::make_shared<Ledger>(data_ / "owners.fulgurite"),
                     .shared_folders = {std::filesystem::canonical(data_ / "shared")}};
        ada_ = addToken("ada", kUser);
        bob_ = addToken("bob", kUser);
        admin_ = addToken("root", {Scope::Admin});
        NodeTest::SetUp();
    }

    // Something of each kind, by that token; the id stands behind the prefix of the kind's routes.
    std::map<Kind, std::string> makeAll(const std::string& token) {
        std::map<Kind, std::string> ids;
        const auto events =
            parseEvents(ask(token, "POST", kBase + "captures", {{"tokens", {5, 6, 7, 8, 9, 10}}}).body);
        ids[Kind::Capture] = events.back().json().at("id");
        const json run = ask(token, "POST", kBase + "runs", {{"name", "r"}}).json();
        ids[Kind::Run] = run.at("id").dump();
        uuid_ = run.at("uuid");
        ids[Kind::Job] = ask(token, "POST", kBase + "jobs", {{"kind", "sleep"}, {"spec", json::object()}})
                             .json()
                             .at("id")
                             .dump();
        ids[Kind::Library] =
            ask(token, "POST", kBase + "libraries", {{"name", "l"}, {"folders", {(data_ / "shared").string()}}})
                .json()
                .at("id")
                .dump();
        ids[Kind::Collection] =
            ask(token, "POST", kBase + "collections", {{"name", "c"}, {"stored", {{{"layer", 0}}}}})
                .json()
                .at("id");
        const json text{{"tokens", {5, 6, 7, 8, 9, 10}}};
        json prompt = text;
        prompt["stop"] = {{"max_tokens", 2}};
        ask(token, "POST", kBase + "generate", prompt);
        ids[Kind::State] = ask(token, "POST", kBase + "states", text).json().at("id");
        return ids;
    }
    static std::vector<std::string> viewsOf(Kind kind) {
        switch (kind) {
        case Kind::Capture:
            return {"", "/tokens", "/file", "/row?layer=0&head=0&position=1", "/routing/summary"};
        case Kind::Run:
            return {"", "/series", "/points?series=1", "/marks", "/samples", "/rewind", "/finish"};
        case Kind::Job:
            return {"", "/log", "/pause", "/resume", "/stop"};
        case Kind::Library:
            return {"", "/images", "/unreadable", "/ledger", "/scan", "/query", "/simulate", "/evaluate"};
        case Kind::Collection:
            return {"",        "/documents", "/documents/0", "/heads?layer=0", "/queries", "/evaluations",
                    "/ingest", "/search",    "/job",         "/projection"};
        case Kind::State:
            return {"", "/piece", "/restore"};
        default:
            return {};
        }
    }
    std::filesystem::path root() const { return (data_ / "x").parent_path(); }
    json listOf(const std::string& token, const std::string& what) {
        return ask(token, "GET", kBase + what).json().at(what);
    }

    TemporaryFolder data_;
    std::unique_ptr<RunsService> runs_;
    std::unique_ptr<JobService> jobs_;
    std::unique_ptr<CascadeService> cascade_;
    std::string ada_, bob_, admin_, uuid_;
};

TEST_F(IsolationTest, EveryAddressWithAnIdIsUnreachableForAnother) {
    const std::map<Kind, std::string> ids = makeAll(ada_);
    std::size_t tried = 0;
    for (const RouteInfo& route : allRoutes()) {
        if (route.kind == Kind::None) {
            continue;
        }
        for (const std::string& view : viewsOf(route.kind)) {
            const std::string method(route.method);
            const std::string path = std::string(route.path) + ids.at(route.kind) + view;
            const ClientReply foreign = ask(bob_, method, path);
            if (foreign.status == 405) {
                continue; // that very address takes other methods, for everybody
            }
            EXPECT_EQ(foreign.status, 404) << method << " " << path << ": " << foreign.body;
            const std::string none = std::string(route.path) + "999999999" + view;
            // In the words that one gets that does not exist, its own name aside.
            std::string expected = ask(bob_, method, none).body;
            const std::size_t at = expected.find("999999999");
            ASSERT_NE(at, std::string::npos) << expected;
            expected.replace(at, 9, ids.at(route.kind));
            EXPECT_EQ(foreign.body, expected) << method << " " << path;
            ++tried;
        }
    }
    EXPECT_GE(tried, 50U);
    EXPECT_EQ(ask(bob_, "GET", kBase + "runs/" + uuid_).status, 404) << "a run has two names";
    EXPECT_EQ(ask(bob_, "POST", kBase + "runs", {{"uuid", uuid_}, {"continue", true}}).status, 404);
    for (const auto& [kind, id] : ids) { // and all of it is there for its owner
        const std::string path = kind == Kind::Library ? "libraries" : std::string(nameOf(kind)) + "s";
        EXPECT_EQ(ask(ada_, "GET", kBase + path + "/" + id).status, 200) << path;
        EXPECT_EQ(ask(admin_, "GET", kBase + path + "/" + id).status, 200) << path;
    }
}

// Samples, pictures, documents and series have numbers that count up over all owners, or names that can be guessed.
TEST_F(IsolationTest, ASecondIdIsLookedForBehindTheFirstAlone) {
    std::filesystem::copy_file(fulgurite::test::sourceDir() / "resources/images/scenes/00000.webp",
                               data_ / "shared/one.webp");
    const auto hers = makeAll(ada_);
    const auto his = makeAll(bob_);
    const std::string run = kBase + "runs/" + hers.at(Kind::Run);
    ASSERT_EQ(ask(ada_, "POST", run + "/points", {{"step", 1}, {"values", {{"loss", 0.5}}}}).status, 200);
    ASSERT_EQ(
        ask(ada_, "POST", run + "/samples", {{"samples", {{{"step", 1}, {"prompt", "a secret of hers"}}}}}).status,
        200);
    const std::string sample = ask(ada_, "GET", run + "/samples?step=1").json()["samples"][0].at("id").dump();
    const std::string series = ask(ada_, "GET", run + "/series").json()["series"][0].at("id").dump();
    const std::string library = kBase + "libraries/" + hers.at(Kind::Library);
    ask(ada_, "POST", library + "/scan", {{"action", "start"}});
    json images;
    ASSERT_TRUE(eventually([&] {
        images = ask(ada_, "GET", library + "/images?count=1").json()["images"];
        return !images.empty();
    }));
    const std::string image = images[0].at("id").dump();
    const std::string collection = kBase + "collections/" + hers.at(Kind::Collection);
    ASSERT_EQ(
        ask(ada_, "POST", collection + "/ingest", {{"paths", {(data_ / "shared/one.txt").string()}}}).status, 200);
    ASSERT_TRUE(eventually([&] { return ask(ada_, "GET", collection + "/documents/0").status == 200; }));
    struct Second {
        Kind kind;
        std::string view; // with her id in it
        bool made = true; // she can read it
    };
    const std::map<std::string, Second> seconds{
        {"/fulgurite/v1/runs/{run}/samples/{sample}", {Kind::Run, "/samples/" + sample}},
        {"/fulgurite/v1/libraries/{id}/images/{image}", {Kind::Library, "/images/" + image}},
        {"/fulgurite/v1/libraries/{id}/images/{image}/thumbnail", {Kind::Library, "/images/" + image + "/thumbnail"}},
        {"/fulgurite/v1/collections/{id}/documents/{document}", {Kind::Collection, "/documents/0"}},
        {"/fulgurite/v1/collections/{id}/evaluations/{record}",
         {Kind::Collection, "/evaluations/1-fusion", false}},
    };
    const auto pathOf = [](Kind kind, const std::string& id) {
        return kBase + (kind == Kind::Library ? "libraries" : std::string(nameOf(kind)) + "s") + "/" + id;
    };
    for (const RoutePath& route : routePaths()) {
        const std::string path(route.path);
        if (std::count(path.begin(), path.end(), '{') < 2) {
            continue;
        }
        ASSERT_TRUE(seconds.contains(path)) << path << " is new: try it here";
        const Second& second = seconds.at(path);
        const ClientReply own = ask(ada_, "GET", pathOf(second.kind, hers.at(second.kind)) + second.view);
        EXPECT_EQ(own.status, second.made ? 200 : 404) << path << own.body;
        const ClientReply foreign = ask(bob_, "GET", pathOf(second.kind, his.at(second.kind)) + second.view);
        EXPECT_EQ(foreign.status, 404) << path << foreign.body;
    }
    const std::string own = kBase + "runs/" + his.at(Kind::Run);
    const ClientReply stranger = ask(bob_, "GET", own + "/samples/" + sample);
    EXPECT_EQ(stranger.errorText(), "run " + his.at(Kind::Run) + " has no sample " + sample);
    EXPECT_EQ(ask(bob_, "GET", own + "/points?series=" + series).status, 404);
    EXPECT_EQ(ask(bob_, "GET", own + "/histograms?series=" + series).status, 404);
    EXPECT_EQ(ask(ada_, "GET", run + "/points?series=" + series).status, 200);
}

TEST_F(IsolationTest, ListsShowWhatIsOnesOwn) {
    makeAll(ada_);
    for (const char* what : {"captures", "runs", "jobs", "libraries", "collections"}) {
        EXPECT_EQ(listOf(ada_, what).size(), 1U) << what;
        EXPECT_EQ(listOf(bob_, what).size(), 0U) << what;
        EXPECT_EQ(listOf(admin_, what).size(), 1U) << what;
    }
    makeAll(bob_); // with the same names, which tells him nothing
    EXPECT_EQ(listOf(bob_, "collections")[0]["name"], "c");
    EXPECT_EQ(listOf(ada_, "libraries")[0]["name"], "l");
    for (const char* what : {"captures", "runs", "jobs", "libraries", "collections"}) {
        EXPECT_EQ(listOf(ada_, what).size(), 1U) << what;
        EXPECT_EQ(listOf(bob_, what).size(), 1U) << what;
        EXPECT_EQ(listOf(admin_, what).size(), 2U) << what;
    }
}

TEST_F(IsolationTest, OwnersAreKnownAfterARestart) {
    const auto ids = makeAll(ada_);
    stopServer();
    services_.ledger.reset();
    services_.ledger = std::make_shared<Ledger>(data_ / "owners.fulgurite");
    startServer();
    EXPECT_EQ(ask(bob_, "GET", kBase + "runs/" + ids.at(Kind::Run)).status, 404);
    EXPECT_EQ(ask(ada_, "GET", kBase + "runs/" + ids.at(Kind::Run)).status, 200);
}

TEST_F(IsolationTest, TheSameCaptureIsTakenByEachForThemselves) {
    const auto ids = makeAll(ada_);
    const auto events = parseEvents(ask(bob_, "POST", kBase + "captures", {{"tokens", {5, 6, 7, 8, 9, 10}}}).body);
    EXPECT_NE(events.back().json().at("id"), ids.at(Kind::Capture)) << "it was computed, not found";
    EXPECT_EQ(listOf(bob_, "captures").size(), 1U);
    EXPECT_EQ(listOf(admin_, "captures").size(), 2U);
}

TEST_F(IsolationTest, SnapshotsOfPromptsAreOnesOwn) {
    json tokens = json::array();
    for (int i = 0; i < 200; ++i) {
        tokens.push_back(10 + i % 50);
    }
    const json prompt{{"tokens", tokens}, {"stop", {{"max_tokens", 2}}}};
    const auto reused = [&](const std::string& token) {
        const auto events = parseEvents(ask(token, "POST", kBase + "generate", prompt).body);
        return events.back().json().at("usage").at("reused_tokens").get<int>();
    };
    const auto cost = [&](const std::string& token) {
        return ask(token, "POST", kBase + "reentry", {{"sequences", {{{"tokens", tokens}}}}})
            .json()
            .at("costs")[0]
            .at("reused")
            .get<int>();
    };
    EXPECT_EQ(reused(ada_), 0);
    EXPECT_GT(reused(ada_), 100);
    EXPECT_EQ(cost(bob_), 0);
    EXPECT_GT(cost(ada_), 100);
    EXPECT_EQ(reused(bob_), 0);
}

TEST_F(IsolationTest, WhatIsSharedIsReadByAllAndChangedByItsOwner) {
    const auto ids = makeAll(ada_);
    const std::string path = kBase + "libraries/" + ids.at(Kind::Library);
    const json share{{"kind", "library"}, {"id", ids.at(Kind::Library)}};
    EXPECT_EQ(ask(bob_, "POST", kBase + "share", share).status, 404);
    EXPECT_EQ(ask(ada_, "POST", kBase + "share", share).status, 200);
    EXPECT_EQ(ask(bob_, "GET", path).status, 200);
    EXPECT_EQ(listOf(bob_, "libraries").size(), 1U);
    EXPECT_EQ(ask(bob_, "DELETE", path).status, 403);
    EXPECT_EQ(ask(bob_, "PATCH", path, {{"name", "mine"}}).status, 403);
    EXPECT_EQ(ask(bob_, "POST", kBase + "share", share).status, 403);
    json back = share;
    back["shared"] = false;
    EXPECT_EQ(ask(ada_, "POST", kBase + "share", back).status, 200);
    EXPECT_EQ(ask(bob_, "GET", path).status, 404);
    EXPECT_EQ(ask(ada_, "DELETE", path).status, 200);
}

TEST_F(IsolationTest, ARunThatIsSharedIsGoneOnWithByItsOwnerAlone) {
    const auto ids = makeAll(ada_);
    const std::string path = kBase + "runs/" + ids.at(Kind::Run);
    const auto share = [&](const std::string& token, const std::string& uuid) {
        return ask(token, "POST", kBase + "share", {{"kind", "run"}, {"id", uuid}}).status;
    };
    EXPECT_EQ(ask(ada_, "POST", path + "/finish").status, 200);
    EXPECT_EQ(share(ada_, uuid_), 200);
    const json go_on{{"uuid", uuid_}, {"continue", true}};
    EXPECT_EQ(ask(bob_, "GET", path).json().at("status"), "finished");
    EXPECT_EQ(ask(bob_, "POST", kBase + "runs", go_on).status, 403);
    EXPECT_EQ(ask(bob_, "GET", path).json().at("status"), "finished") << "nothing has happened to it";
    EXPECT_EQ(ask(ada_, "POST", kBase + "runs", go_on).status, 200);
    EXPECT_EQ(ask(bob_, "GET", path).status, 200) << "it is shared still";
    // One that is nobody's, as those from before there were tokens: shared by an administrator, it stays nobody's.
    const std::string old = RunWriter::create(runs_->file(), NewRun{})->uuid();
    EXPECT_EQ(share(admin_, old), 200);
    EXPECT_EQ(ask(bob_, "POST", kBase + "runs", {{"uuid", old}, {"continue", true}}).status, 403);
    EXPECT_EQ(ask(admin_, "POST", kBase + "runs", {{"uuid", old}, {"continue", true}}).status, 200);
    EXPECT_EQ(ask(bob_, "DELETE", kBase + "runs/" + old).status, 403);
    EXPECT_EQ(ask(ada_, "GET", kBase + "runs/" + old).status, 200);
}

TEST_F(IsolationTest, ACaptureThatIsTakenAgainStaysShared) {
    const auto ids = makeAll(ada_);
    const std::string path = kBase + "captures/" + ids.at(Kind::Capture);
    EXPECT_EQ(
        ask(ada_, "POST", kBase + "share", {{"kind", "capture"}, {"id", ids.at(Kind::Capture)}}).status, 200);
    EXPECT_EQ(ask(bob_, "GET", path).status, 200);
    ask(ada_, "POST", kBase + "captures", {{"tokens", {5, 6, 7, 8, 9, 10}}});
    EXPECT_EQ(ask(bob_, "GET", path).status, 200);
}

TEST_F(IsolationTest, FilesOfTheNodeAreNamedByAdministratorsAndInSharedFoldersAlone) {
    const auto ids = makeAll(ada_);
    const std::string ingest = kBase + "collections/" + ids.at(Kind::Collection) + "/ingest";
    for (const std::string& path : {std::string("/etc/passwd"), (data_ / "shared/../owners.fulgurite").string(),
                                    (data_ / "shared2").string(), root().string(), std::string("relative")}) {
        const ClientReply reply = ask(ada_, "POST", ingest, {{"paths", {path}}});
        EXPECT_EQ(reply.status, 403) << path << reply.body;
        EXPECT_EQ(ask(ada_, "POST", kBase + "libraries", {{"name", "x"}, {"folders", {path}}}).status, 403) << path;
        EXPECT_EQ(ask(ada_, "POST", kBase + "embedders", {{"folder", path}}).status, 403) << path;
        EXPECT_EQ(ask(ada_, "POST", kBase + "collections",
                      {{"name", "x"}, {"embedder", path}, {"stored", {{{"layer", 0}}}}})
                      .status,
                  403)
            << path;
    }
    std::filesystem::create_directory_symlink("/etc", data_ / "shared/link");
    EXPECT_EQ(ask(ada_, "POST", ingest, {{"paths", {(data_ / "shared/link/passwd").string()}}}).status, 403);
    EXPECT_EQ(ask(ada_, "POST", ingest, {{"paths", {(data_ / "shared/one.txt").string()}}}).status, 200);
    for (const char* config : {R"({"out":"x"})", R"({"runs":"/tmp/x"})", R"({"model":"/etc"})",
                               R"({"data":["../../3/run/model"]})", R"({"init":{"config":"/etc/passwd"}})"}) {
        const json job{{"kind", "sleep"}, {"spec", {{"config", json::parse(config)}}}};
        EXPECT_EQ(ask(ada_, "POST", kBase + "jobs", job).status, 403) << config;
        EXPECT_EQ(ask(admin_, "POST", kBase + "jobs", job).status, 200) << config;
        const std::string id = listOf(admin_, "jobs")[0].at("id").dump();
        ask(admin_, "POST", kBase + "jobs/" + id + "/stop");
        ASSERT_TRUE(
            eventually([&] { return ask(admin_, "GET", kBase + "jobs/" + id).json().at("state") == "stopped"; }));
    }
}

TEST_F(IsolationTest, ARunBelongsToWhoStartedTheJobThatWritesIt) {
    const auto ids = makeAll(ada_);
    NewRun run;
    run.source_uri = (data_ / "jobs" / ids.at(Kind::Job) / "run").string();
    const std::string uuid = RunWriter::create(runs_->file(), run)->uuid();
    EXPECT_EQ(listOf(ada_, "runs").size(), 2U);
    EXPECT_EQ(ask(ada_, "GET", kBase + "runs/" + uuid).status, 200);
    EXPECT_EQ(ask(bob_, "GET", kBase + "runs/" + uuid).status, 404);
    const std::string job = kBase + "jobs/" + ids.at(Kind::Job);
    ask(ada_, "POST", job + "/stop");
    ASSERT_TRUE(eventually([&] { return ask(ada_, "DELETE", job).status == 200; }));
    // Nobody knows any more whose job it was.
    ask(bob_, "POST", kBase + "jobs", {{"kind", "sleep"}, {"spec", json::object()}});
    EXPECT_EQ(ask(bob_, "GET", kBase + "runs/" + uuid).status, 404);
    EXPECT_EQ(ask(ada_, "GET", kBase + "runs/" + uuid).status, 200);
}

} // namespace
} // namespace fulgurite::node::test
