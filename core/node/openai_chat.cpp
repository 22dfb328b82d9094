// SPDX-License-Identifier: Apache-2.0
// POST /v1/chat/completions.
#include "core/generate/sampler.h"
#include "core/node/chat_formatter.h"
#include "core/node/chat_prompt.h"
#include "core/node/endpoints.h"
#include "core/node/json_text.h"
#include "core/node/object_reader.h"
#include "core/node/sampling_fields.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

namespace fulgurite::node {

namespace {

// "max_completion_tokens" is the newer name; both may be sent when they agree.
int readMaxTokens(ObjectReader& reader) {
    const auto older = reader.integer("max_tokens", 1, std::numeric_limits<int>::max());
    const auto newer = reader.integer("max_completion_tokens", 1, std::numeric_limits<int>::max());
    if (older && newer && *older != *newer) {
        refuse("max_tokens", "differs from max_completion_tokens; send one of them");
    }
    return static_cast<int>(newer.value_or(older.value_or(0)));
}

// True when the tools are shown to the model.
bool readToolChoice(ObjectReader& reader) {
    const nlohmann::json* choice = reader.find("tool_choice");
    if (choice == nullptr || *choice == "auto") {
        return true;
    }
    if (*choice == "none") {
        return false;
    }
    throw ApiError(400, "'tool_choice': only \"auto\" and \"none\"; the model decides whether it calls a tool",
                   "tool_choice", "unsupported");
}

void readResponseFormat(ObjectReader& reader) {
    const nlohmann::json* format = reader.object("response_format");
    if (format == nullptr) {
        return;
    }
    const auto type = format->find("type");
    if (type == format->end() || *type != "text") {
        throw ApiError(400, "'response_format': only {\"type\": \"text\"}; answers cannot be forced into JSON",
                       "response_format", "unsupported");
    }
}

void readModalities(ObjectReader& reader) {
    const nlohmann::json* modalities = reader.array("modalities");
    if (modalities != nullptr && *modalities != nlohmann::json::array({"text"})) {
        throw ApiError(400, "'modalities': only [\"text\"]", "modalities", "unsupported");
    }
}

void refuseForeignFields(ObjectReader& reader) {
    reader.unsupported("functions", "is the old spelling; send 'tools'");
    reader.unsupported("function_call", "is the old spelling; send 'tool_choice'");
    reader.unsupported("audio", "this model neither hears nor speaks");
    reader.unsupported("prediction", "predicted outputs are not offered");
    reader.unsupported("web_search_options", "there is no web search here");
    reader.unsupported("reasoning_effort", "is not a setting of this model; limit it with 'thinking_budget'");
    reader.unsupported("verbosity", "is not a setting of this model; ask for it in a message");
    reader.ignore({"parallel_tool_calls"});
}

ChatFormat readFormat(ObjectReader& reader) {
    ChatFormat format;
    format.logprobs = reader.boolean("logprobs").value_or(false);
    const auto top = reader.integer("top_logprobs", 0, 20);
    if (top.value_or(0) > 0 && !format.logprobs) {
        refuse("top_logprobs", "only together with \"logprobs\": true");
    }
    format.top_logprobs = static_cast<std::size_t>(top.value_or(0));
    return format;
}

} // namespace

Answer chatCompletions(const EndpointContext& context, const HttpRequest& request) {
    ModelService& service = context.host.get();
    const nlohmann::json body = parseBody(request.body);
    ObjectReader reader(body, "");
    const CommonFields common =
        readCommonFields(reader, service.facts().config.vocab_size, recommended(service.facts().sampling));
    checkModelName(common.model, service.facts());
    const int max_tokens = readMaxTokens(reader);
    ChatFormat format = readFormat(reader);
    const bool use_tools = readToolChoice(reader);
    const nlohmann::json* tools = reader.array("tools");
    readResponseFormat(reader);
    readModalities(reader);
    refuseForeignFields(reader);
    const InterventionRecipe recipe = readIntervention(reader, service.facts().config);
    const nlohmann::json* messages = reader.find("messages");
    reader.finish();
    const ChatMessages chat = readMessages(messages == nullptr ? nlohmann::json() : *messages,
                                           use_tools ? tools : nullptr, service.facts(), false);
    const ChatPrompt prompt = renderPrompt(service, chat, true);

    format.identity = newAnswer("chatcmpl-", service.facts());
    format.choices = static_cast<std::size_t>(common.choices);
    format.stream = common.stream;
    format.include_usage = common.include_usage;
    format.parse_tools = !chat.tools.is_null();
    format.opens_thinking = prompt.opens_thinking;

    std::vector<GenerateRequest> requests;
    for (int i = 0; i < common.choices; ++i) {
        GenerateRequest generation;
        generation.prompt = prompt.tokens;
        generation.intervention = recipe.forPrompt(prompt.tokens.size());
        generation.sampler = common.sampler;
        generation.sampler.seed += static_cast<std::uint64_t>(i);
        generation.stop = common.stop;
        generation.stop.max_tokens = max_tokens;
        generation.alternatives = static_cast<int>(format.top_logprobs);
        generation.report_tokens = format.logprobs;
        requests.push_back(std::move(generation));
    }
    auto job = std::make_shared<GenerationJob>(service, std::make_unique<ChatFormatter>(service, std::move(format)),
                                               context.metrics, context.limits);
    job->submit(std::move(requests));
    return job;
}

} // namespace fulgurite::node
