// SPDX-License-Identifier: Apache-2.0
// Validation of sampler, stop and streaming options.
#include "core/node/sampling_fields.h"

#include "core/model/intervention.h"
#include "core/node/api_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <random>

namespace fulgurite::node {

namespace {

constexpr std::size_t kMaxStopStrings = 16;
constexpr std::size_t kMaxStopBytes = 1024;
constexpr int kMaxTokens = std::numeric_limits<int>::max();

void set(float& target, std::optional<double> value) {
    if (value) {
        target = static_cast<float>(*value);
    }
}

void set(int& target, std::optional<std::int64_t> value) {
    if (value) {
        target = static_cast<int>(*value);
    }
}

void readLogitBias(ObjectReader& reader, std::int64_t vocab_size, SamplerParams& sampler) {
    const nlohmann::json* object = reader.object("logit_bias");
    if (object == nullptr) {
        return;
    }
    for (const auto& [key, value] : object->items()) {
        const std::string path = reader.pathOf("logit_bias");
        TokenId id = -1;
        const auto [end, code] = std::from_chars(key.data(), key.data() + key.size(), id);
        if (code != std::errc() || end != key.data() + key.size() || id < 0 || id >= vocab_size) {
            refuse(path, fmt::format("'{}' is not a token id below {}", key.substr(0, 32), vocab_size));
        }
        if (!value.is_number() || !(std::abs(value.get<double>()) <= 100)) {
            refuse(path, fmt::format("the bias of token {} must be a number between -100 and 100", id));
        }
        sampler.logit_bias[id] = value.get<float>();
    }
}

// The fields that both surfaces spell alike.
void readSamplerFields(ObjectReader& reader, std::int64_t vocab_size, SamplerParams& sampler) {
    set(sampler.temperature, reader.number("temperature", 0, 2));
    // Some clients write -1 for "off".
    set(sampler.top_k, reader.integer("top_k", -1, kMaxTokens));
    sampler.top_k = std::max(sampler.top_k, 0);
    set(sampler.top_p, reader.number("top_p", 0, 1));
    sampler.top_p = std::max(sampler.top_p, std::numeric_limits<float>::min());
    set(sampler.min_p, reader.number("min_p", 0, 1));
    set(sampler.repetition_penalty, reader.number("repetition_penalty", 0.01, 10));
    set(sampler.presence_penalty, reader.number("presence_penalty", -2, 2));
    set(sampler.frequency_penalty, reader.number("frequency_penalty", -2, 2));
    readLogitBias(reader, vocab_size, sampler);
    sampler.seed = reader.seed("seed").value_or(randomSeed());
}

std::vector<std::string> readStopStrings(const nlohmann::json* value, const std::string& path) {
    std::vector<std::string> strings;
    if (value == nullptr) {
        return strings;
    }
    const auto add = [&](const nlohmann::json& item) {
        if (!item.is_string() || item.get_ref<const std::string&>().empty()) {
            refuse(path, "must be a string that is not empty, or a list of such strings");
        }
        if (item.get_ref<const std::string&>().size() > kMaxStopBytes) {
            refuse(path, fmt::format("a stop string may have {} bytes at most", kMaxStopBytes));
        }
        strings.push_back(item.get<std::string>());
    };
    if (value->is_array()) {
        std::for_each(value->begin(), value->end(), add);
    } else {
        add(*value);
    }
    if (strings.size() > kMaxStopStrings) {
        refuse(path, fmt::format("at most {} stop strings", kMaxStopStrings));
    }
    return strings;
}

TokenIds readStopIds(const nlohmann::json* value, const std::string& path, std::int64_t vocab_size) {
    return value == nullptr ? TokenIds() : readTokenIds(*value, path, vocab_size);
}

void readStreamOptions(ObjectReader& reader, CommonFields& fields) {
    fields.stream = reader.boolean("stream").value_or(false);
    const nlohmann::json* object = reader.object("stream_options");
    if (object == nullptr) {
        return;
    }
    if (!fields.stream) {
        refuse("stream_options", "only together with \"stream\": true");
    }
    ObjectReader options(*object, "stream_options");
    fields.include_usage = options.boolean("include_usage").value_or(false);
    options.ignore({"include_obfuscation", "continuous_usage_stats"});
    options.finish();
}

std::string randomHex(std::size_t digits) {
    static constexpr char kDigits[] = "0123456789abcdef";
    thread_local std::random_device device;
    std::string text;
    for (std::size_t i = 0; i < digits; ++i) {
        text += kDigits[device() & 15U];
    }
    return text;
}

} // namespace

InterventionRecipe readIntervention(ObjectReader& reader, const ModelConfig& config) {
    const nlohmann::json* object = reader.object("intervention");
    if (object == nullptr) {
        return {};
    }
    try {
        InterventionRecipe recipe = readRecipe(JsonField(*object, "intervention"));
        checkIntervention(recipe.intervention, config);
        return recipe;
    } catch (const Error& error) {
        throw ApiError(400, error.what(), reader.pathOf("intervention"));
    }
}

std::uint64_t randomSeed() {
    thread_local std::random_device device;
    return (std::uint64_t{device()} << 32) | device();
}

std::string newId(const std::string& prefix) {
    return prefix + randomHex(24);
}

CommonFields readCommonFields(ObjectReader& reader, std::int64_t vocab_size, SamplerParams defaults) {
    CommonFields fields;
    fields.sampler = std::move(defaults);
    fields.model = reader.string("model").value_or("");
    readSamplerFields(reader, vocab_size, fields.sampler);
    fields.stop.strings = readStopStrings(reader.find("stop"), reader.pathOf("stop"));
    fields.stop.token_ids = readStopIds(reader.find("stop_token_ids"), reader.pathOf("stop_token_ids"), vocab_size);
    fields.stop.ignore_eos = reader.boolean("ignore_eos").value_or(false);
    set(fields.stop.thinking_budget, reader.integer("thinking_budget", 0, kMaxTokens));
    set(fields.choices, reader.integer("n", 1, static_cast<std::int64_t>(kMaxChoices)));
    readStreamOptions(reader, fields);
    // Bookkeeping of hosted services: nothing here depends on it.
    reader.ignore({"user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key",
                   "prompt_cache_retention"});
    return fields;
}

SamplerParams readSampler(const nlohmann::json* object, const std::string& path, std::int64_t vocab_size) {
    SamplerParams sampler;
    if (object == nullptr) {
        sampler.seed = randomSeed();
        return sampler;
    }
    ObjectReader reader(*object, path);
    readSamplerFields(reader, vocab_size, sampler);
    reader.finish();
    return sampler;
}

StopParams readStop(const nlohmann::json* object, const std::string& path, std::int64_t vocab_size) {
    StopParams stop;
    if (object == nullptr) {
        return stop;
    }
    ObjectReader reader(*object, path);
    set(stop.max_tokens, reader.integer("max_tokens", 0, kMaxTokens));
    set(stop.thinking_budget, reader.integer("thinking_budget", 0, kMaxTokens));
    stop.strings = readStopStrings(reader.find("strings"), reader.pathOf("strings"));
    stop.token_ids = readStopIds(reader.find("token_ids"), reader.pathOf("token_ids"), vocab_size);
    stop.ignore_eos = reader.boolean("ignore_eos").value_or(false);
    if (const nlohmann::json* repetition = reader.object("repetition")) {
        ObjectReader fields(*repetition, reader.pathOf("repetition"));
        set(stop.repetition.run, fields.integer("run", 0, kMaxTokens));
        set(stop.repetition.probability, fields.number("probability", 0, 1));
        fields.finish();
    }
    reader.finish();
    return stop;
}

} // namespace fulgurite::node
