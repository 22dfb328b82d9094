// SPDX-License-Identifier: Apache-2.0
// What the commands that work on image libraries share.
#pragma once

#include "core/cascade/library_service.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace fulgurite::app {

struct LibraryOptions {
    std::string data;
    std::string library;
    std::vector<std::string> encoders;
    std::size_t threads = 0;
    bool json = false;
};

void addLibraryOptions(CLI::App& command, LibraryOptions& options);

// Opens the data folder with the encoders of the options, or the included ones.
std::unique_ptr<cascade::LibraryService> openLibraries(const LibraryOptions& options);
// By name, or the only one there is. Throws Error{NotFound}.
cascade::Library findLibrary(cascade::LibraryService& service, const std::string& name);

// "spyglass-s:50,spyglass-m:10,spyglass-l": an encoder and how many images it hands on. Empty: all encoders in
// rising cost, 50 and then 10 handed on.
std::vector<cascade::QueryStage> parseStages(const std::string& text, const cascade::EncoderSet& encoders);
std::string stagesText(const std::vector<cascade::QueryStage>& stages);
nlohmann::json stagesJson(const std::vector<cascade::QueryStage>& stages);

} // namespace fulgurite::app
