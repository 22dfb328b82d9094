// SPDX-License-Identifier: Apache-2.0
// The fields that /v1/chat/completions and /v1/completions share, and the sampler, stop and
// intervention objects of /fulgurite/v1/generate.
#pragma once

#include "core/base/intervention.h"
#include "core/checkpoint/model_config.h"
#include "core/generate/request.h"
#include "core/node/object_reader.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace fulgurite::node {

// Largest number of answers one request may ask for, over all its prompts.
inline constexpr std::size_t kMaxChoices = 16;

struct CommonFields {
    std::string model; // empty: whatever is served
    SamplerParams sampler;
    StopParams stop;
    int choices = 1;
    bool stream = false;
    bool include_usage = false;
};

// `vocab_size` bounds token ids; what the request leaves out is as in `defaults`. Without a seed it gets a random
// one.
CommonFields readCommonFields(ObjectReader& reader, std::int64_t vocab_size, SamplerParams defaults = {});

SamplerParams readSampler(const nlohmann::json* object, const std::string& path, std::int64_t vocab_size);
StopParams readStop(const nlohmann::json* object, const std::string& path, std::int64_t vocab_size);

// The field "intervention", an extension; empty when absent. Refuses what the model does not have.
InterventionRecipe readIntervention(ObjectReader& reader, const ModelConfig& config);

std::uint64_t randomSeed();
// "chatcmpl-" and 24 random hexadecimal digits.
std::string newId(const std::string& prefix);

} // namespace fulgurite::node
