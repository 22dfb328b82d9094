// SPDX-License-Identifier: Apache-2.0
// The file generation_config.json of a checkpoint folder.
#pragma once

#include "core/base/sampling_defaults.h"

#include <filesystem>

namespace fulgurite {

// All unset when the folder has no such file; "do_sample": false counts as temperature 0. Throws
// Error{InvalidInput} that names the field when a value is none that a sampler could take.
SamplingDefaults readSamplingDefaults(const std::filesystem::path& folder);

} // namespace fulgurite
