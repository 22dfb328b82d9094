// SPDX-License-Identifier: Apache-2.0
// POST /fulgurite/v1/inspect/compare: the arrays of a comparison as safetensors.
#include "core/node/api_error.h"
#include "core/node/capture_service.h"
#include "core/node/endpoints.h"
#include "core/node/json_text.h"
#include "core/node/prompt_fields.h"
#include "core/node/sampling_fields.h"
#include "core/node/work_reply.h"
#include "core/probe/capture/view_codec.h"

#include <algorithm>
#include <utility>

namespace fulgurite::node {

Answer compareUnderIntervention(const EndpointContext& context, const HttpRequest& request) {
    const std::shared_ptr<ModelService> model = context.host.get();
    CaptureService* service = model->captures();
    if (service == nullptr) {
        throw ApiError(400, "this engine cannot be inspected", {}, "unsupported");
    }
    const nlohmann::json body = parseBody(request.body);
    ObjectReader reader(body, "");
    const InterventionRecipe recipe = readIntervention(reader, service->model().config());
    PromptTokens text = readPromptTokens(reader, *model);
    const auto last = static_cast<std::int64_t>(text.tokens.size()) - 1;
    if (last < 1) {
        refuse("tokens", "two tokens at least: the first one has nothing before it");
    }
    const auto first = reader.integer("first", 1, last);
    reader.finish();
    ComparisonOrder order;
    // Where the answer begins, when one is given apart from the prompt.
    const std::size_t answer = text.prompt < text.tokens.size() ? std::max<std::size_t>(text.prompt, 1) : 1;
    order.first = first ? static_cast<std::size_t>(*first) : answer;
    order.intervention = recipe.forPrompt(order.first);
    order.tokens = std::move(text.tokens);
    auto job = std::make_shared<WorkReply>();
    service->compare(
        std::move(order),
        [job, model](const std::optional<capture::TokenComparison>& result, const std::optional<Error>& error) {
            if (!result) {
                return job->refuse(toApiError(error.value()));
            }
            HttpReply reply;
            reply.content_type = "application/octet-stream";
            reply.body = capture::encode(*result);
            job->reply(std::move(reply));
        },
        job->stopToken());
    return job;
}

} // namespace fulgurite::node
