// SPDX-License-Identifier: Apache-2.0
// Chat answers in OpenAI's form, with the reasoning apart.
#include "core/node/chat_formatter.h"

#include "core/node/json_text.h"
#include "core/node/sampling_fields.h"
#include "core/node/sse.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace fulgurite::node {

namespace {

constexpr std::string_view kWhiteSpace = " \t\r\n";
// Rough memory of one collected log-probability entry beside its text.
constexpr std::size_t kEntryBytes = 512;

void take(ToolCallText read, ChatDelta& delta) {
    delta.content += read.content;
    std::move(read.calls.begin(), read.calls.end(), std::back_inserter(delta.tool_calls));
}

// Id, type and name come with the first piece of a call.
nlohmann::json toJson(const ToolCallPiece& piece) {
    nlohmann::json call{{"function", {{"arguments", piece.arguments}}}};
    if (!piece.id.empty()) {
        call["id"] = piece.id;
        call["type"] = "function";
        call["function"]["name"] = piece.name;
    }
    return call;
}

nlohmann::json orNull(const nlohmann::json& list, bool wanted) {
    return wanted ? nlohmann::json{{"content", list}, {"refusal", nullptr}} : nlohmann::json();
}

} // namespace

ChatSplitter::ChatSplitter(bool opens_thinking, bool parse_tools)
    : thinking_(opens_thinking ? ThinkingSplitter::resume(kThinkingBegin) : ThinkingSplitter()),
      parse_tools_(parse_tools) {}

ChatDelta ChatSplitter::push(std::string_view text) {
    ChatDelta delta;
    sort(thinking_.push(text), delta);
    return delta;
}

ChatDelta ChatSplitter::flush() {
    ChatDelta delta;
    sort(thinking_.finish(), delta);
    delta.content += leading_;
    leading_.clear();
    if (!parse_tools_) {
        return delta;
    }
    const ScannedText rest = tools_.flush();
    if (rest.inside) {
        ToolCallText read;
        calls_.push(rest.text, read);
        calls_.close(false, read);
        take(std::move(read), delta);
    } else {
        delta.content += rest.text;
    }
    return delta;
}

void ChatSplitter::sort(const std::vector<ChannelText>& pieces, ChatDelta& delta) {
    for (const ChannelText& piece : pieces) {
        if (piece.channel == StreamChannel::Thinking) {
            delta.reasoning += reasoning_.push(piece.text);
        } else if (piece.channel == StreamChannel::Marker) {
            started_ = true;
            leading_.clear();
            after_thinking_ = true;
        } else {
            addAnswer(piece.text, delta);
        }
    }
}

void ChatSplitter::addAnswer(std::string_view piece, ChatDelta& delta) {
    leading_ += piece;
    started_ = started_ || leading_.find_first_not_of(kWhiteSpace) != std::string::npos;
    if (!started_) {
        return;
    }
    const std::string answer = std::exchange(leading_, {});
    std::string_view text = answer;
    if (after_thinking_) {
        text.remove_prefix(std::min(text.find_first_not_of(kWhiteSpace), text.size()));
        after_thinking_ = text.empty();
    }
    if (!parse_tools_) {
        delta.content += text;
        return;
    }
    for (const ScannedText& scanned : tools_.push(text)) {
        scanned.inside ? addInside(scanned, delta) : addOutside(scanned.text, delta);
    }
}

void ChatSplitter::addInside(const ScannedText& piece, ChatDelta& delta) {
    ToolCallText read;
    calls_.push(piece.text, read);
    if (piece.closes) {
        calls_.close(true, read);
        after_tools_ = true;
    }
    take(std::move(read), delta);
}

void ChatSplitter::addOutside(std::string_view text, ChatDelta& delta) {
    if (after_tools_) {
        text.remove_prefix(std::min(text.find_first_not_of(kWhiteSpace), text.size()));
        after_tools_ = text.empty();
    }
    delta.content += text;
}

ChatFormatter::ChatFormatter(const ModelService& service, ChatFormat format)
    : service_(service), format_(std::move(format)) {
    for (std::size_t i = 0; i < format_.choices; ++i) {
        choices_.push_back(
            {ChatSplitter(format_.opens_thinking, format_.parse_tools), {}, nlohmann::json::array(), {}, {}});
    }
}

void ChatFormatter::begin(std::string& out) {
    for (std::size_t i = 0; format_.stream && i < choices_.size(); ++i) {
        chunk(i, {{"role", "assistant"}, {"content", ""}}, nlohmann::json(), nullptr, out);
    }
}

void ChatFormatter::token(std::size_t choice, const TokenRecord& record, const std::string& text,
                          std::string& out) {
    nlohmann::json logprobs;
    if (format_.logprobs && !service_.isSpecial(record.id)) { // the end of sentence is not part of the text
        logprobs = nlohmann::json::array({chatLogprob(service_, record, format_.top_logprobs)});
    }
    add(choice, choices_[choice].splitter.push(text), std::move(logprobs), out);
}

