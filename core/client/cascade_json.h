// SPDX-License-Identifier: Apache-2.0
// The JSON of image libraries to and from cascade_types.h. Reading is strict, as in engine_json.h.
#pragma once

#include "core/client/cascade_types.h"

#include <string>
#include <string_view>
#include <vector>

namespace fulgurite::client {

std::string libraryBody(const std::string* name, const std::vector<std::string>* folders);
std::string queryBody(const CascadeQuery& query);
std::string simulationBody(const SimulationRequest& request);
std::string evaluationBody(const RecallRequest& request);

ImageLibrary readLibrary(std::string_view body, const std::string& where);
std::vector<ImageLibrary> readLibraries(std::string_view body, const std::string& where);
std::vector<ImageEncoder> readEncoders(std::string_view body, const std::string& where);
std::vector<UnreadableImage> readUnreadable(std::string_view body, const std::string& where);
ImageInfo readImage(std::string_view body, const std::string& where);
ImagePage readImages(std::string_view body, const std::string& where);
CascadeAnswer readCascadeAnswer(std::string_view body, const std::string& where);
CascadeLedger readLedger(std::string_view body, const std::string& where);
Simulation readSimulation(std::string_view body, const std::string& where);
RecallReport readEvaluation(std::string_view body, const std::string& where);

} // namespace fulgurite::client
