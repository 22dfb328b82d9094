// SPDX-License-Identifier: Apache-2.0
// Events of generations to the bytes of a reply; cancels when nobody listens.
#include "core/node/generation_job.h"

#include "core/node/endpoints.h"
#include "core/node/json_text.h"
#include "core/node/sse.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace fulgurite::node {

namespace {

// Formatted in one go before other connections get their turn on the I/O thread.
constexpr std::size_t kEventsPerPull = 64;

} // namespace

// Runs on the engine's thread: copies and leaves.
class GenerationJob::Listener final : public GenerationListener {
  public:
    // `charge`: tokens of the prompt that count for this choice; several choices of one prompt count it once.
    Listener(std::shared_ptr<GenerationJob> job, std::size_t choice, std::size_t charge)
        : job_(std::move(job)), choice_(choice), charge_(charge) {}

    void onPrefill(const PrefillProgress& progress) override {
        chargePrompt(progress.reused);
        job_->post({choice_, progress});
    }
    void onPromptToken(const TokenRecord& token) override { job_->post({choice_, PromptTokenEvent{token}}); }
    void onToken(const TokenRecord& token, const std::string& text) override {
        const auto now = RequestRecord::Clock::now();
        if (last_token_) {
            job_->metrics_.betweenTokens(std::chrono::duration<double>(now - *last_token_).count());
        }
        last_token_ = now;
        chargePrompt(0);
        if (job_->record_) {
            const bool first = job_->record_->completionTokens() == 0;
            job_->record_->tokens(0, 0, 1);
            if (first) {
                job_->metrics_.firstToken(job_->record_->firstTokenSeconds());
            }
        }
        job_->post({choice_, TokenEvent{token, text}});
    }
    void onFinish(const GenerationSummary& summary, const std::string& rest) override {
        job_->post({choice_, FinishEvent{summary, rest}});
    }
    void onError(const Error& error) override { job_->post({choice_, error}); }

  private:
    void chargePrompt(std::size_t reused) {
        if (const std::size_t charge = std::exchange(charge_, 0); charge > 0 && job_->record_) {
            job_->record_->tokens(charge, std::min(reused, charge), 0);
        }
    }

    std::shared_ptr<GenerationJob> job_;
    std::size_t choice_;
    std::size_t charge_;
    std::optional<RequestRecord::Clock::time_point> last_token_;
};

