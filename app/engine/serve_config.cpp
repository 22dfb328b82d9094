// SPDX-License-Identifier: Apache-2.0
#include "app/engine/serve_config.h"

#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/base/nearest_name.h"

#include <nlohmann/json.hpp>

#include <utility>

namespace fulgurite::app {

namespace {

using nlohmann::json;

constexpr std::size_t kLargestFile = std::size_t{1} << 20;

json readObject(const std::string& file) {
    if (file.empty()) {
        return json::object();
    }
    json object;
    try {
        object = json::parse(readTextFile(file, kLargestFile));
    } catch (const json::exception& error) {
        fail(ErrorKind::InvalidInput, "{}: not valid JSON: {}", file, error.what());
    }
    if (!object.is_object()) {
        fail(ErrorKind::InvalidInput, "{}: must be one JSON object of options", file);
    }
    return object;
}

// As it would be typed.
std::string wordOf(const json& value, const std::string& file, const std::string& key) {
    if (value.is_string()) {
        return value.get<std::string>();
    }
    if (value.is_number() || value.is_boolean()) {
        return value.dump();
    }
    fail(ErrorKind::InvalidInput, "{}: '{}' must be text, a number, true, false or a list of them", file, key);
}

[[noreturn]] void refuseKey(const CLI::App& command, const std::string& file, const std::string& key) {
    std::vector<std::string> names;
    for (const CLI::Option* option : command.get_options()) {
        names.push_back(option->get_single_name());
    }
    const auto nearest = nearestName(key, names);
    fail(ErrorKind::InvalidInput, "{}: there is no option '{}'{}", file, key.substr(0, 64),
         nearest ? "; did you mean '" + *nearest + "'?" : "; `fulgurite-engine serve --help` lists them");
}

void give(CLI::Option& option, const std::vector<std::string>& words, const std::string& where) {
    try {
        for (const std::string& word : words) {
            option.add_result(word);
        }
        option.run_callback();
    } catch (const CLI::Error& error) {
        fail(ErrorKind::InvalidInput, "{}: {}", where, error.what());
    }
}

} // namespace

TypedOptions typedOptions(const CLI::App& command) {
    TypedOptions typed;
    for (const CLI::Option* option : command.get_options()) {
        if (option->count() > 0) {
            typed[option->get_name()] = option->results();
        }
    }
    return typed;
}

ServeOptions readServeOptions(const TypedOptions& typed, const std::string& file) {
    ServeOptions options;
    CLI::App command;
    command.set_help_flag();
    addServeOptions(command, options);
    const json object = readObject(file);
    for (const auto& [key, value] : object.items()) {
        CLI::Option* option = command.get_option_no_throw("--" + key);
        if (option == nullptr) {
            refuseKey(command, file, key);
        }
        if (typed.contains(option->get_name()) || value.is_null()) {
            continue;
        }
        std::vector<std::string> words;
        for (const json& each : value.is_array() ? value : json::array({value})) {
            words.push_back(wordOf(each, file, key));
        }
        give(*option, words, file);
    }
    for (const auto& [name, words] : typed) {
        if (CLI::Option* option = command.get_option_no_throw(name)) {
            give(*option, words, "command line");
        }
    }
    return options;
}

std::vector<std::string> needRestart(const ServeOptions& running, const ServeOptions& wanted) {
    std::vector<std::string> names;
    const auto compare = [&](const char* name, const auto& before, const auto& now) {
        if (!(before == now)) {
            names.emplace_back(name);
        }
    };
    compare("model", running.model, wanted.model);
    compare("model-id", running.model_id, wanted.model_id);
    compare("listen", running.listen, wanted.listen);
    compare("token-file", running.token_file.empty(), wanted.token_file.empty());
    compare("data", running.data, wanted.data);
    compare("tls", running.tls || !running.tls_certificate.empty(), wanted.tls || !wanted.tls_certificate.empty());
    compare("tls-cert", running.tls_certificate, wanted.tls_certificate);
    compare("tls-key", running.tls_key, wanted.tls_key);
    compare("encoders", running.encoders, wanted.encoders);
    compare("embedders", running.embedders, wanted.embedders);
    compare("share-folder", running.shared_folders, wanted.shared_folders);
    compare("host-name", running.host_names, wanted.host_names);
    compare("models", running.models, wanted.models);
    compare("ranks", running.ranks.ranks, wanted.ranks.ranks);
    compare("expert-split", running.ranks.experts, wanted.ranks.experts);
    compare("device", running.device, wanted.device);
    compare("threads", running.threads, wanted.threads);
    compare("memory-mib", running.memory_mib, wanted.memory_mib);
    compare("snapshot-mib", running.snapshot_mib, wanted.snapshot_mib);
    compare("capture-mib", running.capture_mib, wanted.capture_mib);
    compare("max-batch", running.max_batch, wanted.max_batch);
    compare("max-queue", running.max_queue, wanted.max_queue);
    compare("log", running.log, wanted.log);
    compare("log-prompts", running.log_prompts, wanted.log_prompts);
    compare("audit", running.audit, wanted.audit);
    compare("insecure", running.insecure, wanted.insecure);
    compare("exit-with-stdin", running.exit_with_stdin, wanted.exit_with_stdin);
    return names;
}

} // namespace fulgurite::app
