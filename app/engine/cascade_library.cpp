// SPDX-License-Identifier: Apache-2.0
#include "app/engine/cascade_library.h"

#include "app/engine/included_encoders.h"
#include "core/base/error.h"

#include <charconv>
#include <nlohmann/json.hpp>

namespace fulgurite::app {

void addLibraryOptions(CLI::App& command, LibraryOptions& options) {
    command
        .add_option("--data", options.data,
                    "Data folder: libraries, vectors and ledger; no serving engine may have it")
        ->required();
    command.add_option("--library", options.library, "Name of the library; may be left out when there is only one");
    command
        .add_option("--encoder", options.encoders,
                    "CLIP folder, given once for each; the included encoders unless given")
        ->allow_extra_args(false);
    command.add_option("--threads", options.threads, "Computing threads; 0 takes one for each core");
    command.add_flag("--json", options.json, "One JSON object");
}

std::unique_ptr<cascade::LibraryService> openLibraries(const LibraryOptions& options) {
    cascade::ServiceOptions service;
    service.data = options.data;
    service.encoders.assign(options.encoders.begin(), options.encoders.end());
    if (service.encoders.empty()) {
        service.encoders = includedEncoders();
    }
    if (service.encoders.empty()) {
        fail(ErrorKind::NotFound,
             "no encoders: those that come with the program are not beside it; name CLIP folders with "
             "--encoder DIR");
    }
    service.threads = options.threads;
    service.watch = false;
    return std::make_unique<cascade::LibraryService>(std::move(service));
}

cascade::Library findLibrary(cascade::LibraryService& service, const std::string& name) {
    const auto all = service.libraries();
    std::string names;
    for (const cascade::Library& library : all) {
        if (library.name == name || (name.empty() && all.size() == 1)) {
            return library;
        }
        names += (names.empty() ? "" : ", ") + library.name;
    }
    fail(ErrorKind::NotFound, "{}; there are: {}. Make one with `cascade build`",
         name.empty() ? "which library? Give --library NAME" : "there is no library '" + name + "'",
         names.empty() ? "none" : names);
}

std::vector<cascade::QueryStage> parseStages(const std::string& text, const cascade::EncoderSet& encoders) {
    std::vector<cascade::QueryStage> stages;
    if (text.empty()) {
        std::size_t keep = 50;
        for (const cascade::EncoderInfo& info : encoders.list()) {
            stages.push_back({info.id, keep});
            keep = keep == 50 ? 10 : keep;
        }
        return stages;
    }
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t end = std::min(text.find(',', at), text.size());
        const std::string part = text.substr(at, end - at);
        const std::size_t colon = part.find(':');
        cascade::QueryStage stage{encoders.info(part.substr(0, colon)).id, 0};
        if (colon != std::string::npos) {
            const char* last = part.data() + part.size();
            const auto [stop, code] = std::from_chars(part.data() + colon + 1, last, stage.keep);
            if (code != std::errc() || stop != last || stage.keep == 0) {
                fail(ErrorKind::InvalidInput, "--stages: '{}': expected ENCODER:IMAGES, such as {}:50", part,
                     stage.encoder);
            }
        }
        stages.push_back(stage);
        at = end + 1;
    }
    cascade::checkStages(stages);
    return stages;
}

std::string stagesText(const std::vector<cascade::QueryStage>& stages) {
    std::string text;
    for (std::size_t j = 0; j < stages.size(); ++j) {
        text += (j == 0 ? "" : " -> ") + stages[j].encoder;
        text += j + 1 < stages.size() ? fmt::format(" ({})", stages[j].keep) : "";
    }
    return text;
}

nlohmann::json stagesJson(const std::vector<cascade::QueryStage>& stages) {
    nlohmann::json list = nlohmann::json::array();
    for (std::size_t j = 0; j < stages.size(); ++j) {
        list.push_back({{"encoder", stages[j].encoder}});
        if (j + 1 < stages.size()) {
            list.back()["keep"] = stages[j].keep;
        }
    }
    return list;
}

} // namespace fulgurite::app
