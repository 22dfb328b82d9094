// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine serve`: the node. Listens first, says where in one line of JSON, then loads the model.
#include "app/engine/command.h"
#include "app/engine/default_model.h"
#include "app/engine/device_option.h"
#include "app/engine/included_encoders.h"
#include "app/engine/serve_config.h"
#include "app/engine/train_job.h"
#include "core/base/error.h"
#include "core/base/version.h"
#include "core/node/auth.h"
#include "core/node/cascade_service.h"
#include "core/node/job_service.h"
#include "core/node/ledger.h"
#include "core/node/model_host.h"
#include "core/node/node.h"
#include "core/node/runs_service.h"
#include "core/node/tls_identity.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <mutex>
#include <sys/resource.h>
#include <system_error>
#include <unistd.h>

namespace fulgurite::app {
namespace {

// Who may use the node.
node::TokenFile tokensFor(const ServeOptions& options, const Address& address) {
    if (!options.token_file.empty()) {
        node::TokenFile file = node::readTokenFile(options.token_file);
        if (file.readable_by_others) {
            fmt::print(stderr, "warning: other users can read the tokens in {}; run: chmod 600 {}\n",
                       options.token_file, options.token_file);
        }
        return file;
    }
    if (!isLoopback(address.host) && !options.insecure) {
        fail(ErrorKind::InvalidInput,
             "--listen {}: other machines can reach this address, so a token is needed: give --token-file FILE, "
             "or --insecure to serve everybody",
             options.listen);
    }
    fmt::print(stderr, "warning: no --token-file: everybody who reaches {} may use this node\n", options.listen);
    return {};
}

// A thousand connections need a thousand descriptors; the usual soft limit is 1024.
void raiseDescriptorLimit() {
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = std::min<rlim_t>(files.rlim_max, 65536);
        ::setrlimit(RLIMIT_NOFILE, &files);
    }
}

// What was used today before the last restart counts still.
void restoreUse(const node::AccessControl& access, const node::Ledger& ledger) {
    const std::int64_t today = node::CallerUse::dayOf(node::unixSeconds());
    for (const auto& caller : access.callers()) {
        caller->use->restore(ledger.spent(caller->name, today), today);
    }
}

// What the node does with its folder besides the model's own; what cannot be opened is off, with the reason.
struct Kept {
    std::shared_ptr<node::Ledger> ledger;
    std::unique_ptr<node::RunsService> runs;
    std::unique_ptr<node::JobService> jobs;
    std::unique_ptr<node::CascadeService> libraries;
    std::vector<node::FeatureProblem> problems;
};

// A part that cannot be started costs its feature, not the node.
template <class Open>
void openPart(Kept& kept, const std::string& feature, const Open& open) {
    try {
        open();
    } catch (const std::exception& error) {
        fmt::print(stderr, "fulgurite-engine: {} are off: {}\n", feature, error.what());
        kept.problems.push_back({feature, error.what()});
    }
}

// Without it nobody but administrators could be shown what is theirs: a damaged one is put aside, never guessed at.
std::shared_ptr<node::Ledger> openLedger(Kept& kept, const std::filesystem::path& folder) {
    const std::filesystem::path file = folder / "owners.fulgurite";
    try {
        return std::make_shared<node::Ledger>(file);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::Corrupt) {
            throw;
        }
        std::filesystem::path aside = file;
        aside += fmt::format(".damaged-{}", node::unixSeconds());
        std::filesystem::rename(file, aside);
        for (const char* suffix : {"-wal", "-shm"}) {
            std::error_code ignored;
            std::filesystem::remove(file.string() + suffix, ignored);
        }
        const std::string reason = fmt::format("{} It is now {}; what it knew belongs to administrators alone",
                                               error.what(), aside.string());
        fmt::print(stderr, "fulgurite-engine: who owns what was forgotten: {}\n", reason);
        kept.problems.push_back({"owners", reason});
        return std::make_shared<node::Ledger>(file);
    }
}

Kept openKept(const ServeOptions& options) {
    Kept kept;
    if (options.data.empty()) {
        kept.ledger = std::make_shared<node::Ledger>();
        return kept;
    }
    const std::filesystem::path folder = std::filesystem::absolute(options.data);
    kept.ledger = openLedger(kept, folder);
    openPart(kept, "runs", [&] { kept.runs = std::make_unique<node::RunsService>(folder / "runs.fulgurite"); });
    openPart(kept, "jobs", [&] {
        if (!kept.runs) {
            fail(ErrorKind::Unavailable, "a job writes into the runs file, which could not be opened");
        }
        kept.jobs = std::make_unique<node::JobService>(folder / "jobs");
        kept.jobs->addKind("train", trainJobKind(kept.runs->file(), std::filesystem::absolute(options.model)),
                           trainPatience);
    });
    return kept;
}

