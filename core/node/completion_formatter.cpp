// SPDX-License-Identifier: Apache-2.0
// Text completions in OpenAI's form.
#include "core/node/completion_formatter.h"

#include "core/node/json_text.h"
#include "core/node/sse.h"

#include <algorithm>
#include <utility>

namespace fulgurite::node {

namespace {

// Rough memory of one collected log-probability beside its text.
constexpr std::size_t kEntryBytes = 128;

} // namespace

CompletionFormatter::CompletionFormatter(const ModelService& service, CompletionFormat format)
    : service_(service), format_(std::move(format)), choices_(format_.prompts.size() * format_.choices) {}

// The prompt's text comes with whatever is the first of its choice.
void CompletionFormatter::echo(std::size_t index) {
    Choice& choice = choices_[index];
    if (!std::exchange(choice.echoed, true) && format_.echo) {
        choice.text = format_.prompts[index / format_.choices];
        held_bytes_ += choice.text.size();
    }
}

void CompletionFormatter::beginAnswer(std::size_t index) {
    echo(index);
    if (!std::exchange(choices_[index].answered, true) && format_.echo) {
        choices_[index].offset = characterCount(format_.prompts[index / format_.choices]);
    }
}

void CompletionFormatter::promptToken(std::size_t index, const TokenRecord& record) {
    if (format_.echo && format_.logprobs) {
        echo(index);
        addLogprob(choices_[index], record);
    }
}

void CompletionFormatter::flush(std::string& out) {
    for (std::size_t i = 0; i < choices_.size(); ++i) {
        if (!choices_[i].answered && !choices_[i].logprobs.tokens.empty()) {
            send(i, out);
        }
    }
}

void CompletionFormatter::token(std::size_t index, const TokenRecord& record, const std::string& text,
                                std::string& out) {
    beginAnswer(index);
    if (format_.echo_only) {
        return;
    }
    Choice& choice = choices_[index];
    choice.text += text;
    held_bytes_ += format_.stream ? 0 : text.size();
    if (format_.logprobs && !service_.isSpecial(record.id)) { // the end of sentence is not part of the text
        addLogprob(choice, record);
    }
    if (!choice.text.empty() || !choice.logprobs.tokens.empty()) {
        send(index, out);
    }
}

void CompletionFormatter::addLogprob(Choice& choice, const TokenRecord& record) {
    const std::string_view bytes = service_.bytesOf(record.id);
    choice.logprobs.tokens.push_back(completionToken(service_, record.id));
    choice.logprobs.text_offset.push_back(choice.offset);
    choice.offset += characterCount(bytes);
    if (record.rank == 0) { // the first token of a prompt: nothing came before it
        choice.logprobs.token_logprobs.push_back(nullptr);
        choice.logprobs.top_logprobs.push_back(nullptr);
        return;
    }
    choice.logprobs.token_logprobs.push_back(finiteLog(record.logprob));
    nlohmann::json top = nlohmann::json::object();
    for (std::size_t i = 0; i < std::min(*format_.logprobs, record.before.size()); ++i) {
        top[completionToken(service_, record.before[i].id)] = finiteLog(record.before[i].logprob);
    }
    held_bytes_ += kEntryBytes * (1 + top.size());
    choice.logprobs.top_logprobs.push_back(std::move(top));
}

void CompletionFormatter::finish(std::size_t index, const GenerationSummary& summary, const std::string& rest,
                                 std::string& out) {
    beginAnswer(index);
    Choice& choice = choices_[index];
    GenerationSummary counted = summary;
    if (format_.echo_only) {
        counted.completion_tokens = 0;
        choice.finish_reason = "length";
    } else {
        choice.text += rest;
        choice.finish_reason = finishReason(summary.reason);
        choice.stop_reason = stopReason(summary);
    }
    usage_.add(counted, index % format_.choices == 0);
    send(index, out);
}

nlohmann::json CompletionFormatter::choiceObject(std::size_t index) const {
    const Choice& choice = choices_[index];
    nlohmann::json object{
        {"index", index}, {"text", choice.text}, {"logprobs", nullptr}, {"finish_reason", choice.finish_reason}};
    if (!choice.finish_reason.is_null()) {
        object["stop_reason"] = choice.stop_reason;
    }
    if (format_.logprobs) {
        object["logprobs"] = {{"tokens", choice.logprobs.tokens},
                              {"token_logprobs", choice.logprobs.token_logprobs},
                              {"top_logprobs", choice.logprobs.top_logprobs},
                              {"text_offset", choice.logprobs.text_offset}};
    }
    return object;
}

void CompletionFormatter::send(std::size_t index, std::string& out) {
    if (!format_.stream) {
        return;
    }
    nlohmann::json object = format_.identity.object("text_completion");
    object["choices"] = nlohmann::json::array({choiceObject(index)});
    if (format_.include_usage) {
        object["usage"] = nullptr;
    }
    appendEvent(out, {}, object);
    choices_[index].text.clear();
    choices_[index].logprobs = {};
}

void CompletionFormatter::end(std::string& out) {
    nlohmann::json object = format_.identity.object("text_completion");
    object["choices"] = nlohmann::json::array();
    object["usage"] = usage_.json();
    if (format_.stream) {
        if (format_.include_usage) {
            appendEvent(out, {}, object);
        }
        appendDone(out);
        return;
    }
    for (std::size_t i = 0; i < choices_.size(); ++i) {
        object["choices"].push_back(choiceObject(i));
    }
    out += dumpJson(object);
}

void CompletionFormatter::failed(const ApiError& error, std::string& out) {
    appendEvent(out, {}, error.body());
    appendDone(out);
}

} // namespace fulgurite::node