void ChatFormatter::finish(std::size_t index, const GenerationSummary& summary, const std::string& rest,
                           std::string& out) {
    Choice& choice = choices_[index];
    add(index, choice.splitter.push(rest), nlohmann::json(), out);
    add(index, choice.splitter.flush(), nlohmann::json(), out);
    usage_.add(summary, index == 0);
    choice.finish_reason = finishReason(summary.reason);
    if (choice.splitter.toolCallCount() > 0 && choice.finish_reason == "stop") {
        choice.finish_reason = "tool_calls";
    }
    choice.stop_reason = stopReason(summary);
    if (format_.stream) {
        chunk(index, nlohmann::json::object(), nlohmann::json(), &choice, out);
    }
}

// For an answer that is sent as a whole.
void ChatFormatter::keep(Choice& choice, const ChatDelta& delta, nlohmann::json logprobs) {
    held_bytes_ += delta.reasoning.size() + delta.content.size();
    choice.message.reasoning += delta.reasoning;
    choice.message.content += delta.content;
    for (const ToolCallPiece& piece : delta.tool_calls) {
        held_bytes_ += piece.arguments.size();
        if (piece.call < choice.message.tool_calls.size()) {
            choice.message.tool_calls[piece.call].arguments += piece.arguments;
        } else {
            choice.message.tool_calls.push_back(piece);
        }
    }
    for (nlohmann::json& entry : logprobs) {
        held_bytes_ += kEntryBytes * (1 + entry["top_logprobs"].size());
        choice.logprobs.push_back(std::move(entry));
    }
}

void ChatFormatter::add(std::size_t index, const ChatDelta& delta, nlohmann::json logprobs, std::string& out) {
    if (!format_.stream) {
        keep(choices_[index], delta, std::move(logprobs));
        return;
    }
    if (delta.empty() && logprobs.empty()) {
        return;
    }
    nlohmann::json object = nlohmann::json::object();
    if (!delta.reasoning.empty()) {
        object["reasoning_content"] = delta.reasoning;
    }
    if (!delta.content.empty() || (delta.reasoning.empty() && delta.tool_calls.empty())) {
        object["content"] = delta.content;
    }
    for (const ToolCallPiece& piece : delta.tool_calls) {
        nlohmann::json call = toJson(piece);
        call["index"] = piece.call;
        object["tool_calls"].push_back(std::move(call));
    }
    chunk(index, std::move(object), std::move(logprobs), nullptr, out);
}

void ChatFormatter::chunk(std::size_t index, nlohmann::json delta, nlohmann::json logprobs, const Choice* finished,
                          std::string& out) const {
    nlohmann::json object = format_.identity.object("chat.completion.chunk");
    nlohmann::json choice{{"index", index},
                          {"delta", std::move(delta)},
                          {"logprobs", logprobs.is_null() ? logprobs : orNull(logprobs, true)},
                          {"finish_reason", nullptr}};
    if (finished != nullptr) {
        choice["finish_reason"] = finished->finish_reason;
        choice["stop_reason"] = finished->stop_reason;
    }
    object["choices"] = nlohmann::json::array({std::move(choice)});
    if (format_.include_usage) {
        object["usage"] = nullptr;
    }
    appendEvent(out, {}, object);
}

nlohmann::json ChatFormatter::choiceObject(std::size_t index) const {
    const Choice& choice = choices_[index];
    nlohmann::json message{{"role", "assistant"}, {"content", choice.message.content}, {"refusal", nullptr}};
    if (!choice.message.reasoning.empty()) {
        message["reasoning_content"] = choice.message.reasoning;
    }
    if (!choice.message.tool_calls.empty()) {
        for (const ToolCallPiece& call : choice.message.tool_calls) {
            message["tool_calls"].push_back(toJson(call));
        }
        if (choice.message.content.empty()) {
            message["content"] = nullptr;
        }
    }
    return {{"index", index},
            {"message", std::move(message)},
            {"logprobs", orNull(choice.logprobs, format_.logprobs)},
            {"finish_reason", choice.finish_reason},
            {"stop_reason", choice.stop_reason}};
}

void ChatFormatter::end(std::string& out) {
    if (format_.stream) {
        if (format_.include_usage) {
            nlohmann::json object = format_.identity.object("chat.completion.chunk");
            object["choices"] = nlohmann::json::array();
            object["usage"] = usage_.json();
            appendEvent(out, {}, object);
        }
        appendDone(out);
        return;
    }
    nlohmann::json object = format_.identity.object("chat.completion");
    object["choices"] = nlohmann::json::array();
    for (std::size_t i = 0; i < choices_.size(); ++i) {
        object["choices"].push_back(choiceObject(i));
    }
    object["usage"] = usage_.json();
    out += dumpJson(object);
}

void ChatFormatter::failed(const ApiError& error, std::string& out) {
    appendEvent(out, {}, error.body());
    appendDone(out);
}

} // namespace fulgurite::node