// Behind the announcement: the parent waits for the address, not for databases.
void openLibraries(Kept& kept, const ServeOptions& options) {
    if (options.data.empty()) {
        return;
    }
    openPart(kept, "image libraries", [&] {
        kept.libraries =
            std::make_unique<node::CascadeService>(node::CascadeServiceOptions{.data = options.data,
                                                                               .encoders = encodersOf(options),
                                                                               .samples = includedScenes(),
                                                                               .threads = options.threads});
    });
    if (kept.libraries && kept.libraries->sampleLibrary() != 0) {
        kept.ledger->share(node::Kind::Library, std::to_string(kept.libraries->sampleLibrary()), true);
    }
}

void announce(const node::HttpServerOptions& server, std::uint16_t port) {
    nlohmann::json line{
        {"event", "listening"}, {"host", server.host}, {"port", port}, {"pid", static_cast<int>(::getpid())}};
    if (!server.tls_certificate.empty()) {
        line["tls"] = true;
        line["fingerprint"] = node::fingerprintOf(server.tls_certificate);
        fmt::print(stderr, "certificate {}: SHA-256 fingerprint {}\n", server.tls_certificate,
                   line["fingerprint"].get<std::string>());
    }
    fmt::print("{}\n", line.dump());
    std::fflush(stdout);
}

void makeFolder(const std::string& folder) {
    std::error_code code;
    std::filesystem::create_directories(folder, code);
    if (code) {
        fail(ErrorKind::Io, "--data {}: cannot create the folder: {}", folder, code.message());
    }
}

// A node that runs, and what of it can be changed while it does.
class RunningNode {
  public:
    RunningNode(TypedOptions typed, std::string config)
        : typed_(std::move(typed)), config_(std::move(config)), options_(readServeOptions(typed_, config_)) {}

    void run();

  private:
    node::HttpServerOptions listening();
    void reload();
    void reloadTokensIfChanged();
    void fall(const std::string& reason);
    void tellModel(const node::ModelHost& host);

    TypedOptions typed_;
    std::string config_;
    ServeOptions options_;
    Address address_;
    std::unique_ptr<node::AccessControl> access_;
    std::string token_file_; // whose tokens count; empty: there are none
    std::filesystem::file_time_type tokens_changed_;
    node::Metrics metrics_;
    std::shared_ptr<node::RequestJournal> journal_;
    node::HttpServer* server_ = nullptr;
    node::Node* node_ = nullptr;
    std::mutex fallen_mutex_;
    std::string fallen_; // why the node must end
};

std::filesystem::file_time_type changeOf(const std::string& file) {
    std::error_code ignored;
    return std::filesystem::last_write_time(file, ignored);
}

// What a mistake in a file breaks must not be the node that runs: everything is read before anything is changed.
void RunningNode::reload() {
    try {
        const ServeOptions wanted = readServeOptions(typed_, config_);
        const node::HttpServerOptions changed = serverOptions(wanted, address_);
        // Whether there are tokens at all is for a start to say: a line that is missing must not open the node.
        const bool other_tokens = !token_file_.empty() && !wanted.token_file.empty();
        const auto time = changeOf(wanted.token_file);
        const node::TokenFile tokens = other_tokens ? tokensFor(wanted, address_) : node::TokenFile();
        journal_->reopen();
        server_->reloadCertificate();
        server_->change(changed);
        if (other_tokens) {
            access_->replace(tokens);
            token_file_ = wanted.token_file;
            tokens_changed_ = time;
        }
        journal_->event("reloaded", {{"need_restart", needRestart(options_, wanted)}});
        fmt::print(stderr, "fulgurite-engine: configuration and tokens were read again\n");
        for (const std::string& name : needRestart(options_, wanted)) {
            fmt::print(stderr, "fulgurite-engine: '{}' has changed and is only read at a start\n", name);
        }
    } catch (const std::exception& error) {
        fmt::print(stderr, "fulgurite-engine: nothing was changed: {}\n", error.what());
        journal_->event("reload_failed", {{"message", error.what()}});
    }
}

void RunningNode::reloadTokensIfChanged() {
    if (token_file_.empty() || changeOf(token_file_) == tokens_changed_) {
        return;
    }
    tokens_changed_ = changeOf(token_file_);
    try {
        access_->replace(node::readTokenFile(token_file_));
        journal_->event("tokens_reloaded", {{"file", token_file_}});
    } catch (const std::exception& error) {
        fmt::print(stderr, "fulgurite-engine: the tokens stay as they were: {}\n", error.what());
        journal_->event("reload_failed", {{"message", error.what()}});
    }
}

node::HttpServerOptions RunningNode::listening() {
    node::HttpServerOptions server = serverOptions(options_, address_);
    server.on_hangup = [this] { reload(); };
    server.on_tick = [this, ticks = 0]() mutable {
        constexpr int kTidyEach = 60;
        if (++ticks % kTidyEach == 0 && node_ != nullptr) {
            node_->tidy();
        }
        journal_->tick();
        reloadTokensIfChanged();
    };
    server.on_drain = [this] {
        if (node_ != nullptr) {
            node_->drain();
        }
        journal_->event("draining", nlohmann::json::object());
    };
    return server;
}

