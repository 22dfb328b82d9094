// SPDX-License-Identifier: Apache-2.0
// Captures as JSON: what clients ask for and what they are told.
#pragma once

#include "core/node/object_reader.h"
#include "core/probe/capture_plan.h"

#include <nlohmann/json.hpp>

#include <string>

namespace fulgurite::node {

// The object "plan" of a request; nullptr: everything at its default. Throws ApiError 400.
probe::CaptureRequest readCaptureRequest(const nlohmann::json* plan);

nlohmann::json toJson(const probe::CaptureEstimate& estimate);

// {"id": ..., "info": {...}}
nlohmann::json captureEntry(const std::string& id, const capture::CaptureInfo& info);

} // namespace fulgurite::node
