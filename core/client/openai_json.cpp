// SPDX-License-Identifier: Apache-2.0
#include "core/client/openai_json.h"

#include "core/base/json_field.h"

#include <algorithm>

namespace fulgurite::client {

namespace {

using nlohmann::json;

constexpr int most_alternatives = 20; // that OpenAI's field accepts

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

void putSampling(json& body, const GenerateRequest& request) {
    const Sampling& sampling = request.sampling;
    body["temperature"] = sampling.temperature;
    body["top_p"] = sampling.top_p;
    body["seed"] = sampling.seed;
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

std::string openAiBody(const GenerateRequest& request, const std::string& model) {
    if (!request.continue_tokens.empty())
        fail(ErrorKind::Unsupported,
             "this server cannot go on inside an answer: its interface has no field for it");
    json body{{"model", model}, {"stream", true}, {"stream_options", {{"include_usage", true}}}};
    if (const auto* messages = std::get_if<std::vector<ChatMessage>>(&request.prompt)) {
        json list = json::array();
        for (const ChatMessage& message : *messages)
            list.push_back({{"role", message.role}, {"content", message.content}});
        body["messages"] = std::move(list);
        if (request.alternatives > 0) {
            body["logprobs"] = true;
            body["top_logprobs"] = std::min(request.alternatives, most_alternatives);
        }
    } else if (const auto* raw = std::get_if<RawText>(&request.prompt)) {
        body["prompt"] = raw->text;
    } else {
        fail(ErrorKind::Unsupported, "this server takes text, not tokens");
    }
    putSampling(body, request);
    return body.dump(-1, ' ', false, json::error_handler_t::replace);
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
        addText(chunk.tokens, StreamChannel::Answer, choice.string("text", ""));
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
