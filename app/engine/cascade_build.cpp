// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine cascade build`: makes a library of folders, or brings one up to them. Can be stopped and run
// again.
#include "app/engine/cascade.h"
#include "app/engine/cascade_library.h"
#include "core/base/error.h"
#include "core/base/json.h"

#include <filesystem>
#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace fulgurite::app {

namespace {

struct BuildOptions {
    LibraryOptions common;
    std::vector<std::string> folders;
};

cascade::Library libraryFor(cascade::LibraryService& service, const BuildOptions& options) {
    std::vector<std::string> folders;
    for (const std::string& folder : options.folders) {
        folders.push_back(std::filesystem::absolute(folder).lexically_normal().string());
        if (!std::filesystem::is_directory(folders.back())) {
            fail(ErrorKind::NotFound, "{}: no such folder", folder);
        }
    }
    for (const cascade::Library& library : service.libraries()) {
        if (library.name == options.common.library || options.common.library.empty()) {
            if (!folders.empty()) {
                service.change(library.id, std::nullopt, folders);
            }
            return library;
        }
    }
    if (folders.empty()) {
        fail(ErrorKind::InvalidInput, "there is no such library yet: name its folders with --folder DIR");
    }
    const std::string name = options.common.library.empty()
                                 ? std::filesystem::path(folders.front()).filename().string()
                                 : options.common.library;
    return service.library(service.create(name, folders));
}

void showProgress(const cascade::ScanState& state) {
    const cascade::ScanProgress& p = state.progress;
    if (::isatty(STDERR_FILENO) != 0 && p.total > 0) {
        const double rate = p.seconds > 0 ? static_cast<double>(p.done) / p.seconds : 0;
        fmt::print(stderr, "\r{} of {} files, {:.0f} a second ", p.done, p.total, rate);
    }
}

void build(const BuildOptions& options) {
    const auto service = openLibraries(options.common);
    const cascade::Library library = libraryFor(*service, options);
    service->scan(library.id, cascade::ScanAction::Start);
    service->waitForScan(library.id, showProgress);
    const cascade::ScanState state = service->scanState(library.id);
    const cascade::Library now = service->library(library.id);
    if (options.common.json) {
        nlohmann::json unreadable = nlohmann::json::array();
        for (const cascade::Unreadable& file : service->unreadable(library.id)) {
            unreadable.push_back({{"path", file.path}, {"reason", file.reason}});
        }
        fmt::print("{}\n", nlohmann::json{{"library", now.name},
                                          {"images", now.images},
                                          {"read", state.progress.done},
                                          {"seconds", state.progress.seconds},
                                          {"unreadable", unreadable},
                                          {"message", state.message}}
                               .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    } else {
        fmt::print("{}: {} images, {} files that cannot be read; {} files read now in {:.1f} s\n", now.name,
                   now.images, now.unreadable, state.progress.done, state.progress.seconds);
        for (const cascade::Unreadable& file : service->unreadable(library.id)) {
            fmt::print("  {}\n", file.reason);
        }
    }
    if (!state.message.empty()) {
        fail(ErrorKind::Io, "{}", state.message);
    }
}

} // namespace

void addCascadeBuild(CLI::App& cascade) {
    auto options = std::make_shared<BuildOptions>();
    CLI::App* command =
        cascade.add_subcommand("build", "Make a library of folders of images, or bring it up to date");
    addLibraryOptions(*command, options->common);
    command->add_option("--folder", options->folders, "Folders of the library, with everything below them");
    command->footer("What was read and encoded is kept when this is stopped; the next run goes on from there.\n"
                    "Examples:\n"
                    "  fulgurite-engine cascade build --data DIR --library Holidays --folder ~/Pictures/2026\n"
                    "  fulgurite-engine cascade build --data DIR --library Holidays");
    command->callback([options] { build(*options); });
}

} // namespace fulgurite::app
