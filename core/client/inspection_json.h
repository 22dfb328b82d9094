// SPDX-License-Identifier: Apache-2.0
// The JSON of inspection, to and from inspection_client.h. Reading is strict, as in engine_json.h.
#pragma once

#include "core/client/inspection_client.h"

#include <string>
#include <string_view>

namespace fulgurite::client {

std::string planBody(std::size_t tokens, const CapturePlan& plan);
std::string captureBody(const CaptureRequest& request);
std::string compareBody(const CompareRequest& request);

// `where` begins every message.
CaptureCost readCaptureCost(std::string_view body, const std::string& where);
CaptureEntry readCaptureEntry(std::string_view body, const std::string& where);
CaptureList readCaptureList(std::string_view body, const std::string& where);
std::string readRemoved(std::string_view body, const std::string& where);
capture::DecayMap readDecay(std::string_view body, const std::string& where);
CostCurve readCosts(std::string_view body, const std::string& where);

struct CaptureStart {
    std::string id;
    CaptureCost cost;
};
CaptureStart readCaptureStart(std::string_view data, const std::string& where);
std::pair<std::size_t, std::size_t> readCaptureProgress(std::string_view data, const std::string& where);

} // namespace fulgurite::client
