// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine chat`: a conversation in the terminal.
#include "app/engine/answer_sinks.h"
#include "app/engine/chat_input.h"
#include "app/engine/chat_session.h"
#include "app/engine/command.h"
#include "core/base/error.h"

#include <fmt/core.h>
#include <memory>

namespace fulgurite::app {

namespace {

struct ChatOptions {
    LocalEngineOptions engine;
    SamplerOptions sampler;
    std::string system;
    std::string load;
    bool hide_thinking = false;
};

void greet(const LocalEngine& local) {
    if (isTerminal(stdout)) {
        const ModelConfig& config = local.engine->model().config();
        fmt::print("{}: {:.1f} million parameters, {} tokens of context. /help lists the commands.\n",
                   local.folder.filename().string(), static_cast<double>(config.parameterCount()) / 1e6,
                   config.max_positions);
    }
}

// One trouble does not end a conversation.
bool handle(ChatSession& session, const std::string& message) {
    bool stay = true;
    try {
        stay = session.handle(message);
    } catch (const Error& error) {
        fmt::print(stderr, "{}\n", error.what());
    }
    std::fflush(stdout); // a program at the other end of a pipe waits for it
    return stay;
}

void converse(ChatSession& session, InterruptGuard& interrupts) {
    ChatInput input;
    std::string message;
    bool leaving = false; // Ctrl+C was pressed at the prompt, and nothing since
    while (true) {
        switch (input.read(interrupts, message)) {
        case ChatInput::Result::End:
            if (isTerminal(stdout)) {
                fmt::print("\n");
            }
            return;
        case ChatInput::Result::Interrupted:
            if (leaving) {
                fmt::print("\n");
                return;
            }
            leaving = true;
            fmt::print("\n(Ctrl+C again, or Ctrl+D, to leave)\n");
            std::fflush(stdout);
            break;
        case ChatInput::Result::Message:
            leaving = false;
            if (!handle(session, message)) {
                return;
            }
            break;
        }
    }
}

void chat(const CLI::App& command, ChatOptions options) {
    LocalEngine local = openLocalEngine(options.engine);
    if (!local.chat_template) {
        fail(ErrorKind::NotFound, "{} has no chat template; `run --raw` goes on from plain text",
             local.folder.string());
    }
    finishSamplerOptions(command, local.folder, options.sampler);
    greet(local);
    InterruptGuard interrupts;
    ChatSession session(local, options.sampler, options.system, options.hide_thinking, interrupts);
    if (!options.load.empty()) {
        session.handle("/load " + options.load);
    }
    converse(session, interrupts);
}

} // namespace

void addChat(CLI::App& app) {
    auto options = std::make_shared<ChatOptions>();
    CLI::App* command = app.add_subcommand("chat", "Talk with the model");
    command->add_option("-s,--system", options->system, "System prompt");
    command->add_option("--load", options->load, "Go on with a conversation that /save wrote");
    command->add_flag("--hide-thinking", options->hide_thinking, "Show the answers alone");
    addLocalEngineOptions(*command, options->engine);
    addSamplerOptions(*command, options->sampler);
    command->footer("A backslash at the end of a line goes on in the next; \"\"\" opens and closes a block of "
                    "lines.\nCtrl+C stops the answer; at the prompt, twice leaves. /help lists the commands.\n\n"
                    "Examples:\n"
                    "  fulgurite-engine chat\n"
                    "  fulgurite-engine chat -t 0 --thinking-budget 200 --system \"Answer in one sentence.\"\n"
                    "  printf 'What is 17+58?\\n/stats\\n' | fulgurite-engine chat");
    command->callback([options, command] { chat(*command, *options); });
}

} // namespace fulgurite::app
