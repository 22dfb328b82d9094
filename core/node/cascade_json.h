// SPDX-License-Identifier: Apache-2.0
// Image libraries, searches and ledgers as docs/protocol.md writes them, and its requests as core/cascade has them.
#pragma once

#include "core/cascade/evaluate.h"
#include "core/cascade/library_service.h"
#include "core/node/object_reader.h"

#include <nlohmann/json.hpp>

#include <vector>

namespace fulgurite::node {

nlohmann::json libraryJson(cascade::LibraryService& service, const cascade::Library& library);
nlohmann::json encoderJson(cascade::LibraryService& service, const cascade::EncoderInfo& encoder);
nlohmann::json imageJson(const cascade::ImageEntry& image);
// `limit`: results, `fell`: images told of each stage.
nlohmann::json queryJson(const cascade::QueryOutcome& outcome, std::size_t limit, std::size_t fell);
nlohmann::json ledgerJson(const cascade::LedgerReport& report);
// `costs`: of one image at each stage of the chain.
nlohmann::json simulationJson(const cascade::Simulation& simulation, std::size_t first_cut,
                              const cascade::StageCosts& costs);
nlohmann::json evaluationJson(const cascade::EvaluationResult& result, std::size_t front_from);

// All refuse with ApiError 400 what does not fit.
std::vector<cascade::QueryStage> readStages(const nlohmann::json& list, const std::string& path);
std::vector<cascade::QueryTerm> readTerms(const nlohmann::json& list, const std::string& path);
std::vector<std::string> readFolders(const nlohmann::json& list, const std::string& path);

} // namespace fulgurite::node
