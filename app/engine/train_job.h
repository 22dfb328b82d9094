// SPDX-License-Identifier: Apache-2.0
// Training as a job of a node: `fulgurite-engine train METHOD` in a process of its own.
#pragma once

#include "core/node/job_service.h"

#include <chrono>
#include <filesystem>

namespace fulgurite::app {

// A spec is {"method": "pretrain" | "sft" | "rl", "config": {...}} with a configuration as `train` reads it. "out"
// is in the job's folder unless the configuration says where, and the run is reported into `runs`. A configuration
// that names neither "model" nor "fresh" begins with `model`, which the node serves: a client does not know its
// folder.
node::JobKind trainJobKind(std::filesystem::path runs, std::filesystem::path model);

// A few times the longest of its last steps, as its log has them.
std::chrono::milliseconds trainPatience(const node::JobRecord& job);

} // namespace fulgurite::app
