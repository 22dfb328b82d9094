// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine inspect compare`: given tokens judged by the model as it is and under an intervention, or by
// another checkpoint.
#include "app/engine/default_model.h"
#include "app/engine/device_option.h"
#include "app/engine/inspect.h"
#include "app/engine/intervention_options.h"
#include "app/engine/token_file.h"
#include "core/base/error.h"
#include "core/checkpoint/safetensors.h"
#include "core/model/weights.h"
#include "core/probe/capture/capture_file.h"
#include "core/probe/comparison.h"
#include "core/probe/content_hash.h"

#include <algorithm>
#include <fmt/core.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

namespace fulgurite::app {

namespace {

struct CompareOptions {
    std::string model;
    std::string device;
    std::string against;
    std::string tokens;
    std::string capture;
    std::string out;
    InterventionOptions intervention;
    std::optional<std::size_t> first;
    std::size_t threads = 0;
    bool json = false;
};

struct Text {
    TokenIds tokens;
    std::size_t answer = 1; // first token to judge unless told otherwise
    std::string model = {}; // what a capture is of: name and hash
    std::string model_hash = {};
};

// The tokens of a capture; its answer is the last run of tokens that the model wrote.
Text captureText(const std::string& path) {
    const auto file = capture::CaptureFile::open(path);
    Text text;
    text.model = file->info().model;
    text.model_hash = file->info().model_hash;
    const auto tokens = file->tokens(0, file->info().tokens);
    std::size_t answer = tokens.size();
    while (answer > 0 && tokens[answer - 1].sampled) {
        --answer;
    }
    text.answer = answer == tokens.size() ? 1 : std::max<std::size_t>(answer, 1);
    std::transform(tokens.begin(), tokens.end(), std::back_inserter(text.tokens),
                   [](const capture::CapturedToken& token) { return token.id; });
    return text;
}

Text readText(const CompareOptions& options) {
    if (options.tokens.empty() == options.capture.empty()) {
        fail(ErrorKind::InvalidInput, "give the text with either --tokens FILE or --capture FILE");
    }
    return options.tokens.empty() ? captureText(options.capture) : Text{readTokenFile(options.tokens), 1};
}

// A capture may be judged by another model when that is what was asked for, not because none was named.
void checkIncludedModel(const Text& text, const HybridModel& model) {
    if (!text.model_hash.empty() && text.model_hash != probe::modelHash(*model.weights().checkpoint)) {
        fail(ErrorKind::InvalidInput,
             "the capture is of the model {}, not of the included one: name its folder with "
             "--model",
             text.model);
    }
}

void write(const std::string& path, const capture::TokenComparison& result) {
    SafetensorsWriter writer(path);
    const auto count = static_cast<std::int64_t>(result.size());
    writer.declare("first", DType::I64, {1});
    for (const char* name : {"logprob", "logprob_ablated", "kl"}) {
        writer.declare(name, DType::F32, {count});
    }
    writer.declare("best", DType::I32, {count});
    writer.declare("best_ablated", DType::I32, {count});
    const std::vector<std::int64_t> first{static_cast<std::int64_t>(result.first)};
    writer.append(std::as_bytes(std::span(first)));
    for (const auto* values : {&result.logprob, &result.changed, &result.kl}) {
        writer.append(std::as_bytes(std::span(*values)));
    }
    writer.append(std::as_bytes(std::span(result.best)));
    writer.append(std::as_bytes(std::span(result.best_changed)));
    writer.finish();
}

// changed: what the second model is, for a sentence.
void print(const capture::TokenComparison& result, bool json, const char* changed) {
    const auto mean = [count = static_cast<double>(result.size())](const std::vector<float>& values) {
        return std::accumulate(values.begin(), values.end(), 0.0) / count;
    };
    std::size_t other = 0;
    for (std::size_t i = 0; i < result.size(); ++i) {
        other += result.best[i] != result.best_changed[i] ? 1 : 0;
    }
    const double before = mean(result.logprob);
    const double after = mean(result.changed);
    if (json) {
        const nlohmann::ordered_json summary{{"first", result.first},      {"tokens", result.size()},
                                             {"mean_logprob", before},     {"mean_logprob_ablated", after},
                                             {"mean_kl", mean(result.kl)}, {"other_best", other}};
        fmt::print("{}\n", summary.dump());
        return;
    }
    fmt::print("{} tokens from {} on: mean log p {:.3f} as it is, {:.3f} {} ({:+.3f}); mean KL "
               "{:.3g} nats;\nanother token is the most likely one at {} of them\n",
               result.size(), result.first, before, after, changed, after - before, mean(result.kl), other);
}

void compare(const CompareOptions& options) {
    Text text = readText(options);
    const std::size_t first = options.first.value_or(text.answer);
    const auto model = loadModelOn(findModel(options.model), options.device);
    if (options.model.empty()) {
        checkIncludedModel(text, *model);
    }
    kernels::ThreadPool pool(options.threads);
    Intervention intervention = options.intervention.forText(first, text.tokens.size());
    const auto other = options.against.empty() ? nullptr : loadModelOn(options.against, options.device);
    probe::ComparisonRun run(model, std::move(text.tokens), std::move(intervention), first, other);
    while (!run.finished()) {
        constexpr std::size_t kChunk = 256;
        run.step(pool, kChunk);
    }
    const capture::TokenComparison result = run.take();
    if (!options.out.empty()) {
        write(options.out, result);
    }
    print(result, options.json, options.against.empty() ? "under the intervention" : "in the other");
}

} // namespace

void addInspectCompare(CLI::App& inspect) {
    auto options = std::make_shared<CompareOptions>();
    CLI::App* command = inspect.add_subcommand(
        "compare", "Judge the tokens of a text with the model as it is and with parts taken out");
    command->add_option("--model", options->model, "Checkpoint folder; the included model unless given");
    addDeviceOption(*command, options->device);
    command->add_option("--against", options->against,
                        "Another checkpoint with the same vocabulary in place of the model under the intervention");
    command->add_option("--tokens", options->tokens, "The text: JSON array of token ids");
    command->add_option("--capture", options->capture, "The text: of this capture");
    command->add_option("--first", options->first,
                        "First token that is judged (default: the answer of a capture, else 1)");
    command->add_option("--out", options->out, "Safetensors file to write");
    options->intervention.addTo(*command);
    command->add_option("--threads", options->threads, "Threads; 0 is one per core")->capture_default_str();
    command->add_flag("--json", options->json, "Print the means as JSON");
    command->footer(
        std::string(InterventionOptions::kFooter) +
        "Writes first I64 [1], and for each judged token logprob, logprob_ablated and kl F32 (nats; KL of "
        "the\nnext-token distributions, as it is against ablated), best and best_ablated I32.\n\n"
        "Example:\n"
        "  fulgurite-engine inspect compare --capture answer.fcap --heads 7:0,7:3\n"
        "  fulgurite-engine inspect compare --model M1 --against M1-int8 --tokens ids.json");
    command->callback([options] { compare(*options); });
}

} // namespace fulgurite::app
