// SPDX-License-Identifier: Apache-2.0
// POST /v1/chat/completions.
#include "core/generate/sampler.h"
#include "core/node/chat_formatter.h"
#include "core/node/chat_prompt.h"
#include "core/node/constraint_fields.h"
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
    const std::shared_ptr<ModelService> model = context.host.get();
    ModelService& service = *model;
    const nlohmann::json body = parseBody(request.body);
    ObjectReader reader(body, "");
    const CommonFields common =
        readCommonFields(reader, service.facts().config.vocab_size, recommended(service.facts().sampling));
    checkModelName(common.model, service.facts());
    const int max_tokens = readMaxTokens(reader);
    ChatFormat format = readFormat(reader);
    const AnswerShape shape = readAnswerShape(reader, request.body, service.constraints());
    readModalities(reader);
    refuseForeignFields(reader);
    const InterventionRecipe recipe = readIntervention(reader, service.facts().config);
    const nlohmann::json* messages = reader.find("messages");
    reader.finish();
    const ChatMessages chat = readMessages(messages == nullptr ? nlohmann::json() : *messages,
                                           shape.tools.is_null() ? nullptr : &shape.tools, service.facts(), false);
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
        generation.constraint = shape.constraint;
        requests.push_back(std::move(generation));
    }
    return startGeneration(context, request, model, std::make_unique<ChatFormatter>(service, std::move(format)),
                           std::move(requests));
}

} // namespace fulgurite::node
