// SPDX-License-Identifier: Apache-2.0
#include "core/checkpoint/generation_config.h"

#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/checkpoint/config_reader.h"

#include <algorithm>
#include <limits>

namespace fulgurite {

namespace {

std::optional<double> real(const ConfigReader& config, const char* field, double low, double high) {
    if (!config.has(field)) {
        return std::nullopt;
    }
    const double value = config.number(field, 0);
    if (value < low || value > high) {
        fail(ErrorKind::InvalidInput, "{}: {} is {}, expected {} to {}", config.name(), field, value, low, high);
    }
    return value;
}

} // namespace

SamplingDefaults readSamplingDefaults(const std::filesystem::path& folder) {
    const std::filesystem::path path = folder / "generation_config.json";
    SamplingDefaults defaults;
    if (!std::filesystem::exists(path)) {
        return defaults;
    }
    const ConfigReader config = ConfigReader::parse(readTextFile(path), path.string());
    defaults.temperature = real(config, "temperature", 0, 2);
    if (!config.boolean("do_sample", true)) {
        defaults.temperature = 0.0;
    }
    if (config.has("top_k")) { // some files write -1 for "off"
        constexpr std::int64_t kMost = std::numeric_limits<int>::max();
        defaults.top_k = static_cast<int>(std::max<std::int64_t>(config.integer("top_k", -1, kMost, 0), 0));
    }
    defaults.top_p = real(config, "top_p", std::numeric_limits<float>::min(), 1);
    defaults.min_p = real(config, "min_p", 0, 1);
    defaults.repetition_penalty = real(config, "repetition_penalty", 0.01, 10);
    return defaults;
}

} // namespace fulgurite
