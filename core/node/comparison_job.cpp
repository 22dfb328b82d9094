// SPDX-License-Identifier: Apache-2.0
// And POST /fulgurite/v1/inspect/compare, which makes one.
#include "core/node/comparison_job.h"

#include "core/node/api_error.h"
#include "core/node/endpoints.h"
#include "core/node/json_text.h"
#include "core/node/prompt_fields.h"
#include "core/node/sampling_fields.h"
#include "core/probe/capture/view_codec.h"

#include <algorithm>
#include <utility>

namespace fulgurite::node {

void ComparisonJob::take(const std::optional<capture::TokenComparison>& result, const std::optional<Error>& error) {
    const std::lock_guard lock(mutex_);
    if (result) {
        reply_.emplace();
        reply_->content_type = "application/octet-stream";
        reply_->body = capture::encode(*result);
    } else {
        reply_ = replyOf(shutting_down_ ? ApiError(503, "the server is shutting down", {}, "shutting_down")
                                        : toApiError(error.value()));
    }
    if (wake_) {
        wake_();
    }
}

void ComparisonJob::start(std::function<void()> wake) {
    const std::lock_guard lock(mutex_);
    wake_ = std::move(wake);
}

ReplySource::Pull ComparisonJob::pull(std::string& out) {
    const std::lock_guard lock(mutex_);
    if (!reply_) {
        return Pull::Wait;
    }
    out += std::exchange(reply_->body, {});
    return Pull::End;
}

ReplyHead ComparisonJob::head() const {
    const std::lock_guard lock(mutex_);
    return {reply_->status, reply_->content_type, reply_->fields};
}

void ComparisonJob::shutDown() {
    {
        const std::lock_guard lock(mutex_);
        shutting_down_ = true;
    }
    stop_.request_stop();
}

void ComparisonJob::close() {
    {
        const std::lock_guard lock(mutex_);
        wake_ = nullptr;
    }
    stop_.request_stop();
}

Answer compareUnderIntervention(const EndpointContext& context, const HttpRequest& request) {
    CaptureService* service = context.host.get().captures();
    if (service == nullptr) {
        throw ApiError(400, "this engine cannot be inspected", {}, "unsupported");
    }
    const nlohmann::json body = parseBody(request.body);
    ObjectReader reader(body, "");
    const InterventionRecipe recipe = readIntervention(reader, service->model().config());
    PromptTokens text = readPromptTokens(reader, context.host.get());
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
    auto job = std::make_shared<ComparisonJob>();
    service->compare(
        std::move(order),
        [job](const std::optional<capture::TokenComparison>& result, const std::optional<Error>& error) {
            job->take(result, error);
        },
        job->stopToken());
    return job;
}

} // namespace fulgurite::node
