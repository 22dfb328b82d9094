// SPDX-License-Identifier: Apache-2.0
// LibraryService's threads: one scan after another, and the watch over folders.
#include "core/cascade/folder_watch.h"
#include "core/cascade/library_service.h"

namespace fulgurite::cascade {

using namespace std::chrono_literals;

void LibraryService::scan(LibraryId id, ScanAction action) {
    library(id); // throws when there is none
    const std::lock_guard lock(jobs_mutex_);
    ScanJob& job = jobs_[id];
    const bool idle = job.state.phase == ScanState::Phase::Idle;
    switch (action) {
    case ScanAction::Start:
        job.wanted = true;
        job.cancel = false;
        job.pause = false;
        if (idle) {
            job.state = {ScanState::Phase::Waiting, {}, {}};
        }
        break;
    case ScanAction::Pause:
        job.pause = !idle;
        break;
    case ScanAction::Resume:
        job.pause = false;
        break;
    case ScanAction::Cancel:
        job.wanted = false;
        job.cancel = !idle;
        job.pause = false;
        if (job.state.phase == ScanState::Phase::Waiting) {
            job.state.phase = ScanState::Phase::Idle;
        }
        break;
    }
    jobs_changed_.notify_all();
}

ScanState LibraryService::scanState(LibraryId id) {
    const std::lock_guard lock(jobs_mutex_);
    const auto job = jobs_.find(id);
    return job == jobs_.end() ? ScanState{} : job->second.state;
}

void LibraryService::waitForScan(LibraryId id, const std::function<void(const ScanState&)>& progress) {
    std::unique_lock lock(jobs_mutex_);
    while (jobs_[id].state.phase != ScanState::Phase::Idle || jobs_[id].wanted) {
        jobs_changed_.wait_for(lock, 500ms);
        if (progress) {
            const ScanState state = jobs_[id].state;
            lock.unlock();
            progress(state);
            lock.lock();
        }
    }
}

LibraryId LibraryService::nextScan() {
    for (auto& [id, job] : jobs_) {
        if (job.wanted) {
            return id;
        }
    }
    return 0;
}

void LibraryService::work(const std::stop_token& stop) {
    std::unique_lock lock(jobs_mutex_);
    while (!stop.stop_requested()) {
        jobs_changed_.wait(lock, stop, [this] { return nextScan() != 0; });
        const LibraryId id = nextScan();
        if (id == 0) {
            continue;
        }
        ScanJob& job = jobs_[id];
        job.wanted = false;
        job.cancel = false;
        job.state = {ScanState::Phase::Running, {}, {}};
        lock.unlock();
        std::string message;
        try {
            runScan(id, stop);
        } catch (const std::exception& error) {
            message = error.what();
        }
        lock.lock();
        ScanState& state = jobs_[id].state;
        state.phase = jobs_[id].wanted ? ScanState::Phase::Waiting : ScanState::Phase::Idle;
        state.message = message.empty() && !state.progress.folder_gone.empty()
                            ? state.progress.folder_gone + ": the folder is not there; its images stay as they are"
                            : message;
        jobs_changed_.notify_all();
    }
}

void LibraryService::runScan(LibraryId id, const std::stop_token& stop) {
    const auto stopped = [&] {
        std::unique_lock lock(jobs_mutex_);
        ScanJob& job = jobs_[id];
        job.state.phase = job.pause ? ScanState::Phase::Paused : ScanState::Phase::Running;
        jobs_changed_.wait(lock, stop, [&job] { return !job.pause; });
        job.state.phase = ScanState::Phase::Running;
        return job.cancel || stop.stop_requested();
    };
    const auto with_encoder = [&](const std::function<void(StageEncoder*)>& encode) {
        const std::lock_guard compute(compute_mutex_);
        encode(encoders_.list().empty() ? nullptr : &stageEncoder(encoders_.list().front().id));
    };
    const auto progress = [&](const ScanProgress& now) {
        const std::lock_guard lock(jobs_mutex_);
        jobs_[id].state.progress = now;
    };
    scanLibrary({id, store_, store_mutex_, with_encoder, pool_, stopped, progress, [&] { forgetIndex(id); }});
}

std::map<LibraryId, std::vector<std::string>> LibraryService::libraryFolders() {
    std::map<LibraryId, std::vector<std::string>> folders;
    try {
        for (const Library& library : libraries()) {
            folders[library.id] = library.folders;
        }
    } catch (const Error&) {
        folders.clear(); // whoever asks the database next is told why; here is nobody to tell
    }
    return folders;
}

void LibraryService::scanAll(const std::map<LibraryId, std::vector<std::string>>& folders) {
    for (const auto& [id, paths] : folders) {
        try {
            scan(id, ScanAction::Start); // finds what changed by time and size
        } catch (const Error&) {
            continue; // removed meanwhile
        }
    }
}

void LibraryService::watchFolders(const std::stop_token& stop) {
    constexpr auto kQuiet = 1500ms; // a copy in progress writes file after file
    FolderWatch watch;
    std::map<LibraryId, std::vector<std::string>> watched;
    bool changed = true; // what came while nobody watched counts too
    while (!stop.stop_requested()) {
        const auto wanted = libraryFolders();
        if (changed || wanted != watched) {
            watched = wanted;
            std::vector<std::string> folders;
            for (const auto& [id, list] : watched) {
                folders.insert(folders.end(), list.begin(), list.end());
            }
            watch.set(folders); // new folders too
        }
        if (changed) {
            scanAll(watched); // behind the new watches: what happens from here on is noticed
        }
        changed = watch.wait(500ms);
        while (changed && !stop.stop_requested() && watch.wait(kQuiet)) {
        }
    }
}

} // namespace fulgurite::cascade
