// SPDX-License-Identifier: Apache-2.0
#include "app/engine/chat_session.h"

#include "app/engine/answer_sinks.h"
#include "app/engine/answer_stream.h"
#include "core/base/atomic_file.h"
#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/base/json.h"
#include "core/base/json_field.h"
#include "core/base/system_memory.h"
#include "core/generate/chat_tokens.h"
#include "core/generate/prompt_thinking.h"

#include <algorithm>
#include <cstdint>
#include <fmt/core.h>
#include <utility>

namespace fulgurite::app {

namespace {

constexpr const char* kFileFormat = "fulgurite.chat";

// Shows the answer and keeps it.
class KeepingSink final : public AnswerSink {
  public:
    KeepingSink(ChatMessage& message, bool hide_thinking) : message_(message), shown_({hide_thinking}) {}

    void prefill(const PrefillProgress& progress) override { shown_.prefill(progress); }
    void token(const StreamedToken& token) override {
        message_.content += token.text;
        message_.tokens.push_back(token.record.id);
        shown_.token(token);
    }
    void finish(const GenerationSummary& summary, const std::string& rest) override {
        message_.content += rest;
        shown_.finish(summary, rest);
    }

  private:
    ChatMessage& message_;
    TextSink shown_;
};

ChatMessage readMessage(const JsonField& json) {
    ChatMessage message{json.at("role").string(), json.at("content").string(), {}};
    if (message.role != "user" && message.role != "assistant") {
        fail(ErrorKind::Corrupt, "{}: role is \"{}\", expected user or assistant", json.path(), message.role);
    }
    if (json.has("tokens")) {
        const JsonField tokens = json.at("tokens");
        for (std::size_t i = 0; i < tokens.size(); ++i) {
            message.tokens.push_back(static_cast<TokenId>(tokens.at(i).integer(0, INT32_MAX)));
        }
    }
    return message;
}

} // namespace

struct ChatSession::Command {
    const char* name;
    const char* argument;
    const char* help;
    std::function<bool(ChatSession&, const std::string&)> run; // false: leave
};

const std::vector<ChatSession::Command>& ChatSession::commands() {
    using Session = ChatSession;
    static const std::vector<Command> list = {
        {"help", "", "this list",
         [](Session& session, const auto&) {
             session.help();
             return true;
         }},
        {"reset", "", "begin again with an empty conversation",
         [](Session& session, const auto&) {
             session.messages_.clear();
             return true;
         }},
        {"regenerate", "", "another answer to the last message",
         [](Session& session, const auto&) {
             session.regenerate();
             return true;
         }},
        {"undo", "", "take back the last message and its answer",
         [](Session& session, const auto&) {
             session.undo();
             return true;
         }},
        {"system", "TEXT", "set the system prompt; empty removes it",
         [](Session& session, const auto& text) {
             session.system_ = text;
             return true;
         }},
        {"set", "NAME VALUE", "change a sampler setting; alone it shows them",
         [](Session& session, const auto& text) {
             session.set(text);
             return true;
         }},
        {"stats", "", "speed of the last answer, length and memory of the conversation",
         [](Session& session, const auto&) {
             session.showStatus();
             return true;
         }},
        {"save", "FILE", "write the conversation as JSON",
         [](Session& session, const auto& path) {
             session.save(path);
             return true;
         }},
        {"load", "FILE", "go on with a conversation that was saved",
         [](Session& session, const auto& path) {
             session.load(path);
             return true;
         }},
        {"exit", "", "leave; so does Ctrl+D", [](Session&, const auto&) { return false; }},
    };
    return list;
}

ChatSession::ChatSession(LocalEngine& local, SamplerOptions options, std::string system, bool hide_thinking,
                         InterruptGuard& interrupts)
    : local_(local),
      options_(std::move(options)),
      system_(std::move(system)),
      hide_thinking_(hide_thinking),
      interrupts_(interrupts) {}

bool ChatSession::handle(const std::string& input) {
    if (input.find_first_not_of(" \t\n") == std::string::npos) {
        return true;
    }
    if (input.starts_with('/') && !input.starts_with("//")) {
        return runCommand(std::string_view(input).substr(1));
    }
    say(input.starts_with("//") ? input.substr(1) : input);
    return true;
}

bool ChatSession::runCommand(std::string_view line) {
    const std::size_t space = std::min(line.find(' '), line.size());
    const std::string_view name = line.substr(0, space);
    std::string argument(line.substr(std::min(space + 1, line.size())));
    for (const Command& command : commands()) {
        if (name == command.name) {
            return command.run(*this, argument);
        }
    }
    fail(ErrorKind::InvalidInput,
         "there is no command /{}; /help lists them, // sends a message that begins with /", name);
}

void ChatSession::help() const {
    for (const Command& command : commands()) {
        fmt::print("  {:<18} {}\n", fmt::format("/{} {}", command.name, command.argument), command.help);
    }
    fmt::print("A backslash at the end of a line goes on in the next; \"\"\" opens and closes a block of lines.\n"
               "Ctrl+C stops an answer.\n");
}

void ChatSession::say(const std::string& message) {
    messages_.push_back({"user", message, {}});
    try {
        answer();
    } catch (...) {
        messages_.pop_back();
        throw;
    }
}

TokenIds ChatSession::promptTokens() const {
    nlohmann::json messages = nlohmann::json::array();
    std::vector<SampledMessage> sampled;
    if (!system_.empty()) {
        messages.push_back({{"role", "system"}, {"content", system_}});
    }
    for (const ChatMessage& message : messages_) {
        if (!message.tokens.empty()) {
            sampled.push_back({messages.size(), message.tokens});
        }
        messages.push_back({{"role", message.role}, {"content", message.content}});
    }
    return chatTokens(*local_.chat_template, *local_.tokenizer, messages, sampled, true);
}

void ChatSession::answer() {
    GenerateRequest request;
    request.prompt = promptTokens();
    request.sampler = options_.sampler;
    request.stop = options_.stop;
    request.report_tokens = false;
    ChatMessage message{"assistant", "", {}};
    KeepingSink sink(message, hide_thinking_);
    const GenerationSummary summary = streamAnswer(
        *local_.engine, request, thinkingAtEnd(request.prompt, *local_.tokenizer).splitter, sink, interrupts_);
    last_figures_ = describe(summary);
    if (!message.tokens.empty()) {
        messages_.push_back(std::move(message));
    }
    if (!options_.seeded) {
        ++options_.sampler.seed; // the next answer to the same message may be another
    }
}

void ChatSession::regenerate() {
    if (messages_.empty()) {
        fail(ErrorKind::InvalidInput, "there is no message to answer yet");
    }
    if (messages_.back().role == "user") { // stopped before its first token
        answer();
        return;
    }
    const ChatMessage before = std::move(messages_.back());
    messages_.pop_back();
    const std::size_t kept = messages_.size();
    const auto restore = [&] {
        messages_.resize(kept);
        messages_.push_back(before);
    };
    try {
        answer();
    } catch (...) {
        restore();
        throw;
    }
    if (messages_.size() == kept) { // stopped before its first token
        restore();
        fmt::print("(the answer before is kept)\n");
    }
}

void ChatSession::undo() {
    while (!messages_.empty()) {
        const bool own = messages_.back().role == "user";
        messages_.pop_back();
        if (own) {
            break;
        }
    }
    fmt::print("({} messages left)\n", messages_.size());
}

void ChatSession::set(const std::string& argument) {
    if (!argument.empty()) {
        const std::size_t space = std::min(argument.find(' '), argument.size());
        setSamplerOption(options_, argument.substr(0, space),
                         argument.substr(std::min(space + 1, argument.size())));
    }
    fmt::print("({})\n", describe(options_));
}

void ChatSession::showStatus() const {
    if (!last_figures_.empty()) {
        fmt::print("last answer: {}\n", last_figures_);
    }
    const ModelConfig& config = local_.engine->model().config();
    const StateShape shape = StateShape::of(config);
    const std::size_t tokens = messages_.empty() ? 0 : promptTokens().size();
    const EngineStatus status = local_.engine->status();
    fmt::print("conversation: {} messages, {} tokens of {}, {} of keys and values, {} of lightning states\n",
               messages_.size(), tokens, config.max_positions,
               readableBytes(shape.bytesAt(tokens) - shape.lightningBytes()),
               readableBytes(shape.lightningBytes()));
    fmt::print("snapshots: {}, {} of at most {}\n", status.snapshot_count, readableBytes(status.snapshot_bytes),
               readableBytes(status.snapshot_limit));
}

void ChatSession::save(const std::string& path) const {
    if (path.empty()) {
        fail(ErrorKind::InvalidInput, "/save needs the name of a file");
    }
    nlohmann::ordered_json json;
    json["format"] = kFileFormat;
    json["system"] = system_;
    json["messages"] = nlohmann::ordered_json::array();
    for (const ChatMessage& message : messages_) {
        nlohmann::ordered_json entry = {{"role", message.role}, {"content", message.content}};
        if (!message.tokens.empty()) {
            entry["tokens"] = message.tokens;
        }
        json["messages"].push_back(std::move(entry));
    }
    writeFileAtomically(path, json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
    fmt::print("(saved {} messages in {})\n", messages_.size(), path);
}

void ChatSession::load(const std::string& path) {
    const nlohmann::json json = parseJson(readTextFile(path), path);
    const JsonField root(json, path, ErrorKind::Corrupt);
    if (!root.has("format") || root.at("format").string() != kFileFormat) {
        fail(ErrorKind::InvalidInput, "{}: not a conversation that /save wrote", path);
    }
    std::vector<ChatMessage> messages;
    const JsonField list = root.at("messages");
    for (std::size_t i = 0; i < list.size(); ++i) {
        messages.push_back(readMessage(list.at(i)));
    }
    system_ = root.at("system").string();
    messages_ = std::move(messages);
    fmt::print("(loaded {} messages)\n", messages_.size());
}

} // namespace fulgurite::app
