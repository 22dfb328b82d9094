// SPDX-License-Identifier: Apache-2.0
#include "core/client/openai_json.h"

#include "core/base/json.h"
#include "core/base/json_field.h"

#include <algorithm>

namespace fulgurite::client {

namespace {

using nlohmann::json;

constexpr int most_alternatives = 20;           // that OpenAI's field accepts
constexpr int most_completion_alternatives = 5; // of the older interface
constexpr std::uint64_t seed_mask = 0x7fffffff; // llama.cpp's servers take no larger seed
constexpr std::size_t raw_length = 1024;

// OpenAI's interface completes raw text by 16 tokens unless told otherwise.
std::size_t rawLength(const EngineInfo& server) {
    return server.model.max_positions == 0 ? raw_length : std::min(raw_length, server.model.max_positions / 2);
}

// How many of the listed candidates are likelier, plus one; the sampled token need not be among them.
int rankAmong(const std::vector<Candidate>& candidates, float logprob) {
    return 1 + static_cast<int>(std::count_if(candidates.begin(), candidates.end(),
                                              [logprob](const Candidate& each) { return each.logprob > logprob; }));
}

TokenInfo scoredToken(const JsonField& entry) {
    TokenInfo token;
    token.text = entry["token"].string();
    token.logprob = static_cast<float>(entry["logprob"].number());
    token.logprob_after = token.logprob;
    if (entry.has("top_logprobs")) {
        const JsonField list = entry["top_logprobs"];
        for (std::size_t i = 0; i < list.size(); ++i) {
            const JsonField candidate = list.at(i);
            token.before.push_back(
                {0, static_cast<float>(candidate["logprob"].number()), candidate["token"].string()});
        }
    }
    token.rank = rankAmong(token.before, token.logprob);
    return token;
}

std::string concatenation(const std::vector<TokenInfo>& tokens) {
    std::string result;
    for (const TokenInfo& token : tokens)
        result += token.text;
    return result;
}

void addText(std::vector<TokenInfo>& tokens, StreamChannel channel, const std::string& text) {
    if (text.empty())
        return;
    TokenInfo token;
    token.text = text;
    token.channel = channel;
    tokens.push_back(std::move(token));
}

// Probabilities count only where they spell the very text that was sent.
void addScoredText(std::vector<TokenInfo>& tokens, const JsonField& choice, const std::string& text) {
    std::vector<TokenInfo> scored;
    if (choice.has("logprobs") && choice["logprobs"].has("content")) {
        const JsonField entries = choice["logprobs"]["content"];
        for (std::size_t i = 0; i < entries.size(); ++i)
            scored.push_back(scoredToken(entries.at(i)));
    }
    if (!scored.empty() && concatenation(scored) == text)
        tokens.insert(tokens.end(), scored.begin(), scored.end());
    else
        addText(tokens, StreamChannel::Answer, text);
}

// The older form, of /v1/completions: lists side by side, the candidates as an object.
void addScoredCompletion(std::vector<TokenInfo>& tokens, const JsonField& choice, const std::string& text) {
    std::vector<TokenInfo> scored;
    if (choice.has("logprobs") && choice["logprobs"].has("tokens") && choice["logprobs"].has("token_logprobs")) {
        const JsonField logprobs = choice["logprobs"];
        const JsonField texts = logprobs["tokens"];
        const JsonField values = logprobs["token_logprobs"];
        for (std::size_t i = 0; i < std::min(texts.size(), values.size()); ++i) {
            if (!values.at(i).value().is_number())
                break;
            TokenInfo token;
            token.text = texts.at(i).string();
            token.logprob = token.logprob_after = static_cast<float>(values.at(i).number());
            if (logprobs.has("top_logprobs") && i < logprobs["top_logprobs"].size())
                for (const auto& [other, value] : logprobs["top_logprobs"].at(i).value().items())
                    if (value.is_number())
                        token.before.push_back({0, value.get<float>(), other});
            std::sort(token.before.begin(), token.before.end(),
                      [](const Candidate& a, const Candidate& b) { return a.logprob > b.logprob; });
            token.rank = rankAmong(token.before, token.logprob);
            scored.push_back(std::move(token));
        }
    }
    if (!scored.empty() && concatenation(scored) == text)
        tokens.insert(tokens.end(), scored.begin(), scored.end());
    else
        addText(tokens, StreamChannel::Answer, text);
}

void putSampling(json& body, const GenerateRequest& request) {
    const Sampling& sampling = request.sampling;
    body["temperature"] = sampling.temperature;
    body["top_p"] = sampling.top_p;
    body["seed"] = sampling.seed & seed_mask;
    body["presence_penalty"] = sampling.presence_penalty;
    body["frequency_penalty"] = sampling.frequency_penalty;
    // Extensions that vLLM, SGLang and llama.cpp share; sent only when asked for, as OpenAI itself refuses them.
    if (sampling.top_k > 0)
        body["top_k"] = sampling.top_k;
    if (sampling.min_p > 0)
        body["min_p"] = sampling.min_p;
    if (sampling.repetition_penalty != 1.0)
        body["repetition_penalty"] = sampling.repetition_penalty;
    for (const auto& [id, bias] : sampling.logit_bias)
        body["logit_bias"][std::to_string(id)] = bias;
    if (request.stopping.max_tokens > 0)
        body["max_tokens"] = request.stopping.max_tokens;
    if (!request.stopping.strings.empty())
        body["stop"] = request.stopping.strings;
}

} // namespace

std::optional<Error> refusedByOpenAi(const GenerateRequest& request) {
    if (!request.continue_tokens.empty())
        return Error(ErrorKind::Unsupported,
                     "this server cannot go on inside an answer: its interface has no field for it");
    if (std::holds_alternative<TokenIds>(request.prompt))
        return Error(ErrorKind::Unsupported, "this server takes text, not tokens");
    return std::nullopt;
}

std::string openAiBody(const GenerateRequest& request, const std::string& model, const EngineInfo& server) {
    const bool scores = request.alternatives > 0 && server.can("logprobs");
    json body{{"model", model}, {"stream", true}, {"stream_options", {{"include_usage", true}}}};
    if (const auto* messages = std::get_if<std::vector<ChatMessage>>(&request.prompt)) {
        json list = json::array();
        for (const ChatMessage& message : *messages)
            list.push_back({{"role", message.role}, {"content", message.content}});
        body["messages"] = std::move(list);
        if (scores) {
            body["logprobs"] = true;
            body["top_logprobs"] = std::min(request.alternatives, most_alternatives);
        }
    } else {
        body["prompt"] = std::get<RawText>(request.prompt).text;
        if (scores)
            body["logprobs"] = std::min(request.alternatives, most_completion_alternatives);
        if (request.stopping.max_tokens == 0)
            body["max_tokens"] = rawLength(server);
    }
    putSampling(body, request);
    return dumpJson(body);
}

bool isOpenAiError(std::string_view data) {
    const json document = json::parse(data, nullptr, false);
    return document.is_object() && !document.contains("choices") &&
           (document.contains("error") || document.value("object", json()) == "error");
}

OpenAiChunk readOpenAiChunk(std::string_view data, const std::string& where) {
    const json document = json::parse(data, nullptr, false);
    if (document.is_discarded())
        fail(ErrorKind::InvalidInput, "{}: a part of the answer is not JSON", where);
    const JsonField root(document, where);
    OpenAiChunk chunk;
    chunk.id = root.string("id", "");
    if (root.has("usage")) {
        chunk.prompt_tokens = root["usage"].count("prompt_tokens", 0);
        chunk.completion_tokens = root["usage"].count("completion_tokens", 0);
    }
    if (!root.has("choices") || root["choices"].size() == 0)
        return chunk;
    const JsonField choice = root["choices"].at(0);
    chunk.finish_reason = choice.string("finish_reason", "");
    if (choice.has("delta")) {
        const JsonField delta = choice["delta"];
        // vLLM and SGLang say "reasoning_content"; newer ones "reasoning".
        addText(chunk.tokens, StreamChannel::Thinking,
                delta.string("reasoning_content", delta.string("reasoning", "")));
        addScoredText(chunk.tokens, choice, delta.string("content", ""));
    } else {
        addScoredCompletion(chunk.tokens, choice, choice.string("text", ""));
    }
    return chunk;
}

std::vector<std::string> readOpenAiModels(std::string_view body, const std::string& where) {
    const json document = json::parse(body, nullptr, false);
    if (document.is_discarded())
        fail(ErrorKind::InvalidInput, "{}: the answer is not JSON; is this an OpenAI-compatible server?", where);
    const JsonField list = JsonField(document, where)["data"];
    std::vector<std::string> result;
    for (std::size_t i = 0; i < list.size(); ++i)
        result.push_back(list.at(i)["id"].string());
    return result;
}

std::string finishReasonOf(const std::string& openai_reason) {
    if (openai_reason == "stop")
        return "end_of_sentence";
    if (openai_reason == "length")
        return "max_tokens";
    return openai_reason;
}

} // namespace fulgurite::client
