// SPDX-License-Identifier: Apache-2.0
// A model service that says what a test tells it to: byte tokens plus the words of the script, a thread for each
// generation, and a record of what was asked and cancelled.
#pragma once

#include "core/node/model_service.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace fulgurite::node::test {

inline constexpr TokenId kEndOfSentence = 256;

struct Script {
    std::vector<std::string> tokens{"Hello", " world"};
    bool endless = false; // says its tokens again and again
    std::chrono::milliseconds pause{0};
    std::optional<Error> refusal; // thrown by submit
    std::optional<Error> failure; // reported instead of the end
    FinishReason reason = FinishReason::EndOfSentence;
    std::string rest;

    static Script of(std::vector<std::string> tokens) {
        Script script;
        script.tokens = std::move(tokens);
        return script;
    }
};

class ScriptedService final : public ModelService {
  public:
    ScriptedService();
    ~ScriptedService() override;

    void setScript(Script script);
    std::vector<GenerateRequest> requests() const;
    std::size_t running() const { return running_.load(); }
    std::size_t cancelled() const { return cancelled_count_.load(); }
    std::size_t tokensSent() const { return tokens_sent_.load(); }
    TokenId idOf(const std::string& word);

    const ModelFacts& facts() const override { return facts_; }
    TokenIds encode(std::string_view text, SpecialTokens special) const override;
    std::string_view bytesOf(TokenId id) const override;
    bool isSpecial(TokenId id) const override { return id == kEndOfSentence; }
    // "[role]content<end_of_sentence>" for each message, "[tools]" first when there are any.
    std::string renderChat(const nlohmann::json& messages, const nlohmann::ordered_json& tools,
                           bool add_generation_prompt) const override;
    GenerationId submit(GenerateRequest request, std::shared_ptr<GenerationListener> listener) override;
    void cancel(GenerationId id) override;
    EngineStatus status() const override;
    ReentryCost reentryCost(std::span<const TokenId> prefix, const std::string& tenant) const override;

  private:
    void play(GenerationId id, const Script& script, const GenerateRequest& request, GenerationListener& listener);
    TokenRecord record(TokenId id, int alternatives) const;
    bool isCancelled(GenerationId id) const;

    ModelFacts facts_;
    mutable std::mutex mutex_;
    Script script_;
    std::deque<std::string> words_; // 0 to 255 are bytes
    std::map<std::string, TokenId> ids_;
    std::vector<GenerateRequest> requests_;
    std::set<GenerationId> cancelled_;
    std::vector<std::thread> threads_;
    GenerationId next_ = 1;
    std::atomic<std::size_t> running_{0};
    std::atomic<std::size_t> cancelled_count_{0};
    std::atomic<std::size_t> tokens_sent_{0};
};

} // namespace fulgurite::node::test
