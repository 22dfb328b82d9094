// SPDX-License-Identifier: Apache-2.0
#include "core/node/runs_service.h"

#include <algorithm>
#include <charconv>

namespace fulgurite::node {

namespace {

// A run that is reported every few seconds keeps its writer; so many at most, each has a thread.
constexpr auto kIdle = std::chrono::seconds(60);
constexpr std::size_t kMostWriters = 64;

} // namespace

RunsService::RunsService(const std::filesystem::path& file) : file_(file), editor_(file), reader_(file) {}

RunId RunsService::find(const std::string& name) {
    RunId id = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
    if (error == std::errc() && end == name.data() + name.size())
        return reader_.run(id).id;
    if (const auto found = reader_.findRun(name))
        return *found;
    fail(ErrorKind::NotFound, "there is no run '{}'", name.substr(0, 64));
}

RunId RunsService::begin(const NewRun& run, bool go_on) {
    closeIdle();
    if (go_on && !run.uuid.empty()) {
        if (const auto found = reader_.findRun(run.uuid))
            return writer(*found).run();
    }
    auto writer = RunWriter::create(file_, run);
    const RunId id = writer->run();
    writers_[id] = {std::move(writer), std::chrono::steady_clock::now()};
    return id;
}

RunWriter& RunsService::writer(RunId run) {
    closeIdle();
    Pushed& pushed = writers_[run];
    if (!pushed.writer) {
        try {
            pushed.writer = RunWriter::resume(file_, run);
        } catch (...) {
            writers_.erase(run);
            throw;
        }
    }
    pushed.used = std::chrono::steady_clock::now();
    return *pushed.writer;
}

void RunsService::finish(RunId run, RunStatus status) {
    writer(run).finish(status);
    release(run);
}

void RunsService::closeIdle() {
    const auto now = std::chrono::steady_clock::now();
    std::erase_if(writers_, [now](const auto& entry) { return now - entry.second.used > kIdle; });
    if (writers_.size() < kMostWriters)
        return;
    const auto oldest = std::min_element(writers_.begin(), writers_.end(), [](const auto& a, const auto& b) {
        return a.second.used < b.second.used;
    });
    writers_.erase(oldest);
}

} // namespace fulgurite::node
