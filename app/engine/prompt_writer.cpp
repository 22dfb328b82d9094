// SPDX-License-Identifier: Apache-2.0
#include "app/engine/prompt_writer.h"

#include "app/engine/answer_stream.h"
#include "app/engine/command.h"
#include "app/engine/local_engine.h"
#include "core/base/error.h"
#include "core/generate/chat_tokens.h"
#include "core/generate/prompt_thinking.h"
#include "core/retrieval/fusion_prompts.h"

namespace fulgurite::app {

namespace {

constexpr int kMostTokens = 512;

// The answer without its thinking.
class CollectingSink final : public AnswerSink {
  public:
    void token(const StreamedToken& token) override {
        if (token.channel == Channel::Answer) {
            text_ += token.text;
        }
    }
    void finish(const GenerationSummary&, const std::string& rest) override { text_ += rest; }
    const std::string& text() const { return text_; }

  private:
    std::string text_;
};

} // namespace

std::vector<std::string> writeFusionPrompts(const std::filesystem::path& model, const std::string& query,
                                            std::size_t threads) {
    LocalEngineOptions options;
    options.model = model.string();
    options.threads = threads;
    const LocalEngine local = openLocalEngine(options);
    if (!local.chat_template) {
        fail(ErrorKind::NotFound, "{} has no chat template, so it cannot be asked for search prompts",
             model.string());
    }
    const nlohmann::json messages{{{"role", "user"}, {"content", retrieval::fusionRequest(query)}}};
    GenerateRequest request;
    request.prompt = chatTokens(*local.chat_template, *local.tokenizer, messages, {}, true);
    request.sampler.temperature = 0;
    request.stop.max_tokens = kMostTokens;
    CollectingSink sink;
    InterruptGuard interrupts;
    const GenerationSummary summary = streamAnswer(
        *local.engine, request, thinkingAtEnd(request.prompt, *local.tokenizer).splitter, sink, interrupts);
    if (summary.reason == FinishReason::Cancelled) {
        throw CLI::RuntimeError(kExitInterrupted);
    }
    std::vector<std::string> prompts = retrieval::fusionPrompts(sink.text());
    if (prompts.empty()) {
        fail(ErrorKind::Unavailable, "{} wrote no search prompt; give some with --prompt", model.string());
    }
    return prompts;
}

} // namespace fulgurite::app