GenerationJob::GenerationJob(std::shared_ptr<ModelService> service, std::unique_ptr<ReplyFormatter> formatter,
                             Metrics& metrics, JobLimits limits, std::shared_ptr<RequestRecord> record)
    : service_(std::move(service)),
      metrics_(metrics),
      limits_(limits),
      queue_(limits.queue_bytes),
      record_(std::move(record)),
      formatter_(std::move(formatter)) {
    if (formatter_->streams()) {
        head_.content_type = kEventStreamType;
        head_.fields = {{"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}};
    }
}

// Names who pays, and says how many tokens of the prompt count for each choice: those of one prompt stand behind
// one another and count it once.
std::vector<std::size_t> GenerationJob::chargesOf(std::vector<GenerateRequest>& requests) const {
    std::vector<std::size_t> charges;
    for (std::size_t i = 0; i < requests.size(); ++i) {
        const bool again = i > 0 && requests[i].prompt == requests[i - 1].prompt;
        charges.push_back(again ? 0 : requests[i].prompt.size());
        if (record_ && record_->who) {
            requests[i].tenant = {record_->who->owner, record_->who->limits.memory_share};
        }
    }
    return charges;
}

void GenerationJob::submit(std::vector<GenerateRequest> requests) {
    unfinished_ = requests.size();
    const std::vector<std::size_t> charges = chargesOf(requests);
    try {
        for (std::size_t choice = 0; choice < requests.size(); ++choice) {
            const GenerationId id =
                service_->submit(std::move(requests[choice]),
                                 std::make_shared<Listener>(shared_from_this(), choice, charges[choice]));
            remember(id);
        }
    } catch (...) {
        cancelAll();
        throw;
    }
}

void GenerationJob::remember(GenerationId id) {
    {
        const std::lock_guard lock(ids_mutex_);
        if (!cancelled_) {
            ids_.push_back(id);
            return;
        }
    }
    // The engine ran ahead of us and filled the queue already.
    service_->cancel(id);
}

void GenerationJob::post(GenerationEvent event) {
    if (!queue_.push(std::move(event))) {
        cancelAll();
    }
}

void GenerationJob::cancelAll() {
    std::vector<GenerationId> ids;
    {
        const std::lock_guard lock(ids_mutex_);
        cancelled_ = true;
        ids = std::exchange(ids_, {});
    }
    for (const GenerationId id : ids) {
        service_->cancel(id);
    }
}

void GenerationJob::start(std::function<void()> wake) {
    queue_.setWake(std::move(wake));
}

ReplySource::Pull GenerationJob::pull(std::string& out) {
    if (ended_) {
        return Pull::End;
    }
    const std::size_t before = out.size();
    if (!begun_) {
        begun_ = true;
        formatter_->begin(out);
    }
    // Asked before draining: what came before the gap is still worth sending, what came after it is not.
    const bool overflowed = queue_.overflowed();
    bool at_gap = false;
    const std::vector<GenerationEvent> events = queue_.drain(kEventsPerPull);
    for (const GenerationEvent& event : events) {
        if (overflowed && std::holds_alternative<FinishEvent>(event.what)) {
            at_gap = true;
            break;
        }
        if (const auto* error = std::get_if<Error>(&event.what)) {
            cancelAll();
            return failWith(toApiError(*error), out);
        }
        if (apply(event, out)) {
            return Pull::End;
        }
    }
    formatter_->flush(out);
    if (overflowed && (at_gap || events.size() < kEventsPerPull)) {
        metrics_.streamDropped("slow_client");
        return failWith(ApiError(503,
                                 "the client did not read its stream fast enough; the generation was cancelled", {},
                                 "slow_client"),
                        out);
    }
    if (formatter_->heldBytes() > limits_.reply_bytes) {
        cancelAll();
        metrics_.streamDropped("reply_too_large");
        return failWith(ApiError(400, "the answer is too large for one reply; ask for it with \"stream\": true",
                                 "stream", "reply_too_large"),
                        out);
    }
    return out.size() > before ? Pull::More : Pull::Wait;
}

// True when the reply is complete.
bool GenerationJob::apply(const GenerationEvent& event, std::string& out) {
    if (const auto* token = std::get_if<TokenEvent>(&event.what)) {
        formatter_->token(event.choice, token->record, token->text, out);
    } else if (const auto* progress = std::get_if<PrefillProgress>(&event.what)) {
        formatter_->prefill(event.choice, *progress, out);
    } else if (const auto* prompt = std::get_if<PromptTokenEvent>(&event.what)) {
        formatter_->promptToken(event.choice, prompt->record);
    } else if (const auto* finish = std::get_if<FinishEvent>(&event.what)) {
        if (finish->summary.reason == FinishReason::Cancelled && shutting_down_) {
            failWith(timed_out_
                         ? ApiError(408, "the answer took longer than a request may take here", {}, "time_limit")
                         : ApiError(503, "the server is shutting down", {}, "shutting_down"),
                     out);
            return true;
        }
        observe(finish->summary);
        formatter_->flush(out);
        formatter_->finish(event.choice, finish->summary, finish->rest, out);
        if (--unfinished_ == 0) {
            formatter_->end(out);
            ended_ = true;
            return true;
        }
    }
    return false;
}

ReplySource::Pull GenerationJob::failWith(const ApiError& error, std::string& out) {
    ended_ = true;
    formatter_->flush(out);
    if (formatter_->streams()) {
        formatter_->failed(error, out);
    } else {
        const HttpReply reply = replyOf(error);
        head_ = {reply.status, reply.content_type, reply.fields};
        out = reply.body;
    }
    return Pull::End;
}

void GenerationJob::observe(const GenerationSummary& summary) {
    metrics_.generationFinished(summary.queue_seconds,
                                summary.queue_seconds + summary.prefill_seconds + summary.decode_seconds);
}

std::string GenerationJob::heartbeat() const {
    return formatter_->streams() ? keepAliveComment() : std::string();
}

void GenerationJob::shutDown() {
    shutting_down_ = true;
    cancelAll();
}

void GenerationJob::timeOut() {
    timed_out_ = true;
    shutDown();
}

void GenerationJob::close() {
    queue_.setWake(nullptr);
    cancelAll();
}

std::shared_ptr<ReplySource> startGeneration(const EndpointContext& context, const HttpRequest& request,
                                             std::shared_ptr<ModelService> service,
                                             std::unique_ptr<ReplyFormatter> formatter,
                                             std::vector<GenerateRequest> requests) {
    auto job = std::make_shared<GenerationJob>(std::move(service), std::move(formatter), context.metrics,
                                               context.limits, request.head.record);
    job->submit(std::move(requests));
    return job;
}

} // namespace fulgurite::node
