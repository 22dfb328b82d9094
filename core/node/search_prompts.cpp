// SPDX-License-Identifier: Apache-2.0
// POST /fulgurite/v1/search-prompts: the loaded model writes the search prompts of the fusion strategies.
#include "core/node/search_prompts.h"

#include "core/node/chat_prompt.h"
#include "core/node/endpoints.h"
#include "core/node/json_text.h"
#include "core/node/object_reader.h"
#include "core/node/sampling_fields.h"
#include "core/retrieval/fusion_prompts.h"

#include <utility>

namespace fulgurite::node {

namespace {

constexpr std::int64_t kMostPrompts = 16;
constexpr int kMostTokens = 512; // of an answer: four lines and some thinking

ChatPrompt promptFor(const ModelService& service, const std::string& query, std::size_t count) {
    const nlohmann::json messages{{{"role", "user"}, {"content", retrieval::fusionRequest(query, count)}}};
    try {
        return renderPrompt(service, readMessages(messages, nullptr, service.facts(), false), true);
    } catch (const ApiError& error) {
        if (error.status() == 400) { // named after a message that the caller did not write
            refuse("query", "cannot be put into a message of the model: it spells out a special token");
        }
        throw;
    }
}

} // namespace

SearchPromptsFormatter::SearchPromptsFormatter(std::size_t count, bool opens_thinking)
    : count_(count), splitter_(opens_thinking, false) {}

void SearchPromptsFormatter::token(std::size_t, const TokenRecord&, const std::string& text, std::string&) {
    answer_ += splitter_.push(text).content;
}

void SearchPromptsFormatter::finish(std::size_t, const GenerationSummary& summary, const std::string& rest,
                                    std::string&) {
    answer_ += splitter_.push(rest).content;
    answer_ += splitter_.flush().content;
    usage_.add(summary, true);
}

void SearchPromptsFormatter::end(std::string& out) {
    out += dumpJson({{"prompts", retrieval::fusionPrompts(answer_, count_)}, {"usage", usage_.json()}});
}

void SearchPromptsFormatter::failed(const ApiError& error, std::string& out) {
    out += dumpJson(error.body());
}

Answer searchPrompts(const EndpointContext& context, const HttpRequest& request) {
    const std::shared_ptr<ModelService> model = context.host.get();
    ModelService& service = *model;
    const nlohmann::json body = parseBody(request.body);
    ObjectReader reader(body, "");
    const auto query = reader.string("query");
    const auto count = static_cast<std::size_t>(
        reader.integer("count", 1, kMostPrompts).value_or(static_cast<std::int64_t>(retrieval::kFusionPrompts)));
    reader.finish();
    if (!query || query->empty()) {
        refuse("query", "is needed");
    }
    ChatPrompt prompt = promptFor(service, *query, count);
    GenerateRequest generation;
    generation.prompt = std::move(prompt.tokens);
    generation.sampler.temperature = 0; // the same query gets the same prompts
    generation.stop.max_tokens = kMostTokens;
    generation.report_tokens = false;
    std::vector<GenerateRequest> requests;
    requests.push_back(std::move(generation));
    return startGeneration(context, request, model,
                           std::make_unique<SearchPromptsFormatter>(count, prompt.opens_thinking),
                           std::move(requests));
}

} // namespace fulgurite::node
