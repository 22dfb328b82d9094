// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine serve`: the node. Listens first, says where in one line of JSON, then loads the model.
#include "app/engine/command.h"
#include "app/engine/default_model.h"
#include "app/engine/included_encoders.h"
#include "app/engine/rank_options.h"
#include "app/engine/train_job.h"
#include "core/base/error.h"
#include "core/node/auth.h"
#include "core/node/cascade_service.h"
#include "core/node/engine_service.h"
#include "core/node/http_server.h"
#include "core/node/job_service.h"
#include "core/node/model_host.h"
#include "core/node/node.h"
#include "core/node/runs_service.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <sys/resource.h>
#include <unistd.h>

namespace fulgurite::app {
namespace {

struct ServeOptions {
    std::string model;
    std::string listen = "127.0.0.1:8080";
    std::string token_file;
    std::string data;
    std::string tls_certificate;
    std::string tls_key;
    std::string model_id;
    std::vector<std::string> encoders;
    std::vector<std::string> embedders;
    std::size_t threads = 0;
    std::size_t memory_mib = 0;
    std::size_t snapshot_mib = 512;
    std::uint64_t capture_mib = std::uint64_t{16} << 10;
    std::size_t max_batch = 64;
    std::size_t body_mib = 32;
    std::size_t grace_seconds = 10;
    bool insecure = false;
    bool exit_with_stdin = false;
    RankOptions ranks;
};

struct Address {
    std::string host;
    std::uint16_t port = 0;
};

// "HOST:PORT", "[::1]:PORT".
Address parseAddress(const std::string& text) {
    const std::size_t colon = text.rfind(':');
    Address address;
    if (colon != std::string::npos) {
        address.host = text.substr(0, colon);
        const char* end = text.data() + text.size();
        const auto [last, code] = std::from_chars(text.data() + colon + 1, end, address.port);
        if (code == std::errc() && last == end && !address.host.empty()) {
            if (address.host.front() == '[' && address.host.back() == ']') {
                address.host = address.host.substr(1, address.host.size() - 2);
            }
            return address;
        }
    }
    fail(ErrorKind::InvalidInput, "--listen {}: expected HOST:PORT, for example 127.0.0.1:8080", text);
}

bool isLoopback(const std::string& host) {
    return host == "localhost" || host == "::1" || host.rfind("127.", 0) == 0;
}

std::string tokenFor(const ServeOptions& options, const Address& address) {
    if (!options.token_file.empty()) {
        const node::TokenFile file = node::readTokenFile(options.token_file);
        if (file.readable_by_others) {
            fmt::print(stderr, "warning: other users can read the token in {}; run: chmod 600 {}\n",
                       options.token_file, options.token_file);
        }
        return file.token;
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

node::HttpServerOptions serverOptions(const ServeOptions& options, const Address& address) {
    node::HttpServerOptions server;
    server.host = address.host;
    server.port = address.port;
    server.tls_certificate = options.tls_certificate;
    server.tls_key = options.tls_key;
    server.limits.body_bytes = std::uint64_t{options.body_mib} << 20;
    server.body_memory = std::max<std::uint64_t>(server.body_memory, server.limits.body_bytes * 2);
    server.grace = std::chrono::seconds(options.grace_seconds);
    server.stop_on_signals = true;
    server.stop_with_stdin = options.exit_with_stdin;
    return server;
}

node::EngineServiceOptions engineOptions(const ServeOptions& options) {
    node::EngineServiceOptions engine;
    engine.model = findModel(options.model);
    engine.id = options.model_id;
    engine.plan = planOf(options.ranks);
    engine.engine.threads = options.threads;
    engine.engine.memory_bytes = options.memory_mib << 20;
    engine.engine.snapshot_bytes = options.snapshot_mib << 20;
    engine.engine.max_batch = options.max_batch;
    engine.data = options.data;
    engine.capture_limit_bytes = options.capture_mib << 20;
    engine.embedders.assign(options.embedders.begin(), options.embedders.end());
    return engine;
}

// The included encoders and those of --encoders: each a CLIP folder, or a folder of some.
std::vector<std::filesystem::path> encodersOf(const ServeOptions& options) {
    namespace fs = std::filesystem;
    std::vector<fs::path> folders = includedEncoders();
    for (const std::string& named : options.encoders) {
        if (fs::exists(fs::path(named) / "config.json")) {
            folders.emplace_back(named);
            continue;
        }
        for (const fs::directory_entry& entry : fs::directory_iterator(named)) {
            if (fs::exists(entry.path() / "config.json")) {
                folders.push_back(entry.path());
            }
        }
    }
    return folders;
}

// The image libraries; null where the engine keeps nothing. A damaged database costs the libraries, not the node.
std::unique_ptr<node::CascadeService> openLibraries(const ServeOptions& options) {
    if (options.data.empty()) {
        return nullptr;
    }
    try {
        return std::make_unique<node::CascadeService>(node::CascadeServiceOptions{.data = options.data,
                                                                                  .encoders = encodersOf(options),
                                                                                  .samples = includedScenes(),
                                                                                  .threads = options.threads});
    } catch (const Error& error) {
        fmt::print(stderr, "fulgurite-engine: image libraries are off: {}\n", error.what());
        return nullptr;
    }
}

void announce(const Address& address, std::uint16_t port) {
    const nlohmann::json line{
        {"event", "listening"}, {"host", address.host}, {"port", port}, {"pid", static_cast<int>(::getpid())}};
    fmt::print("{}\n", line.dump());
    std::fflush(stdout);
}

// What the node does with its folder besides the model's own.
struct KeptServices {
    std::unique_ptr<node::RunsService> runs;
    std::unique_ptr<node::JobService> jobs;
};

KeptServices openKeptServices(const std::string& data) {
    KeptServices kept;
    if (data.empty()) {
        return kept;
    }
    const std::filesystem::path folder = std::filesystem::absolute(data);
    kept.runs = std::make_unique<node::RunsService>(folder / "runs.fulgurite");
    kept.jobs = std::make_unique<node::JobService>(folder / "jobs");
    kept.jobs->addKind("train", trainJobKind(kept.runs->file()));
    return kept;
}

void serve(const ServeOptions& options) {
    const Address address = parseAddress(options.listen);
    const std::string token = tokenFor(options, address);
    planOf(options.ranks); // what is wrong with it is told before anybody can connect
    if (!options.data.empty()) {
        std::error_code code;
        std::filesystem::create_directories(options.data, code);
        if (code) {
            fail(ErrorKind::Io, "--data {}: cannot create the folder: {}", options.data, code.message());
        }
    }
    raiseDescriptorLimit();
    std::signal(SIGPIPE, SIG_IGN);
    const KeptServices kept = openKeptServices(options.data);

    // Destroyed from the last to the first: the engine and the preparing thread may post to the server until then.
    node::Metrics metrics;
    node::HttpServer server(serverOptions(options, address), metrics);
    announce(address, server.port());
    node::ModelHost host([&options] { return node::loadEngineService(engineOptions(options)); },
                         [](const node::ModelHost& loaded) {
                             if (loaded.state() == node::ModelHost::State::Failed) {
                                 fmt::print(stderr, "fulgurite-engine: {}\n", loaded.message());
                             }
                         });
    const std::unique_ptr<node::CascadeService> libraries = openLibraries(options);
    node::Node handler(host, metrics, token, {}, {kept.runs.get(), kept.jobs.get(), libraries.get()});
    server.run(handler);
}

void addNetworkOptions(CLI::App& command, ServeOptions& options) {
    command.add_option("--listen", options.listen, "Address as HOST:PORT; port 0 takes any free one")
        ->capture_default_str();
    command.add_option("--token-file", options.token_file,
                       "File whose first line is the bearer token that clients must send; keep it mode 600");
    command.add_flag("--insecure", options.insecure, "Serve other machines without a token");
    command.add_option("--tls-cert", options.tls_certificate, "PEM certificate chain: serve HTTPS");
    command.add_option("--tls-key", options.tls_key, "PEM key of the certificate");
    command.add_option("--max-body-mib", options.body_mib, "Largest request body")
        ->check(CLI::Range(1, 1024))
        ->capture_default_str();
    command.add_option("--grace-seconds", options.grace_seconds, "Time for running answers after SIGTERM")
        ->capture_default_str();
    command.add_flag("--exit-with-stdin", options.exit_with_stdin, "End when standard input is closed");
}

} // namespace

void addServe(CLI::App& app) {
    auto options = std::make_shared<ServeOptions>();
    CLI::App* command = app.add_subcommand("serve", "Serve a model over HTTP: OpenAI-compatible and /fulgurite/v1");
    command->add_option("--model", options->model, "Model folder; the included model unless given");
    command->add_option("--model-id", options->model_id, "Name that clients use; the folder's name unless given");
    command->add_option("--data", options->data, "Folder for what this engine keeps");
    command->add_option(
        "--encoders", options->encoders,
        "CLIP folders for image search besides the included ones; a folder of such folders counts too");
    command->add_option("--capture-mib", options->capture_mib, "Largest capture of a run that clients may ask for")
        ->capture_default_str();
    command->add_option("--embedders", options->embedders,
                        "Folders of text encoders (BERT) on offer for collections and /v1/embeddings");
    command->add_option("--threads", options->threads, "Computing threads; 0 takes one for each core");
    command->add_option("--memory-mib", options->memory_mib,
                        "Memory for conversations' states; 0 takes half of what is free at start");
    command->add_option("--snapshot-mib", options->snapshot_mib, "Part of it for snapshots of prefixes")
        ->capture_default_str();
    command->add_option("--max-batch", options->max_batch, "Answers that are computed together")
        ->check(CLI::Range(1, 4096))
        ->capture_default_str();
    addNetworkOptions(*command, *options);
    addRankOptions(*command, options->ranks);
    command->footer("Examples:\n"
                    "  fulgurite-engine serve --model DIR\n"
                    "  openssl rand -hex 32 > token && chmod 600 token\n"
                    "  fulgurite-engine serve --model DIR --listen 0.0.0.0:8080 --token-file token\n"
                    "  curl -H \"Authorization: Bearer $(cat token)\" http://127.0.0.1:8080/v1/models");
    command->callback([options] { serve(*options); });
}

} // namespace fulgurite::app
