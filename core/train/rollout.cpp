// SPDX-License-Identifier: Apache-2.0
#include "core/train/rollout.h"

#include "core/generate/engine.h"
#include "core/train/live_model.h"

#include <algorithm>
#include <latch>
#include <optional>

namespace fulgurite {

namespace {

class AnswerCollector final : public GenerationListener {
  public:
    AnswerCollector(RolloutAnswer& answer, std::latch& done) : answer_(answer), done_(done) {}

    void onToken(const TokenRecord& token, const std::string& text) override {
        answer_.tokens.push_back(token.id);
        answer_.log_probs.push_back(token.logprob_after);
        answer_.text += text;
    }
    void onFinish(const GenerationSummary& summary, const std::string& rest) override {
        answer_.text += rest;
        answer_.reason = summary.reason;
        done_.count_down();
    }
    void onError(const Error& problem) override {
        error = problem;
        done_.count_down();
    }

    std::optional<Error> error;

  private:
    RolloutAnswer& answer_;
    std::latch& done_;
};

GenerateRequest requestOf(const RolloutRequest& wanted) {
    GenerateRequest request;
    request.prompt.assign(wanted.prompt.begin(), wanted.prompt.end());
    request.sampler.temperature = wanted.temperature;
    request.sampler.seed = wanted.seed;
    request.stop.max_tokens = wanted.max_tokens;
    request.stop.repetition = wanted.repetition;
    request.report_tokens = false;
    return request;
}

// Of the answers that are written together, if each is as long as the longest may be.
std::size_t stateBytes(const StateShape& shape, std::span<const RolloutRequest> requests) {
    std::size_t longest = 0;
    for (const RolloutRequest& request : requests) {
        longest = std::max(longest, request.prompt.size() + static_cast<std::size_t>(request.max_tokens));
    }
    return shape.bytesAt(longest + 1) * std::min(requests.size(), kAnswersTogether);
}

} // namespace

std::vector<RolloutAnswer> writeAnswers(const TrainModel& model, const std::shared_ptr<const Tokenizer>& tokenizer,
                                        std::span<const RolloutRequest> requests,
                                        const RolloutArithmetic& arithmetic, std::size_t threads) {
    std::vector<RolloutAnswer> answers(requests.size());
    std::latch done(static_cast<std::ptrdiff_t>(requests.size()));
    std::vector<std::shared_ptr<AnswerCollector>> collectors;
    EngineOptions options;
    options.threads = threads;
    options.snapshot_bytes = 0; // nobody goes on from where an answer ended
    options.max_batch = kAnswersTogether;
    options.max_queue = requests.size();
    const auto live = modelOver(model, arithmetic);
    if (model.device()) {
        options.memory_bytes =
            stateBytes(live->stateShape(), requests); // no more than needed: gradients are there too
    }
    Engine engine(live, tokenizer, options);
    // Within a turn, so that the scheduler sees all at once and its batches do not depend on timing.
    engine.takeTurn([&](kernels::ThreadPool&, std::size_t) {
        for (std::size_t i = 0; i < requests.size(); ++i) {
            collectors.push_back(std::make_shared<AnswerCollector>(answers[i], done));
            engine.submit(requestOf(requests[i]), collectors.back());
        }
    });
    done.wait();
    for (const auto& collector : collectors) {
        if (collector->error) {
            throw Error(*collector->error);
        }
    }
    for (std::size_t i = 0; i < answers.size(); ++i) {
        if (answers[i].tokens.empty()) {
            fail(ErrorKind::OutOfMemory, "a prompt of {} tokens leaves no room for an answer",
                 requests[i].prompt.size());
        }
    }
    return answers;
}

} // namespace fulgurite
