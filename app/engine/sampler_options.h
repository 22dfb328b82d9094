// SPDX-License-Identifier: Apache-2.0
// The sampler's and the stop rules' options, the same for every sub-command that generates.
#pragma once

#include "core/generate/request.h"

#include <CLI/CLI.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite::app {

struct SamplerOptions {
    SamplerParams sampler;
    StopParams stop;
    std::vector<std::string> logit_bias; // "ID:BIAS"
    bool seeded = false;                 // by the person, else by chance
};

// Adds the options to `command`; what is left open is filled in by finishSamplerOptions().
void addSamplerOptions(CLI::App& command, SamplerOptions& options);

// Takes what the person did not say from the model's generation_config.json, a seed by chance, and parses the logit
// bias. Throws Error{InvalidInput}.
void finishSamplerOptions(const CLI::App& command, const std::filesystem::path& model, SamplerOptions& options);

// Changes one setting by its option name without dashes, for example "top-p". Throws Error{InvalidInput}.
void setSamplerOption(SamplerOptions& options, std::string_view name, const std::string& value);
// "temperature 1, top-p 0.95, ..."
std::string describe(const SamplerOptions& options);

} // namespace fulgurite::app
