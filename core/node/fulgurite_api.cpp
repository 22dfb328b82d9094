// SPDX-License-Identifier: Apache-2.0
// POST /fulgurite/v1/generate, tokenize and reentry.
#include "core/base/utf8.h"
#include "core/node/chat_prompt.h"
#include "core/node/endpoints.h"
#include "core/node/generate_formatter.h"
#include "core/node/json_text.h"
#include "core/node/object_reader.h"
#include "core/node/prompt_fields.h"
#include "core/node/sampling_fields.h"

#include <fmt/format.h>

#include <utility>

namespace fulgurite::node {

namespace {

constexpr std::size_t kMaxSequences = 4096;

void append(TokenIds& tokens, const TokenIds& more) {
    tokens.insert(tokens.end(), more.begin(), more.end());
}

// The answer so far as text: it decides whether the next token is inside thinking.
std::string turnText(const ModelService& service, bool opens_thinking, const TokenIds& continuation) {
    std::string text(opens_thinking ? kThinkingBegin : "");
    for (const TokenId id : continuation) {
        text += service.isSpecial(id) ? std::string_view() : service.bytesOf(id);
    }
    return text;
}

HttpReply reply(const nlohmann::json& value) {
    HttpReply answer;
    answer.body = dumpJson(value);
    return answer;
}

} // namespace

Answer generate(const EndpointContext& context, const HttpRequest& request) {
    const std::shared_ptr<ModelService> model = context.host.get();
    ModelService& service = *model;
    const nlohmann::json body = parseBody(request.body);
    const std::int64_t vocab_size = service.facts().config.vocab_size;
    ObjectReader reader(body, "");
    const PromptFields fields = readPromptFields(reader, "prompt");
    GenerateFormatter::Options options;
    const TokenIds continuation = readContinuation(reader, service);
    GenerateRequest generation;
    generation.sampler = readSampler(reader.object("sampler"), "sampler", vocab_size);
    generation.stop = readStop(reader.object("stop"), "stop", vocab_size);
    generation.alternatives = static_cast<int>(reader.integer("alternatives", 0, 20).value_or(0));
    const InterventionRecipe recipe = readIntervention(reader, service.facts().config);
    reader.finish();

    ChatPrompt prompt = readPrompt(service, fields, "", SpecialTokens::Parse);
    append(prompt.tokens, continuation);
    if (prompt.tokens.empty()) {
        refuse(fields.tokens != nullptr ? "tokens" : "prompt", "must hold at least one token");
    }
    options.id = newId("gen-");
    options.prompt_tokens = prompt.tokens.size();
    options.turn = turnText(service, prompt.opens_thinking, continuation);
    if (!continuation.empty()) {
        options.continued = turnText(service, false, continuation);
    }
    generation.intervention = recipe.forPrompt(options.prompt_tokens);
    generation.prompt = std::move(prompt.tokens);
    std::vector<GenerateRequest> requests;
    requests.push_back(std::move(generation));
    return startGeneration(context, request, model,
                           std::make_unique<GenerateFormatter>(service, std::move(options)), std::move(requests));
}

Answer tokenize(const EndpointContext& context, const HttpRequest& request) {
    const std::shared_ptr<ModelService> model = context.host.get();
    const ModelService& service = *model;
    const nlohmann::json body = parseBody(request.body);
    ObjectReader reader(body, "");
    const PromptFields fields = readPromptFields(reader, "text");
    const bool special = reader.boolean("special").value_or(true);
    const bool pieces = reader.boolean("pieces").value_or(false);
    reader.finish();
    const TokenIds tokens =
        readPrompt(service, fields, "", special ? SpecialTokens::Parse : SpecialTokens::AsText).tokens;
    nlohmann::json result{{"tokens", tokens}, {"count", tokens.size()}};
    if (pieces) {
        nlohmann::json& list = result["pieces"] = nlohmann::json::array();
        for (const TokenId id : tokens) {
            list.push_back(replaceInvalidUtf8(service.bytesOf(id)));
        }
    }
    return reply(result);
}

Answer reentry(const EndpointContext& context, const HttpRequest& request) {
    const std::shared_ptr<ModelService> model = context.host.get();
    const ModelService& service = *model;
    const nlohmann::json body = parseBody(request.body);
    ObjectReader reader(body, "");
    const nlohmann::json* sequences = reader.array("sequences");
    reader.finish();
    if (sequences == nullptr || sequences->size() > kMaxSequences) {
        refuse("sequences", fmt::format("must be a list of at most {} sequences", kMaxSequences));
    }
    nlohmann::json costs = nlohmann::json::array();
    for (const nlohmann::json& sequence : *sequences) {
        const std::string path = fmt::format("sequences[{}]", costs.size());
        ObjectReader item(sequence, path);
        const PromptFields fields = readPromptFields(item, "prompt");
        const TokenIds continuation = readContinuation(item, service);
        item.finish();
        TokenIds tokens = readPrompt(service, fields, path + ".", SpecialTokens::Parse).tokens;
        append(tokens, continuation);
        const ReentryCost cost = service.reentryCost(tokens, callerOf(request).owner);
        costs.push_back({{"tokens", cost.tokens}, {"reused", cost.reused}, {"seconds", cost.seconds}});
    }
    return reply({{"costs", std::move(costs)}});
}

} // namespace fulgurite::node
