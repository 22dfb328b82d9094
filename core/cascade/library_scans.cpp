// SPDX-License-Identifier: Apache-2.0
// LibraryService's threads: one scan after another, and the watch over folders.
#include "core/cascade/folder_watch.h"
#include "core/cascade/library_service.h"

#include <algorithm>
#include <utility>

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
            job.state = {ScanState::Phase::Waiting, {}, {}, {}};
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

void LibraryService::rescan(LibraryId id, bool cancelled_too) {
    library(id); // throws when there is none
    const std::lock_guard lock(jobs_mutex_);
    ScanJob& job = jobs_[id];
    if (job.state.cancelled && !cancelled_too) {
        return;
    }
    job.wanted = true;
    if (job.state.phase == ScanState::Phase::Idle) {
        job.state = {ScanState::Phase::Waiting, {}, {}, {}};
    }
    jobs_changed_.notify_all();
}

ScanState LibraryService::scanState(LibraryId id) {
    const std::lock_guard lock(jobs_mutex_);
    const auto job = jobs_.find(id);
    ScanState state = job == jobs_.end() ? ScanState{} : job->second.state;
    if (const auto note = watch_notes_.find(id); note != watch_notes_.end()) {
        state.message += (state.message.empty() ? "" : "; ") + note->second;
    }
    return state;
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
        job.state = {ScanState::Phase::Running, {}, {}, {}};
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
        state.message = message.empty() ? state.progress.obstacle : message;
        state.cancelled = jobs_[id].cancel;
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
        const std::lock_guard<Turns> compute(compute_mutex_);
        encode(encoders_.list().empty() ? nullptr : &stageEncoder(encoders_.list().front().id));
    };
    const auto progress = [&](const ScanProgress& now) {
        const std::lock_guard lock(jobs_mutex_);
        jobs_[id].state.progress = now;
    };
    scanLibrary({id, store_, store_mutex_, with_encoder, read_pool_, stopped, progress, [&] { forgetIndex(id); }});
}

// Watches the folders of all libraries, and looks through those from time to time that cannot be watched.
class LibraryService::Watcher {
  public:
    explicit Watcher(LibraryService& service) : service_(service), watch_(service.options_.most_watches) {}

    void run(const std::stop_token& stop) {
        constexpr auto kQuiet = 1500ms; // a copy in progress writes file after file
        bool changed = true;            // what came while nobody watched counts too
        while (!stop.stop_requested()) {
            const auto wanted = folders();
            const bool due = !unwatched_.empty() && Clock::now() >= next_look_;
            if (changed || due || wanted != watched_) {
                const auto blind = std::exchange(unwatched_, {}); // until now
                watchAll(wanted);                                 // new folders too
                scan(changed, blind); // behind the new watches: what happens from here on is noticed
            }
            changed = watch_.wait(500ms);
            while (changed && !stop.stop_requested() && watch_.wait(kQuiet)) {
            }
        }
    }

  private:
    using Clock = std::chrono::steady_clock;
    using Folders = std::map<LibraryId, std::vector<std::string>>;

    Folders folders() {
        Folders all;
        try {
            for (const Library& library : service_.libraries()) {
                all[library.id] = library.folders;
            }
        } catch (const Error&) {
            all.clear(); // whoever asks the database next is told why; here is nobody to tell
        }
        return all;
    }

    void watchAll(const Folders& wanted) {
        watched_ = wanted;
        std::vector<std::string> all;
        for (const auto& [id, list] : watched_) {
            all.insert(all.end(), list.begin(), list.end());
        }
        unwatched_ = watch_.set(all);
        next_look_ = Clock::now() + pause();
        std::map<LibraryId, std::string> notes;
        for (const auto& [id, list] : watched_) {
            for (const std::string& folder : list) {
                const auto found = unwatched_.find(folder);
                const std::string what = found == unwatched_.end()
                                             ? std::string()
                                             : describe(found->second, watch_.watched(), seconds());
                if (!what.empty()) {
                    notes[id] += fmt::format("{}{}: {}", notes[id].empty() ? "" : "; ", folder, what);
                }
            }
        }
        const std::lock_guard lock(service_.jobs_mutex_);
        service_.watch_notes_ = std::move(notes);
    }

    // Looking takes a twentieth of the time at most.
    std::chrono::milliseconds pause() {
        double longest = 0;
        for (const auto& [id, list] : watched_) {
            longest = std::max(longest, service_.scanState(id).progress.look_seconds);
        }
        return std::max(service_.options_.look_every,
                        std::chrono::milliseconds(static_cast<std::int64_t>(20e3 * longest)));
    }
    double seconds() { return std::chrono::duration<double>(pause()).count(); }

    // Finds what changed by time and size.
    void scan(bool all, const std::map<std::string, Unwatched>& blind) {
        for (const auto& [id, list] : watched_) {
            const bool unseen = std::any_of(list.begin(), list.end(),
                                            [&blind](const std::string& folder) { return blind.contains(folder); });
            try {
                if (all || unseen) {
                    service_.rescan(id, all);
                }
            } catch (const Error&) {
                continue; // removed meanwhile
            }
        }
    }

    LibraryService& service_;
    FolderWatch watch_;
    Folders watched_;
    std::map<std::string, Unwatched> unwatched_;
    Clock::time_point next_look_;
};

void LibraryService::watchFolders(const std::stop_token& stop) {
    Watcher(*this).run(stop);
}

} // namespace fulgurite::cascade
