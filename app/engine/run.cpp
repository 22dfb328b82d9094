// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine run`: one prompt, one answer.
#include "app/engine/answer_sinks.h"
#include "app/engine/answer_stream.h"
#include "app/engine/command.h"
#include "app/engine/local_engine.h"
#include "app/engine/sampler_options.h"
#include "app/engine/standard_input.h"
#include "core/base/error.h"
#include "core/generate/chat_tokens.h"
#include "core/generate/prompt_thinking.h"
#include "core/generate/sampler.h"

#include <fmt/core.h>
#include <memory>
#include <unistd.h>

namespace fulgurite::app {

namespace {

constexpr std::size_t kMaxPromptBytes = std::size_t{256} << 20;

struct RunOptions {
    LocalEngineOptions engine;
    SamplerOptions sampler;
    std::string prompt;
    std::string system;
    bool has_prompt = false;
    bool raw = false;
    bool json = false;
    bool stats = false;
    bool hide_thinking = false;
    int alternatives = 0;
};

// A line break at the end of piped input is the shell's, not the person's.
std::string promptText(const RunOptions& options) {
    if (options.has_prompt && options.prompt != "-") {
        return options.prompt;
    }
    if (::isatty(STDIN_FILENO) == 1) {
        fmt::print(stderr, "(type the prompt and end it with Ctrl+D on a line of its own)\n");
    }
    std::string text = readStandardInput(kMaxPromptBytes);
    if (!options.raw && text.ends_with('\n')) {
        text.pop_back();
    }
    return text;
}

TokenIds promptTokens(const RunOptions& options, const LocalEngine& local) {
    const std::string text = promptText(options);
    if (options.raw) {
        return local.tokenizer->encode(text);
    }
    if (!local.chat_template) {
        fail(ErrorKind::NotFound, "{} has no chat template; use --raw to let the model go on from the text itself",
             local.folder.string());
    }
    nlohmann::json messages = nlohmann::json::array();
    if (!options.system.empty()) {
        messages.push_back({{"role", "system"}, {"content", options.system}});
    }
    messages.push_back({{"role", "user"}, {"content", text}});
    return chatTokens(*local.chat_template, *local.tokenizer, messages, {}, true);
}

void run(const CLI::App& command, RunOptions options) {
    LocalEngine local = openLocalEngine(options.engine);
    finishSamplerOptions(command, local.folder, options.sampler);
    GenerateRequest request;
    request.prompt = promptTokens(options, local);
    request.sampler = options.sampler.sampler;
    request.stop = options.sampler.stop;
    request.alternatives = options.alternatives;
    request.report_tokens = options.json;
    std::unique_ptr<AnswerSink> sink;
    if (options.json) {
        sink = std::make_unique<JsonSink>(local.tokenizer, request.prompt.size(), request.sampler.seed);
    } else {
        sink = std::make_unique<TextSink>(TextSink::Options{options.hide_thinking});
    }
    InterruptGuard interrupts;
    const GenerationSummary summary = streamAnswer(
        *local.engine, request, thinkingAtEnd(request.prompt, *local.tokenizer).splitter, *sink, interrupts);
    if (options.stats) {
        fmt::print(stderr, "{}; seed {}\n", describe(summary), request.sampler.seed);
    }
    if (summary.reason == FinishReason::Cancelled) {
        throw CLI::RuntimeError(kExitInterrupted);
    }
}

} // namespace

void addRun(CLI::App& app) {
    auto options = std::make_shared<RunOptions>();
    CLI::App* command = app.add_subcommand("run", "Answer one prompt");
    CLI::Option* prompt = command->add_option("prompt,-p,--prompt", options->prompt,
                                              "The prompt; without it, or \"-\": standard input");
    command->add_option("-s,--system", options->system, "System prompt");
    command->add_flag("--raw", options->raw, "Go on from the text itself, without the chat template");
    command->add_flag("--json", options->json, "Lines of JSON: every token with its probabilities");
    command->add_option("--alternatives", options->alternatives, "With --json: the best N tokens at each place")
        ->check(CLI::Range(0, kMaxAlternatives));
    command->add_flag("--hide-thinking", options->hide_thinking, "Print the answer alone");
    command->add_flag("--stats", options->stats, "Say at the end how long it took, on standard error");
    addLocalEngineOptions(*command, options->engine);
    addSamplerOptions(*command, options->sampler);
    command->footer(
        "Examples:\n"
        "  fulgurite-engine run \"What is 17+58?\"\n"
        "  fulgurite-engine run -t 0 --stats --hide-thinking < question.txt\n"
        "  fulgurite-engine run --raw -n 50 --seed 7 \"Once upon a time\"\n"
        "  fulgurite-engine run --json --alternatives 5 \"Sort 9 2 5\" | jq -c 'select(.event==\"token\")'");
    command->callback([options, prompt, command] {
        options->has_prompt = prompt->count() > 0;
        run(*command, *options);
    });
}

} // namespace fulgurite::app