// One rank of a launch cannot serve without the others: the node ends as on SIGTERM, and says why.
void RunningNode::fall(const std::string& reason) {
    const std::lock_guard lock(fallen_mutex_);
    if (fallen_.empty()) {
        fallen_ = reason;
        ::kill(::getpid(), SIGTERM);
    }
}

// On the host's thread, after each change.
void RunningNode::tellModel(const node::ModelHost& host) {
    const node::ModelHost::State state = host.state();
    if (state == node::ModelHost::State::Failed) {
        if (launchOf(options_.ranks)) {
            fall(host.message());
        } else {
            fmt::print(stderr, "fulgurite-engine: {}\n", host.message());
        }
        return journal_->event("model_failed", {{"message", host.message()}});
    }
    nlohmann::json fields{{"state", node::nameOf(state)}};
    if (const auto model = host.find()) {
        fields["model"] = model->facts().id;
        if (const std::string notice = snapshotNotice(model->status()); !notice.empty()) {
            fmt::print(stderr, "fulgurite-engine: {}\n", notice);
        }
    }
    journal_->event("model_changed", fields);
}

void RunningNode::run() {
    const auto launch = launchOf(options_.ranks);
    if (launch && launch->rank != 0) { // rank 0 alone listens
        loadRanked({.folder = findModel(options_.model),
                    .ranks = options_.ranks,
                    .device = options_.device,
                    .threads = options_.threads});
    }
    address_ = parseAddress(options_.listen);
    token_file_ = options_.token_file;
    tokens_changed_ = changeOf(token_file_);
    access_ = std::make_unique<node::AccessControl>(tokensFor(options_, address_));
    deviceNamed(options_.device); // what is wrong with it is told before anybody can connect
    for (const std::string& folder : options_.models) {
        if (!std::filesystem::is_directory(folder)) {
            fail(ErrorKind::NotFound, "--models {}: there is no such folder", folder);
        }
    }
    if (!options_.data.empty()) {
        makeFolder(options_.data);
    }
    raiseDescriptorLimit();
    std::signal(SIGPIPE, SIG_IGN);
    Kept kept = openKept(options_);
    restoreUse(*access_, *kept.ledger);

    // Destroyed from the last to the first: the engine and the preparing thread may post to the server until then.
    journal_ = std::make_shared<node::RequestJournal>(journalOptions(options_), metrics_, kept.ledger);
    const node::HttpServerOptions server_options = listening();
    node::HttpServer server(server_options, metrics_);
    server_ = &server;
    announce(server_options, server.port());
    journal_->event("started", {{"listen", options_.listen}, {"port", server.port()}, {"version", kVersion}});
    const auto on_loss = [this](const kernels::CommError& error) {
        fall(fmt::format("the ranks of the model stopped: {}", error.what()));
    };
    node::ModelHost host(
        [&](node::LoadProgress&) { return node::loadEngineService(engineOptions(options_, on_loss)); },
        [this](const node::ModelHost& changed) { tellModel(changed); });
    node::ModelShelf shelf(shelfOptions(options_));
    openLibraries(kept, options_);
    node::Node handler(host, metrics_, *access_, {},
                       {.runs = kept.runs.get(),
                        .jobs = kept.jobs.get(),
                        .cascade = kept.libraries.get(),
                        .models = launch ? nullptr : &shelf, // the other ranks have the one that they were started with
                        .ledger = kept.ledger,
                        .problems = kept.problems,
                        .shared_folders = sharedFolders(options_),
                        .host_names = hostNames(options_, address_)},
                       journal_);
    node_ = &handler;
    server.run(handler);
    journal_->event("ended", nlohmann::json::object());
    const std::lock_guard lock(fallen_mutex_);
    if (!fallen_.empty()) {
        fail(ErrorKind::Unavailable, "{}", fallen_);
    }
}

} // namespace

void addServe(CLI::App& app) {
    struct Parsed {
        ServeOptions options;
        std::string config;
    };
    auto parsed = std::make_shared<Parsed>();
    CLI::App* command = app.add_subcommand("serve", "Serve a model over HTTP: OpenAI-compatible and /fulgurite/v1");
    addServeOptions(*command, parsed->options);
    command->add_option(
        "--config", parsed->config,
        "JSON object with any of these options, without the dashes; the command line wins. Read again "
        "on SIGHUP");
    command->footer("Examples:\n"
                    "  fulgurite-engine serve --model DIR\n"
                    "  fulgurite-engine token new --file tokens.json ada --scopes prompt,inspect > ada.token\n"
                    "  fulgurite-engine serve --model DIR --listen 0.0.0.0:8080 --token-file tokens.json\n"
                    "  curl -H \"Authorization: Bearer $(cat ada.token)\" http://127.0.0.1:8080/v1/models");
    command->callback([command, parsed] { RunningNode(typedOptions(*command), parsed->config).run(); });
}

} // namespace fulgurite::app
