// SPDX-License-Identifier: Apache-2.0
// POST /v1/completions.
#include "core/base/utf8.h"
#include "core/generate/sampler.h"
#include "core/node/completion_formatter.h"
#include "core/node/endpoints.h"
#include "core/node/json_text.h"
#include "core/node/object_reader.h"
#include "core/node/sampling_fields.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

namespace fulgurite::node {

namespace {

constexpr int kDefaultMaxTokens = 16; // OpenAI's

struct Prompt {
    TokenIds tokens;
    std::string text;
};

Prompt fromText(const ModelService& service, const nlohmann::json& value, const std::string& path) {
    Prompt prompt;
    prompt.text = value.get<std::string>();
    prompt.tokens = service.encode(prompt.text, SpecialTokens::Parse);
    if (prompt.tokens.empty()) {
        refuse(path, "must hold at least one token");
    }
    return prompt;
}

Prompt fromIds(const ModelService& service, const nlohmann::json& value, const std::string& path) {
    Prompt prompt;
    prompt.tokens = readTokenIds(value, path, service.facts().config.vocab_size);
    if (prompt.tokens.empty()) {
        refuse(path, "must hold at least one token");
    }
    std::string bytes;
    for (const TokenId id : prompt.tokens) {
        bytes += service.bytesOf(id);
    }
    prompt.text = replaceInvalidUtf8(bytes);
    return prompt;
}

// A string, a list of token ids, or a list of either.
std::vector<Prompt> readPrompts(const ModelService& service, const nlohmann::json* value) {
    if (value == nullptr) {
        refuse("prompt", "is missing");
    }
    if (value->is_string()) {
        return {fromText(service, *value, "prompt")};
    }
    if (!value->is_array() || value->empty()) {
        refuse("prompt", "must be a string, a list of token ids, or a list of these");
    }
    if (value->front().is_number()) {
        return {fromIds(service, *value, "prompt")};
    }
    std::vector<Prompt> prompts;
    for (const nlohmann::json& item : *value) {
        if (prompts.size() == kMaxChoices) {
            refuse("prompt", fmt::format("at most {} prompts in one request", kMaxChoices));
        }
        const std::string path = fmt::format("prompt[{}]", prompts.size());
        prompts.push_back(item.is_string() ? fromText(service, item, path) : fromIds(service, item, path));
    }
    return prompts;
}

void refuseForeignFields(ObjectReader& reader, int choices) {
    reader.unsupported("suffix", "this model cannot fill in the middle");
    if (const auto best_of = reader.integer("best_of", 1, 128); best_of && *best_of != choices) {
        throw ApiError(400, "'best_of': only the value of 'n'; all answers that are computed are returned",
                       "best_of", "unsupported");
    }
}

} // namespace

Answer completions(const EndpointContext& context, const HttpRequest& request) {
    const std::shared_ptr<ModelService> model = context.host.get();
    ModelService& service = *model;
    const nlohmann::json body = parseBody(request.body);
    ObjectReader reader(body, "");
    const CommonFields common =
        readCommonFields(reader, service.facts().config.vocab_size, recommended(service.facts().sampling));
    checkModelName(common.model, service.facts());
    CompletionFormat format;
    format.echo = reader.boolean("echo").value_or(false);
    const auto max_tokens = reader.integer("max_tokens", format.echo ? 0 : 1, std::numeric_limits<int>::max());
    if (const auto logprobs = reader.integer("logprobs", 0, 20)) {
        format.logprobs = static_cast<std::size_t>(*logprobs);
    }
    refuseForeignFields(reader, common.choices);
    const InterventionRecipe recipe = readIntervention(reader, service.facts().config);
    const nlohmann::json* prompt_field = reader.find("prompt");
    reader.finish();
    const std::vector<Prompt> prompts = readPrompts(service, prompt_field);
    if (prompts.size() * static_cast<std::size_t>(common.choices) > kMaxChoices) {
        refuse("n", fmt::format("at most {} answers in one request, over all prompts", kMaxChoices));
    }

    format.identity = newAnswer("cmpl-", service.facts());
    format.choices = static_cast<std::size_t>(common.choices);
    format.stream = common.stream;
    format.include_usage = common.include_usage;
    format.echo_only = max_tokens.value_or(kDefaultMaxTokens) == 0;
    std::vector<GenerateRequest> requests;
    for (const Prompt& prompt : prompts) {
        format.prompts.push_back(prompt.text);
        for (int i = 0; i < common.choices; ++i) {
            GenerateRequest generation;
            generation.prompt = prompt.tokens;
            generation.intervention = recipe.forPrompt(prompt.tokens.size());
            generation.sampler = common.sampler;
            generation.sampler.seed += static_cast<std::uint64_t>(i);
            generation.stop = common.stop;
            // 0 means "no limit" to the engine; the token is not shown.
            generation.stop.max_tokens =
                format.echo_only ? 1 : static_cast<int>(max_tokens.value_or(kDefaultMaxTokens));
            generation.alternatives = static_cast<int>(format.logprobs.value_or(0));
            generation.report_tokens = format.logprobs.has_value();
            generation.echo_logprobs = format.echo && format.logprobs.has_value();
            requests.push_back(std::move(generation));
        }
    }
    return startGeneration(context, request, model,
                           std::make_unique<CompletionFormatter>(service, std::move(format)), std::move(requests));
}

} // namespace fulgurite::node
