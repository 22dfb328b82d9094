// SPDX-License-Identifier: Apache-2.0
// The options of `serve` and what the node's parts are told of them.
#pragma once

#include "app/engine/ranked_model.h"
#include "core/node/engine_service.h"
#include "core/node/http_server.h"
#include "core/node/model_shelf.h"
#include "core/node/request_journal.h"

#include <CLI/CLI.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace fulgurite::app {

struct ServeOptions {
    std::string model;
    std::string listen = "127.0.0.1:8080";
    std::string token_file;
    std::string data;
    std::string tls_certificate;
    std::string tls_key;
    std::string model_id;
    std::vector<std::string> models;
    std::vector<std::string> encoders;
    std::vector<std::string> embedders;
    std::size_t threads = 0;
    std::size_t memory_mib = 0;
    std::optional<std::size_t> snapshot_mib = std::nullopt;
    std::uint64_t capture_mib = std::uint64_t{16} << 10;
    std::size_t max_batch = 64;
    std::size_t body_mib = 32;
    std::size_t grace_seconds = 10;
    std::size_t linger_seconds = 0;
    std::size_t max_connections = 8192;
    std::size_t max_queue = 1024;
    std::size_t head_seconds = 15;
    std::size_t idle_seconds = 75;
    std::size_t write_seconds = 60;
    std::size_t request_seconds = 0;
    bool tls = false;
    RankOptions ranks;
    std::string device = "cpu";
    std::vector<std::string> shared_folders;
    std::vector<std::string> host_names;
    std::string log;
    std::string audit;
    bool log_prompts = false;
    bool insecure = false;
    bool exit_with_stdin = false;
};

struct Address {
    std::string host;
    std::uint16_t port = 0;
};

// "HOST:PORT", "[::1]:PORT". Throws Error{InvalidInput}.
Address parseAddress(const std::string& text);
bool isLoopback(const std::string& host);

// Every option but --config. The options must outlive the parsing.
void addServeOptions(CLI::App& command, ServeOptions& options);

// With the certificate that --tls-cert names or, for --tls, the node's own. Throws Error.
node::HttpServerOptions serverOptions(const ServeOptions& options, const Address& address);
// `on_loss`: see ModelWish.
node::EngineServiceOptions engineOptions(const ServeOptions& options,
                                         const std::function<void(const kernels::CommError&)>& on_loss);
// What a person had better know of the memory for snapshots; empty: nothing.
std::string snapshotNotice(const EngineStatus& status);
// The models that clients may have loaded: that of --model and those in the folders of --models.
node::ModelShelfOptions shelfOptions(const ServeOptions& options);
node::JournalOptions journalOptions(const ServeOptions& options);
// The included encoders and those of --encoders: each a CLIP folder, or a folder of some.
std::vector<std::filesystem::path> encodersOf(const ServeOptions& options);
// What tokens without the scope admin may name: --share-folder, the model and the sample images.
std::vector<std::filesystem::path> sharedFolders(const ServeOptions& options);
// What a node without a token is called: this machine's names, that of --listen, and --host-name.
std::vector<std::string> hostNames(const ServeOptions& options, const Address& address);

} // namespace fulgurite::app
