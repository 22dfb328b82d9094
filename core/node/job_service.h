// SPDX-License-Identifier: Apache-2.0
// Long work that a node does for clients as processes of its own, so that a crash or a lack of memory there never
// takes the node down. What a job runs is its kind's business; the service starts it, keeps what it prints, pauses,
// stops and starts it again, and remembers it over restarts of the node.
#pragma once

#include "core/base/error.h"

#include <nlohmann/json.hpp>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace fulgurite::node {

using JobId = std::int64_t;

enum class JobState : std::uint8_t {
    Running,
    Paused,   // stopped by a signal, its memory kept
    Stopping, // was asked to end and has not yet
    Finished, // ended by itself with status 0
    Failed,   // ended in any other way
    Stopped,  // ended because it was asked to; resuming starts it again
};

const char* nameOf(JobState state); // "running", ...

struct JobRecord {
    JobId id = 0;
    std::string kind;
    std::string name;
    nlohmann::json spec;
    JobState state = JobState::Running;
    std::int64_t created_us = 0; // since 1970, UTC
    std::optional<std::int64_t> ended_us;
    std::optional<std::int64_t> kill_us; // of one that is stopping: it is killed then, unless it has ended
    std::optional<int> exit_code;        // 128 + signal for one that a signal ended
    std::string message;          // why it failed: the last line that it printed
    std::filesystem::path folder; // its own
    std::uint64_t log_bytes = 0;
};

// A piece of what a job printed, standard output and standard error together.
struct JobLog {
    std::uint64_t from = 0;
    std::uint64_t next = 0; // where to go on
    std::uint64_t size = 0;
    std::string text; // bytes as they came
};

// What is to be executed: the program and its arguments.
using JobCommand = std::vector<std::string>;
// `folder` is the job's own, the working directory too; it is there, and at a second start with what the first
// left. Throws Error{InvalidInput} for a spec that makes no sense.
using JobKind = std::function<JobCommand(const nlohmann::json& spec, const std::filesystem::path& folder)>;

// How long a job that was asked to stop may need until it can: a trainer looks between two steps, and what it has
// computed since its last checkpoint is lost with a kill.
using JobPatience = std::function<std::chrono::milliseconds(const JobRecord& job)>;

struct JobServiceLimits {
    std::size_t running = 4;
    std::size_t kept = 1000;
    std::chrono::milliseconds grace{20'000}; // from the request to stop to the kill, at least
};

// All members may be called from any thread, addKind() before the first job.
class JobService {
  public:
    // Jobs live in folders of `folder`. Throws Error{Io} when it cannot be made.
    explicit JobService(std::filesystem::path folder, JobServiceLimits limits = {});
    ~JobService(); // asks what runs to stop, and waits for it as long as the grace lasts
    JobService(const JobService&) = delete;
    JobService& operator=(const JobService&) = delete;

    const std::filesystem::path& folder() const { return folder_; }

    void addKind(std::string name, JobKind kind, JobPatience patience = {});
    std::vector<std::string> kinds() const;

    std::vector<JobRecord> list(); // newest first
    JobRecord find(JobId id);      // throws Error{NotFound}, as all below
    // Throws Error: InvalidInput for an unknown kind or what the kind refuses, Unavailable when too many run.
    JobRecord start(const std::string& kind, const std::string& name, const nlohmann::json& spec);
    // From `from`, at most `limit` bytes; the last `limit` bytes without `from`.
    JobLog log(JobId id, std::optional<std::uint64_t> from, std::size_t limit);
    // Each throws Error{InvalidInput} in a state where it makes no sense.
    // Never in the middle of a transaction, which would keep everybody else from writing into the same file; throws
    // Error{Unavailable} when no other moment comes within a second and a half. Others are not held up meanwhile.
    JobRecord pause(JobId id);
    JobRecord resume(JobId id); // one that is paused goes on; one that ended but for finishing is started again
    // `now`: kills it, also one that has been asked already.
    JobRecord stop(JobId id, bool now = false);
    void remove(JobId id); // with its folder; not while it runs

  private:
    struct Kind {
        JobKind command;
        JobPatience patience;
    };
    struct Job {
        JobRecord record;
        int process = 0; // 0: none
        std::optional<std::chrono::steady_clock::time_point> kill_at;
        std::optional<JobCommand> to_start;
        bool asked_to_stop = false;
    };

    void load();
    void work();
    void look(Job& job);
    void askToStop(Job& job);
    std::chrono::milliseconds graceOf(const Job& job) const;
    JobId nextId();
    void launch(Job& job);
    void reap(Job& job);
    void finishWith(Job& job, int status);
    void save(const Job& job) const;
    void saveIfPossible(const Job& job) const noexcept;
    Job& jobOf(JobId id);
    JobRecord recordOf(const Job& job) const;
    std::size_t runningCount() const;
    std::filesystem::path logPath(const Job& job) const { return job.record.folder / "log.txt"; }

    std::filesystem::path folder_;
    JobServiceLimits limits_;
    std::map<std::string, Kind> kinds_;

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::map<JobId, Job> jobs_;
    bool closing_ = false;
    std::thread thread_; // last: it uses all of the above. Starts every process, because they end with this thread.
};

} // namespace fulgurite::node
