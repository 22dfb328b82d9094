// SPDX-License-Identifier: Apache-2.0
// The scripted model of the node's tests.
#include "tests/node/scripted_service.h"

#include "core/node/json_text.h"

namespace fulgurite::node::test {

namespace {

constexpr std::string_view kEndText = "<end_of_sentence>";

std::string plainText(const nlohmann::json& content) {
    if (content.is_string()) {
        return content.get<std::string>();
    }
    std::string text;
    for (const nlohmann::json& part : content) {
        text += part.at("text").get<std::string>();
    }
    return text;
}

} // namespace

ScriptedService::ScriptedService() {
    for (int byte = 0; byte < 256; ++byte) {
        words_.emplace_back(1, static_cast<char>(byte));
    }
    words_.emplace_back(kEndText);
    facts_.id = "scripted";
    facts_.path = "/models/scripted";
    facts_.dtype = "F32";
    facts_.parameters = 1000;
    facts_.config.architecture = "MiniMaxM1ForCausalLM";
    facts_.config.layers = {LayerKind::Lightning, LayerKind::Softmax};
    facts_.config.num_heads = 4;
    facts_.config.num_experts = 8;
    facts_.config.vocab_size = 10'000;
    facts_.config.max_positions = 4096;
    facts_.sampling.temperature = 0.2;
    facts_.sampling.top_k = 40;
    facts_.has_tokenizer = true;
    facts_.has_template = true;
}

ScriptedService::~ScriptedService() {
    {
        const std::lock_guard lock(mutex_);
        for (GenerationId id = 1; id < next_; ++id) {
            cancelled_.insert(id);
        }
    }
    for (std::thread& thread : threads_) {
        thread.join();
    }
}

void ScriptedService::setScript(Script script) {
    for (const std::string& token : script.tokens) {
        idOf(token);
    }
    const std::lock_guard lock(mutex_);
    script_ = std::move(script);
}

std::vector<GenerateRequest> ScriptedService::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

TokenId ScriptedService::idOf(const std::string& word) {
    const std::lock_guard lock(mutex_);
    if (word.size() == 1) {
        return static_cast<unsigned char>(word[0]);
    }
    const auto [entry, added] = ids_.try_emplace(word, static_cast<TokenId>(words_.size()));
    if (added) {
        words_.push_back(word);
    }
    return entry->second;
}

TokenIds ScriptedService::encode(std::string_view text, SpecialTokens special) const {
    if (!isUtf8(text)) {
        fail(ErrorKind::InvalidInput, "not UTF-8");
    }
    TokenIds ids;
    while (!text.empty()) {
        if (special == SpecialTokens::Parse && text.substr(0, kEndText.size()) == kEndText) {
            ids.push_back(kEndOfSentence);
            text.remove_prefix(kEndText.size());
        } else {
            ids.push_back(static_cast<unsigned char>(text.front()));
            text.remove_prefix(1);
        }
    }
    return ids;
}

std::string_view ScriptedService::bytesOf(TokenId id) const {
    const std::lock_guard lock(mutex_);
    return id >= 0 && static_cast<std::size_t>(id) < words_.size()
               ? std::string_view(words_[static_cast<std::size_t>(id)])
               : std::string_view();
}

std::string ScriptedService::renderChat(const nlohmann::json& messages, const nlohmann::ordered_json& tools,
                                        bool add_generation_prompt) const {
    std::string text = tools.is_null() ? "" : "[tools]";
    for (const nlohmann::json& message : messages) {
        text += "[" + message.at("role").get<std::string>() + "]" + plainText(message.at("content"));
        text += kEndText;
    }
    return text + (add_generation_prompt ? "[assistant]" : "");
}

GenerationId ScriptedService::submit(GenerateRequest request, std::shared_ptr<GenerationListener> listener) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
    if (script_.refusal) {
        throw *script_.refusal;
    }
    const GenerationId id = next_++;
    ++running_;
    threads_.emplace_back(
        [this, id, script = script_, request = std::move(request), listener = std::move(listener)] {
            play(id, script, request, *listener);
            --running_;
        });
    return id;
}

void ScriptedService::cancel(GenerationId id) {
    const std::lock_guard lock(mutex_);
    if (cancelled_.insert(id).second) {
        ++cancelled_count_;
    }
}

bool ScriptedService::isCancelled(GenerationId id) const {
    const std::lock_guard lock(mutex_);
    return cancelled_.count(id) > 0;
}

TokenRecord ScriptedService::record(TokenId id, int alternatives) const {
    TokenRecord record;
    record.id = id;
    record.logprob = -0.5f;
    record.logprob_after = -0.25f;
    record.rank = 1;
    record.entropy = 1.5f;
    record.kept = 3;
    for (int i = 0; i < alternatives; ++i) {
        record.before.push_back({'a' + i, -0.5f - static_cast<float>(i)});
        record.after.push_back({'a' + i, -0.25f - static_cast<float>(i)});
    }
    return record;
}

void ScriptedService::play(GenerationId id, const Script& script, const GenerateRequest& request,
                           GenerationListener& listener) {
    GenerationSummary summary;
    summary.prompt_tokens = request.prompt.size();
    listener.onPrefill({0, request.prompt.size(), request.prompt.size(), 1000});
    for (std::size_t i = 0; request.echo_logprobs && i < request.prompt.size(); ++i) {
        TokenRecord prompt_token = record(request.prompt[i], i == 0 ? 0 : request.alternatives);
        prompt_token.rank = i == 0 ? 0 : 1;
        listener.onPromptToken(prompt_token);
    }
    summary.reason = script.reason;
    const std::size_t limit =
        request.stop.max_tokens > 0 ? static_cast<std::size_t>(request.stop.max_tokens) : SIZE_MAX;
    for (std::size_t i = 0; script.endless || i < script.tokens.size(); ++i) {
        if (isCancelled(id)) {
            summary.reason = FinishReason::Cancelled;
            break;
        }
        if (i == limit) {
            summary.reason = FinishReason::MaxTokens;
            break;
        }
        const std::string& word = script.tokens[i % script.tokens.size()];
        listener.onToken(record(idOf(word), request.alternatives), isUtf8(word) ? word : std::string());
        ++summary.completion_tokens;
        ++tokens_sent_;
        if (script.pause.count() > 0) {
            std::this_thread::sleep_for(script.pause);
        }
    }
    if (script.failure) {
        listener.onError(*script.failure);
    } else {
        listener.onFinish(summary, script.rest);
    }
}

EngineStatus ScriptedService::status() const {
    EngineStatus status;
    status.active = running_.load();
    status.completion_tokens_total = tokens_sent_.load();
    status.memory_limit = 1 << 20;
    return status;
}

ReentryCost ScriptedService::reentryCost(std::span<const TokenId> prefix, const std::string& /*tenant*/) const {
    return {prefix.size(), prefix.size() / 2, 0.5};
}

} // namespace fulgurite::node::test
