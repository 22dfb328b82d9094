// SPDX-License-Identifier: Apache-2.0
#include "app/engine/serve_options.h"

#include "app/engine/default_model.h"
#include "app/engine/device_option.h"
#include "app/engine/included_encoders.h"
#include "core/base/error.h"
#include "core/base/system_memory.h"
#include "core/node/host_check.h"
#include "core/node/tls_identity.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <fmt/format.h>
#include <system_error>

namespace fulgurite::app {

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

node::HttpServerOptions serverOptions(const ServeOptions& options, const Address& address) {
    node::HttpServerOptions server;
    server.host = address.host;
    server.port = address.port;
    server.tls_certificate = options.tls_certificate;
    server.tls_key = options.tls_key;
    if (options.tls && options.tls_certificate.empty() && options.tls_key.empty()) {
        if (options.data.empty()) {
            fail(ErrorKind::InvalidInput,
                 "--tls keeps the certificate that it makes in the data folder: give --data DIR, or --tls-cert and "
                 "--tls-key");
        }
        const node::TlsIdentity own = node::ownIdentity(std::filesystem::path(options.data) / "tls", address.host);
        server.tls_certificate = own.certificate.string();
        server.tls_key = own.key.string();
    }
    server.limits.body_bytes = std::uint64_t{options.body_mib} << 20;
    server.body_memory = std::max<std::uint64_t>(server.body_memory, server.limits.body_bytes * 2);
    server.grace = std::chrono::seconds(options.grace_seconds);
    server.linger = std::chrono::seconds(options.linger_seconds);
    server.max_connections = options.max_connections;
    server.timeouts.head = std::chrono::seconds(options.head_seconds);
    server.timeouts.idle = std::chrono::seconds(options.idle_seconds);
    server.timeouts.write = std::chrono::seconds(options.write_seconds);
    server.timeouts.request = std::chrono::seconds(options.request_seconds);
    server.stop_on_signals = true;
    server.stop_with_stdin = options.exit_with_stdin;
    return server;
}

node::EngineServiceOptions engineOptions(const ServeOptions& options,
                                         const std::function<void(const kernels::CommError&)>& on_loss) {
    node::EngineServiceOptions engine;
    engine.model = findModel(options.model);
    engine.id = options.model_id;
    engine.load = [options, on_loss](const std::filesystem::path& folder) {
        return loadRanked({.folder = folder,
                           .ranks = options.ranks,
                           .device = options.device,
                           .threads = options.threads,
                           .on_loss = on_loss});
    };
    engine.engine.threads = threadsOfRank(options.ranks, options.threads);
    engine.engine.memory_bytes = memoryOfRank(options.ranks, options.device, options.memory_mib << 20);
    if (options.snapshot_mib) {
        engine.engine.snapshot_bytes = *options.snapshot_mib << 20;
    }
    engine.engine.max_batch = options.max_batch;
    engine.engine.max_queue = options.max_queue;
    engine.data = options.data;
    engine.capture_limit_bytes = options.capture_mib << 20;
    engine.embedders.assign(options.embedders.begin(), options.embedders.end());
    return engine;
}

std::string snapshotNotice(const EngineStatus& status) {
    if (status.snapshot_tokens >= kWorthKeeping || status.snapshot_limit == 0 ||
        status.snapshot_limit >= status.memory_limit) {
        return {}; // enough, switched off, or all that there is
    }
    return fmt::format("snapshots may take {}: of a conversation of more than {} tokens none is kept, and every edit "
                       "computes all of it again; a larger --snapshot-mib changes that",
                       readableBytes(status.snapshot_limit), status.snapshot_tokens);
}

node::ModelShelfOptions shelfOptions(const ServeOptions& options) {
    namespace fs = std::filesystem;
    node::ModelShelfOptions shelf;
    const auto add = [&shelf](const fs::path& folder) {
        std::error_code code;
        fs::path whole = fs::weakly_canonical(folder, code);
        if (!code) {
            shelf.roots.push_back(std::move(whole));
        }
    };
    add(findModel(options.model));
    for (const std::string& folder : options.models) {
        add(folder);
    }
    shelf.device = options.device;
    const std::shared_ptr<kernels::Device> device = deviceNamed(options.device);
    shelf.free_bytes = [device] { return device ? device->info().free_bytes : availableMemory(); };
    shelf.load = [options, first = shelf.roots.front()](const fs::path& folder, const std::string& id,
                                                         node::LoadProgress& progress) {
        node::EngineServiceOptions engine = engineOptions(options, nullptr);
        engine.model = folder;
        engine.id = folder == first ? options.model_id : fs::path(id).filename().string();
        progress.tell("placing weights");
        return node::loadEngineService(engine);
    };
    return shelf;
}

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

node::JournalOptions journalOptions(const ServeOptions& options) {
    node::JournalOptions journal;
    journal.log = options.log;
    journal.prompts = options.log_prompts;
    journal.audit = options.audit;
    if (journal.audit.empty() && !options.data.empty()) {
        journal.audit = (std::filesystem::path(options.data) / "audit.jsonl").string();
    }
    return journal;
}

std::vector<std::filesystem::path> sharedFolders(const ServeOptions& options) {
    namespace fs = std::filesystem;
    std::vector<fs::path> folders;
    const auto add = [&folders](const fs::path& folder) {
        std::error_code code;
        fs::path whole = fs::weakly_canonical(folder, code);
        if (!code && !folder.empty()) {
            folders.push_back(std::move(whole));
        }
    };
    for (const std::string& folder : options.shared_folders) {
        add(folder);
    }
    add(findModel(options.model));
    add(includedScenes());
    return folders;
}

std::vector<std::string> hostNames(const ServeOptions& options, const Address& address) {
    std::vector<std::string> names = node::machineNames();
    names.push_back(address.host);
    names.insert(names.end(), options.host_names.begin(), options.host_names.end());
    return names;
}

namespace {

void addNetworkOptions(CLI::App& command, ServeOptions& options) {
    command.add_option("--listen", options.listen, "Address as HOST:PORT; port 0 takes any free one")
        ->capture_default_str();
    command.add_flag("--tls", options.tls,
                     "Serve HTTPS with a certificate that this node makes and keeps in its data folder; its "
                     "fingerprint is printed for clients to compare");
    command.add_option("--tls-cert", options.tls_certificate, "PEM certificate chain: serve HTTPS");
    command.add_option("--tls-key", options.tls_key, "PEM key of the certificate");
    command.add_option("--max-body-mib", options.body_mib, "Largest request body")
        ->check(CLI::Range(1, 1024))
        ->capture_default_str();
    command
        .add_option("--max-connections", options.max_connections,
                    "Open connections; the longest idle one gives way")
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str();
    command.add_option("--head-seconds", options.head_seconds, "Time for the head of a request to arrive")
        ->check(CLI::Range(1, 3600))
        ->capture_default_str();
    command.add_option("--idle-seconds", options.idle_seconds, "Time that a connection may be idle")
        ->check(CLI::Range(1, 86400))
        ->capture_default_str();
    command
        .add_option("--write-seconds", options.write_seconds, "Time that a client may take nothing of its answer")
        ->check(CLI::Range(1, 86400))
        ->capture_default_str();
    command.add_option("--request-seconds", options.request_seconds, "Time that an answer may take; 0 is no limit")
        ->check(CLI::Range(0, 1'000'000))
        ->capture_default_str();
    command.add_option("--grace-seconds", options.grace_seconds, "Time for running answers after SIGTERM")
        ->check(CLI::Range(0, 86400))
        ->capture_default_str();
    command
        .add_option("--linger-seconds", options.linger_seconds,
                    "Time to go on listening after SIGTERM, not ready, for load balancers to notice")
        ->check(CLI::Range(0, 3600))
        ->capture_default_str();
    command.add_flag("--exit-with-stdin", options.exit_with_stdin, "End when standard input is closed");
}

void addAccessOptions(CLI::App& command, ServeOptions& options) {
    command.add_option(
        "--token-file", options.token_file,
        "Who may use this node: a list made with `fulgurite-engine token`, or a file whose first line "
        "is the one bearer token. Keep it mode 600");
    command.add_flag("--insecure", options.insecure, "Serve other machines without a token");
    command.add_option("--host-name", options.host_names,
                       "Names, besides those of this machine, under which clients reach a node without a token; "
                       "others are refused, for web pages may take any");
    command.add_option("--share-folder", options.shared_folders,
                       "Folders of this machine whose files clients without the scope admin may name");
    command.add_option("--log", options.log, "File for one line of JSON for each request; - is standard error");
    command.add_flag("--log-prompts", options.log_prompts, "Write the bodies of prompts into the log, too");
    command.add_option("--audit", options.audit,
                       "File that every inspecting, training and administrating action is appended to; audit.jsonl "
                       "in the data folder unless given");
}

} // namespace

void addServeOptions(CLI::App& command, ServeOptions& options) {
    command.add_option("--model", options.model, "Model folder; the included model unless given");
    command.add_option("--model-id", options.model_id, "Name that clients use; the folder's name unless given");
    command.add_option("--models", options.models,
                       "Folders with models that clients with the scope admin may have loaded in place of this one");
    command.add_option("--data", options.data, "Folder for what this engine keeps");
    command.add_option(
        "--encoders", options.encoders,
        "CLIP folders for image search besides the included ones; a folder of such folders counts too");
    command.add_option("--capture-mib", options.capture_mib, "Largest capture of a run that clients may ask for")
        ->capture_default_str();
    command.add_option("--embedders", options.embedders,
                       "Folders of text encoders (BERT) on offer for collections and /v1/embeddings");
    command.add_option("--threads", options.threads, "Computing threads; 0 takes one for each core");
    command.add_option("--memory-mib", options.memory_mib,
                       "Memory for conversations' states; 0 takes half of what is free at start");
    command.add_option("--snapshot-mib", options.snapshot_mib,
                       "Part of it for snapshots of prefixes; unless given a quarter, and room for two long ones");
    command.add_option("--max-batch", options.max_batch, "Answers that are computed together")
        ->check(CLI::Range(1, 4096))
        ->capture_default_str();
    command.add_option("--max-queue", options.max_queue, "Requests that may wait for room; further ones get a 429")
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str();
    addNetworkOptions(command, options);
    addAccessOptions(command, options);
    addRankOptions(command, options.ranks);
    addDeviceOption(command, options.device);
}

} // namespace fulgurite::app
