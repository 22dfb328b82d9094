// SPDX-License-Identifier: Apache-2.0
#include "app/engine/sampler_options.h"

#include "core/base/error.h"
#include "core/checkpoint/generation_config.h"
#include "core/generate/sampler.h"

#include <charconv>
#include <limits>
#include <random>

namespace fulgurite::app {

namespace {

// Recommended by MiniMax for M1.
constexpr float kDefaultTopP = 0.95f;

template <class T>
T parseNumber(const std::string& text, std::string_view name) {
    T value{};
    const char* end = text.data() + text.size();
    const auto [parsed, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || parsed != end) {
        fail(ErrorKind::InvalidInput, "{}: \"{}\" is not a number that fits", name, text);
    }
    return value;
}

void addBias(SamplerOptions& options, const std::string& text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string::npos) {
        fail(ErrorKind::InvalidInput, "logit-bias: \"{}\" should be a token id and a number, for example 42:-5",
             text);
    }
    const auto id = parseNumber<TokenId>(text.substr(0, colon), "logit-bias");
    options.sampler.logit_bias[id] = parseNumber<float>(text.substr(colon + 1), "logit-bias");
}

std::uint64_t seedByChance() {
    std::random_device device;
    return device() & 0x7fffffffu; // short enough to be typed again
}

} // namespace

void addSamplerOptions(CLI::App& command, SamplerOptions& options) {
    SamplerParams& sampler = options.sampler;
    StopParams& stop = options.stop;
    sampler.top_p = kDefaultTopP;
    const char* group = "Sampling";
    const auto add = [&](const char* name, auto& value, const char* help) {
        return command.add_option(name, value, help)->group(group);
    };
    add("-t,--temperature", sampler.temperature, "0 is greedy (default: the model's own, or 1)");
    add("--top-k", sampler.top_k, "Keep the K most likely tokens; 0 is off (default: the model's own, or 0)");
    add("--top-p", sampler.top_p,
        "Keep the most likely tokens up to this mass (default: the model's own, or 0.95)");
    add("--min-p", sampler.min_p, "Drop tokens less likely than this share of the best one; 0 is off");
    add("--repetition-penalty", sampler.repetition_penalty, "Above 1 makes tokens seen before less likely");
    add("--presence-penalty", sampler.presence_penalty, "Taken off the logit of every generated token");
    add("--frequency-penalty", sampler.frequency_penalty, "The same, for each time it was generated");
    add("--logit-bias", options.logit_bias, "ID:BIAS, added to a token's logit; may be given several times")
        ->allow_extra_args(false);
    add("--seed", sampler.seed, "The same seed gives the same answer (default: by chance)");
    group = "Stopping";
    add("-n,--max-tokens", stop.max_tokens, "At most this many tokens; 0 is as many as fit");
    add("--thinking-budget", stop.thinking_budget, "End the thinking after this many tokens; 0 is off");
    add("--stop", stop.strings, "Stop before this text; may be given several times")->allow_extra_args(false);
    add("--stop-token", stop.token_ids, "Stop at this token id; may be given several times")
        ->allow_extra_args(false);
    command.add_flag("--ignore-eos", stop.ignore_eos, "Go on after the end of sentence")->group(group);
    add("--repetition-stop", stop.repetition.run,
        "Stop after this many tokens in a row that were each almost certain; 0 is off");
    add("--repetition-probability", stop.repetition.probability, "Almost certain is above this")
        ->capture_default_str();
}

void finishSamplerOptions(const CLI::App& command, const std::filesystem::path& model, SamplerOptions& options) {
    const SamplerParams typed = options.sampler;
    SamplerParams& sampler = options.sampler;
    sampler = recommended(readSamplingDefaults(model), typed);
    const auto keep = [&](const char* option, auto SamplerParams::*field) {
        if (command.count(option) > 0) {
            sampler.*field = typed.*field;
        }
    };
    keep("--temperature", &SamplerParams::temperature);
    keep("--top-k", &SamplerParams::top_k);
    keep("--top-p", &SamplerParams::top_p);
    keep("--min-p", &SamplerParams::min_p);
    keep("--repetition-penalty", &SamplerParams::repetition_penalty);
    options.seeded = command.count("--seed") > 0;
    if (!options.seeded) {
        options.sampler.seed = seedByChance();
    }
    for (const std::string& bias : options.logit_bias) {
        addBias(options, bias);
    }
}

void setSamplerOption(SamplerOptions& options, std::string_view name, const std::string& value) {
    SamplerOptions changed = options;
    SamplerParams& sampler = changed.sampler;
    const std::pair<std::string_view, float*> reals[] = {{"temperature", &sampler.temperature},
                                                         {"top-p", &sampler.top_p},
                                                         {"min-p", &sampler.min_p},
                                                         {"repetition-penalty", &sampler.repetition_penalty},
                                                         {"presence-penalty", &sampler.presence_penalty},
                                                         {"frequency-penalty", &sampler.frequency_penalty}};
    const std::pair<std::string_view, int*> integers[] = {{"top-k", &sampler.top_k},
                                                          {"max-tokens", &changed.stop.max_tokens},
                                                          {"thinking-budget", &changed.stop.thinking_budget}};
    bool known = false;
    for (const auto& [key, target] : reals) {
        if (key == name) {
            *target = parseNumber<float>(value, name);
            known = true;
        }
    }
    for (const auto& [key, target] : integers) {
        if (key == name) {
            *target = parseNumber<int>(value, name);
            known = true;
        }
    }
    if (name == "seed") {
        sampler.seed = parseNumber<std::uint64_t>(value, name);
        changed.seeded = true;
        known = true;
    }
    if (!known) {
        fail(ErrorKind::InvalidInput,
             "there is no setting \"{}\"; there are temperature, top-k, top-p, min-p, repetition-penalty, "
             "presence-penalty, frequency-penalty, max-tokens, thinking-budget and seed",
             name);
    }
    validate(sampler, std::numeric_limits<std::size_t>::max());
    if (changed.stop.max_tokens < 0 || changed.stop.thinking_budget < 0) {
        fail(ErrorKind::InvalidInput, "{} must be 0 (off) or more", name);
    }
    options = changed;
}

std::string describe(const SamplerOptions& options) {
    const SamplerParams& sampler = options.sampler;
    std::string text = fmt::format("temperature {}, top-k {}, top-p {}, min-p {}, repetition-penalty {}, "
                                   "presence-penalty {}, frequency-penalty {}, max-tokens {}, thinking-budget {}",
                                   sampler.temperature, sampler.top_k, sampler.top_p, sampler.min_p,
                                   sampler.repetition_penalty, sampler.presence_penalty, sampler.frequency_penalty,
                                   options.stop.max_tokens, options.stop.thinking_budget);
    return text + (options.seeded ? fmt::format(", seed {}", sampler.seed) : ", seed by chance");
}

} // namespace fulgurite::app
