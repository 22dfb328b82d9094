// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine inspect capture`: records a run into a file that every view can be drawn from.
#include "app/engine/default_model.h"
#include "app/engine/device_option.h"
#include "app/engine/duration.h"
#include "app/engine/inspect.h"
#include "app/engine/interrupt.h"
#include "app/engine/list_option.h"
#include "app/engine/token_file.h"
#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/base/system_memory.h"
#include "core/generate/chat_tokens.h"
#include "core/model/weights.h"
#include "core/probe/capture_run.h"
#include "core/probe/content_hash.h"
#include "core/text/chat_template.h"
#include "core/text/tokenizer.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fmt/core.h>
#include <memory>
#include <unistd.h>

namespace fulgurite::app {

namespace {

struct CaptureOptions {
    std::string model;
    std::string device;
    std::string tokens;
    std::string prompt_file;
    std::string prompt;
    std::string out;
    bool raw = false;
    bool plan_only = false;
    std::size_t answer = 0;
    std::size_t threads = 0;
    std::uint64_t limit_mib = probe::kDefaultCaptureLimit >> 20;
    std::vector<std::string> layers;
    std::vector<std::string> heads;
    std::vector<std::string> positions;
    std::vector<std::string> fact;
    probe::CaptureRequest request;
};

// A model with the texts of its tokens; a folder without a tokenizer has none.
struct LoadedModel {
    std::filesystem::path folder;
    std::shared_ptr<const HybridModel> model;
    std::shared_ptr<const Tokenizer> tokenizer;
};

LoadedModel load(const CaptureOptions& options) {
    LoadedModel loaded{findModel(options.model), nullptr, nullptr};
    if (std::filesystem::exists(loaded.folder / "tokenizer.json")) {
        loaded.tokenizer = Tokenizer::load(loaded.folder);
    }
    loaded.model = loadModelOn(loaded.folder, options.device);
    return loaded;
}

TokenIds promptTokens(const CaptureOptions& options, const LoadedModel& loaded) {
    if (!options.tokens.empty()) {
        return readTokenFile(options.tokens);
    }
    if (!loaded.tokenizer) {
        fail(ErrorKind::InvalidInput, "{} has no tokenizer.json; give token ids with --tokens FILE",
             loaded.folder.string());
    }
    const std::string text = options.prompt_file.empty() ? options.prompt : readTextFile(options.prompt_file);
    if (options.raw) {
        return loaded.tokenizer->encode(text);
    }
    const auto chat = ChatTemplate::load(loaded.folder);
    return chatTokens(*chat, *loaded.tokenizer, {{{"role", "user"}, {"content", text}}}, {}, true);
}

// The most likely token each time, to the end of the answer or `count` tokens.
TokenIds answerTo(const TokenIds& prompt, std::size_t count, const HybridModel& model, kernels::ThreadPool& pool) {
    SequenceState state = model.newState();
    Workspace workspace;
    std::vector<float> logits;
    const TokenIds& ends = model.config().eos_token_ids;
    TokenIds answer;
    std::span<const TokenId> next(prompt);
    while (answer.size() < count) {
        SequenceChunk chunk{&state, next.first(std::min<std::size_t>(next.size(), 256)), LogitsWanted::Last};
        logits.clear();
        model.forward({&chunk, 1}, pool, workspace, logits);
        next = next.subspan(chunk.tokens.size());
        if (next.empty()) {
            answer.push_back(static_cast<TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin()));
            if (std::find(ends.begin(), ends.end(), answer.back()) != ends.end()) {
                break;
            }
            next = std::span(answer).last(1);
        }
    }
    return answer;
}

probe::CaptureSource sourceOf(const LoadedModel& loaded, const TokenIds& prompt, const TokenIds& answer) {
    probe::CaptureSource source;
    source.model = std::filesystem::weakly_canonical(loaded.folder).filename().string();
    source.model_hash = probe::modelHash(*loaded.model->weights().checkpoint);
    for (const auto& [ids, sampled] : {std::pair(&prompt, false), std::pair(&answer, true)}) {
        for (const TokenId id : *ids) {
            capture::CapturedToken token;
            token.id = id;
            token.special = loaded.tokenizer && loaded.tokenizer->isSpecial(id);
            token.sampled = sampled;
            source.tokens.push_back(token);
        }
    }
    const auto known = loaded.tokenizer ? static_cast<TokenId>(loaded.tokenizer->size()) : 0;
    for (TokenId id = 0; id < known; ++id) {
        source.vocabulary.emplace_back(loaded.tokenizer->bytesOf(id));
    }
    return source;
}

// Tokens per second over one chunk as a capture runs it, after one that brings the weights in.
double prefillRate(const HybridModel& model, std::span<const TokenId> tokens, kernels::ThreadPool& pool) {
    constexpr std::size_t kMeasured = 256;
    tokens = tokens.first(std::min(tokens.size(), kMeasured));
    double rate = 0;
    for (int i = 0; i < 2; ++i) {
        SequenceState state = model.newState();
        Workspace workspace;
        std::vector<float> logits;
        SequenceChunk chunk{&state, tokens, LogitsWanted::None};
        const auto begin = std::chrono::steady_clock::now();
        model.forward({&chunk, 1}, pool, workspace, logits);
        const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
        rate = static_cast<double>(tokens.size()) / seconds.count();
    }
    return rate;
}

void showProgress(std::size_t done, std::size_t total) {
    if (::isatty(STDERR_FILENO) == 1) {
        fmt::print(stderr, "\r{} of {} tokens{}", done, total, done == total ? "\n" : "");
    }
}

probe::CaptureRoom roomOf(const CaptureOptions& options) {
    const std::filesystem::path path = std::filesystem::current_path() / options.out; // a plan may have no file
    return {path.parent_path(), {}, options.limit_mib << 20};
}

// A text that cannot be captured whatever the answer is refused before the model reads it to write one.
void requireRoomFor(std::size_t tokens, const CaptureOptions& options, const ModelConfig& config) {
    probe::CaptureRequest least = options.request;
    least.last = 0;
    least.positions.reset();
    least.fact.reset(); // it may lie in the answer
    probe::requireFits(probe::estimateCapture(probe::planCapture(least, config, tokens), 0, 0, roomOf(options)));
}

void takeCapture(const CaptureOptions& options) {
    const LoadedModel loaded = load(options);
    kernels::ThreadPool pool(options.threads);
    const TokenIds prompt = promptTokens(options, loaded);
    if (options.answer > 0) {
        requireRoomFor(prompt.size(), options, loaded.model->config());
    }
    const TokenIds answer = answerTo(prompt, options.answer, *loaded.model, pool);
    const probe::CaptureSource source = sourceOf(loaded, prompt, answer);
    probe::CapturePlan plan = probe::planCapture(options.request, loaded.model->config(), source.tokens.size());
    probe::describeSource(plan, source);
    const std::filesystem::path path = options.out;
    const probe::CaptureEstimate estimate = probe::estimateCapture(
        plan, probe::vocabularyBytes(source.vocabulary), prefillRate(*loaded.model, prompt, pool), roomOf(options));
    fmt::print("{} tokens: {} in about {}\n", source.tokens.size(), readableBytes(estimate.bytes),
               durationText(estimate.seconds));
    std::fflush(stdout); // before anything runs, also into a pipe
    probe::requireFits(estimate);
    if (options.plan_only) {
        return;
    }
    InterruptGuard interrupts;
    std::stop_source stop;
    const auto begin = std::chrono::steady_clock::now();
    probe::CaptureRun run(loaded.model, std::move(plan), source, path);
    const auto progress = [&](std::size_t done) {
        showProgress(done, source.tokens.size());
        if (interrupts.take()) {
            stop.request_stop();
        }
    };
    const std::uint64_t bytes = probe::runCapture(run, probe::ownTurn(pool), progress, stop.get_token());
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    fmt::print("{}: {} in {}\n", options.out, readableBytes(bytes), durationText(seconds.count()));
}

void addSourceOptions(CLI::App& command, CaptureOptions& options) {
    command.add_option("--model", options.model, "Checkpoint folder; the included model unless given");
    addDeviceOption(command, options.device);
    auto* text = command.add_option_group("text", "What is run; exactly one");
    text->add_option("--tokens", options.tokens, "JSON array of token ids; needs no tokenizer");
    text->add_option("--prompt-file", options.prompt_file, "File with a message of the user");
    text->add_option("--prompt", options.prompt, "Message of the user");
    text->require_option(1);
    command.add_flag("--raw", options.raw, "The prompt is the text itself, not a message");
    command.add_option(
        "--answer", options.answer,
        "Write up to this many tokens of an answer first, the likeliest each time, and record them too");
}

void addPlanOptions(CLI::App& command, CaptureOptions& options) {
    command
        .add_option("--layers", options.layers,
                    "Layers whose queries, keys and values are kept; all unless --layers or --heads is given")
        ->type_name("L,...");
    command.add_option("--heads", options.heads, "Single heads that are kept beside those layers, or alone")
        ->type_name("L:H,...");
    command.add_option("--positions", options.positions, "Query positions of head figures and lens")
        ->type_name("P,...");
    command.add_option("--last", options.request.last, "Without --positions: this many tokens at the end")
        ->capture_default_str();
    command.add_option("--fact", options.fact, "Marked span FIRST,END of tokens whose recall is looked for")
        ->type_name("FIRST,END");
    command.add_option("--lens-candidates", options.request.lens_candidates, "Tokens that the lens lists")
        ->capture_default_str();
    command.add_flag("!--no-attention-outputs", options.request.every_output,
                     "Keep head outputs at the query positions only");
    command.add_flag("!--no-heads", options.request.heads, "Leave head figures out");
    command.add_flag("!--no-lens", options.request.lens, "Leave the lens out");
    command.add_flag("!--no-routing", options.request.routing, "Leave the experts out");
    command.add_flag("!--no-logprobs", options.request.logprobs, "Leave the tokens' log-probabilities out");
    command.add_option("--limit-mib", options.limit_mib, "Refuse a larger capture")->capture_default_str();
    command.add_flag("--plan", options.plan_only, "Only say what it would take");
}

void readPlan(CaptureOptions& options) {
    if (options.out.empty() && !options.plan_only) {
        fail(ErrorKind::InvalidInput,
             "name the file to write with --out FILE, or ask with --plan what it would take");
    }
    if (!options.layers.empty()) {
        options.request.attention_layers = numbersOf<int>(options.layers, "--layers");
    }
    for (const std::string& head : listOf(options.heads, "--heads")) {
        options.request.attention_heads.push_back(readHead(head, "--heads"));
    }
    if (!options.positions.empty()) {
        options.request.positions = numbersOf<std::size_t>(options.positions, "--positions");
    }
    if (!options.fact.empty()) {
        const auto span = numbersOf<std::size_t>(options.fact, "--fact");
        if (span.size() != 2) {
            fail(ErrorKind::InvalidInput, "--fact: {} numbers, expected FIRST,END as in 370,374", span.size());
        }
        options.request.fact = std::pair(span[0], span[1]);
    }
}

} // namespace

void addInspectCapture(CLI::App& inspect) {
    auto options = std::make_shared<CaptureOptions>();
    CLI::App* command = inspect.add_subcommand("capture", "Record a run into a file that holds all views");
    addSourceOptions(*command, *options);
    addPlanOptions(*command, *options);
    command->add_option("--threads", options->threads, "Threads; 0 is one per core")->capture_default_str();
    command->add_option("--out", options->out, "Capture file to write, .fcap; not needed with --plan");
    command->footer(
        "Examples:\n"
        "  fulgurite-engine inspect capture --model DIR --prompt-file question.txt --answer 200 --out "
        "q.fcap\n"
        "  fulgurite-engine inspect capture --model DIR --tokens ids.json --layers 3,7 --plan\n"
        "  fulgurite-engine inspect capture --model DIR --tokens ids.json --heads 7:0,7:3 --out x.fcap");
    command->callback([options] {
        readPlan(*options);
        takeCapture(*options);
    });
}

} // namespace fulgurite::app
