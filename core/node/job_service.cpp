// SPDX-License-Identifier: Apache-2.0
#include "core/node/job_service.h"

#include "core/base/atomic_file.h"
#include "core/base/file_io.h"
#include "core/node/job_files.h"
#include "core/node/job_process.h"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <sys/wait.h>
#include <system_error>

namespace fulgurite::node {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr auto kLookPeriod = std::chrono::milliseconds(100);
constexpr auto kPausePatience = std::chrono::milliseconds(1500);
constexpr auto kPauseBetween = std::chrono::milliseconds(3);
constexpr std::size_t kMessageBytes = 2000;
constexpr std::size_t kNumberBytes = 64;

bool isAlive(JobState state) {
    return state == JobState::Running || state == JobState::Paused || state == JobState::Stopping;
}

[[noreturn]] void refuseState(const JobRecord& job, const char* what) {
    fail(ErrorKind::InvalidInput, "job {} is {}, so it cannot be {}", job.id, nameOf(job.state), what);
}

} // namespace

JobService::JobService(fs::path folder, JobServiceLimits limits) : folder_(std::move(folder)), limits_(limits) {
    std::error_code code;
    fs::create_directories(folder_, code);
    if (code)
        fail(ErrorKind::Io, "{}: cannot create the folder: {}", folder_.string(), code.message());
    load();
    thread_ = std::thread([this] { work(); });
}

JobService::~JobService() {
    {
        const std::lock_guard lock(mutex_);
        closing_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void JobService::addKind(std::string name, JobKind kind, JobPatience patience) {
    kinds_[std::move(name)] = {std::move(kind), std::move(patience)};
}

std::vector<std::string> JobService::kinds() const {
    std::vector<std::string> names;
    for (const auto& [name, kind] : kinds_)
        names.push_back(name);
    return names;
}

// Jobs of the node's last life. What ran then ended with it.
void JobService::load() {
    for (const auto& entry : fs::directory_iterator(folder_)) {
        std::optional<JobRecord> record = readJobFile(entry.path());
        if (!record)
            continue;
        Job job;
        job.record = std::move(*record);
        if (isAlive(job.record.state)) {
            job.record.state = JobState::Stopped;
            job.record.message = "the node ended while the job ran";
        }
        jobs_.emplace(job.record.id, std::move(job));
    }
}

JobService::Job& JobService::jobOf(JobId id) {
    const auto found = jobs_.find(id);
    if (found == jobs_.end())
        fail(ErrorKind::NotFound, "there is no job {}", id);
    return found->second;
}

JobRecord JobService::recordOf(const Job& job) const {
    JobRecord record = job.record;
    std::error_code ignored;
    const auto size = fs::file_size(logPath(job), ignored);
    record.log_bytes = ignored ? 0 : size;
    return record;
}

std::size_t JobService::runningCount() const {
    return static_cast<std::size_t>(std::count_if(
        jobs_.begin(), jobs_.end(), [](const auto& entry) { return isAlive(entry.second.record.state); }));
}

std::vector<JobRecord> JobService::list() {
    const std::lock_guard lock(mutex_);
    std::vector<JobRecord> result;
    for (auto it = jobs_.rbegin(); it != jobs_.rend(); ++it)
        result.push_back(recordOf(it->second));
    return result;
}

JobRecord JobService::find(JobId id) {
    const std::lock_guard lock(mutex_);
    return recordOf(jobOf(id));
}

// A number is given once, also when its job was removed: runs, windows and people know jobs by it.
JobId JobService::nextId() {
    const fs::path note = folder_ / "last-id";
    JobId last = jobs_.empty() ? 0 : jobs_.rbegin()->first;
    if (fs::exists(note)) {
        const std::string text = readTextFile(note, kNumberBytes);
        JobId kept = 0;
        std::from_chars(text.data(), text.data() + text.size(), kept);
        last = std::max(last, kept);
    }
    writeFileAtomically(note, std::to_string(last + 1) + "\n");
    return last + 1;
}

JobRecord JobService::start(const std::string& kind, const std::string& name, const nlohmann::json& spec) {
    const auto known = kinds_.find(kind);
    if (known == kinds_.end())
        fail(ErrorKind::InvalidInput, "there is no kind of job '{}'", kind.substr(0, 64));
    const std::lock_guard lock(mutex_);
    if (runningCount() >= limits_.running)
        fail(ErrorKind::Unavailable, "{} jobs run already; stop one, or try again later", limits_.running);
    if (jobs_.size() >= limits_.kept)
        fail(ErrorKind::Unavailable, "{} jobs are kept already; remove some that have ended", limits_.kept);
    Job job;
    job.record.id = nextId();
    job.record.kind = kind;
    job.record.name = name;
    job.record.spec = spec;
    job.record.created_us = nowMicroseconds();
    job.record.folder = folder_ / std::to_string(job.record.id);
    fs::create_directories(job.record.folder);
    try {
        job.to_start = known->second.command(spec, job.record.folder);
        save(job);
    } catch (...) {
        std::error_code ignored;
        fs::remove_all(job.record.folder, ignored);
        throw;
    }
    const JobId id = job.record.id;
    const JobRecord record = jobs_.emplace(id, std::move(job)).first->second.record;
    wake_.notify_one();
    return record;
}

JobLog JobService::log(JobId id, std::optional<std::uint64_t> from, std::size_t limit) {
    fs::path path;
    {
        const std::lock_guard lock(mutex_);
        path = logPath(jobOf(id));
    }
    return readJobLog(path, from, limit);
}

// Try after try, each of which finds the job as it is by then.
JobRecord JobService::pause(JobId id) {
    const auto until = Clock::now() + kPausePatience;
    for (int i = 0;; ++i) {
        {
            const std::lock_guard lock(mutex_);
            Job& job = jobOf(id);
            if (job.record.state != JobState::Running || job.process == 0)
                refuseState(job.record, "paused");
            const Halt halt = tryToHaltJobProcess(job.process);
            if (halt == Halt::Halted) {
                job.record.state = JobState::Paused;
                saveIfPossible(job);
                return recordOf(job);
            }
            if (halt == Halt::Ended || Clock::now() >= until)
                fail(ErrorKind::Unavailable,
                     "job {} is ending, or was in the middle of writing whenever it was to be halted; it was not. "
                     "Try again in a moment.",
                     id);
        }
        std::this_thread::sleep_for(kPauseBetween * (1 + i % 7)); // never in step with what the process does
    }
}

JobRecord JobService::resume(JobId id) {
    const std::lock_guard lock(mutex_);
    Job& job = jobOf(id);
    if (job.record.state == JobState::Paused) {
        ::kill(-job.process, SIGCONT);
    } else if (job.record.state == JobState::Stopped || job.record.state == JobState::Failed) {
        if (runningCount() >= limits_.running)
            fail(ErrorKind::Unavailable, "{} jobs run already; stop one, or try again later", limits_.running);
        const auto kind = kinds_.find(job.record.kind);
        if (kind == kinds_.end())
            fail(ErrorKind::InvalidInput, "this node does not know jobs of the kind '{}'", job.record.kind);
        job.to_start = kind->second.command(job.record.spec, job.record.folder);
        job.record.ended_us.reset();
        job.record.exit_code.reset();
        job.record.message.clear();
        job.asked_to_stop = false;
    } else {
        refuseState(job.record, "resumed");
    }
    job.record.state = JobState::Running;
    saveIfPossible(job);
    wake_.notify_one();
    return recordOf(job);
}

std::chrono::milliseconds JobService::graceOf(const Job& job) const {
    const auto kind = kinds_.find(job.record.kind);
    if (kind == kinds_.end() || !kind->second.patience)
        return limits_.grace;
    try {
        return std::max(limits_.grace, kind->second.patience(job.record));
    } catch (const std::exception&) { // nothing is known of it
        return limits_.grace;
    }
}

void JobService::askToStop(Job& job) {
    job.asked_to_stop = true;
    const std::chrono::milliseconds grace = graceOf(job);
    job.kill_at = Clock::now() + grace;
    job.record.kill_us = nowMicroseconds() + std::chrono::microseconds(grace).count();
    if (job.process != 0) {
        ::kill(-job.process, SIGINT); // a trainer writes a checkpoint and ends
        ::kill(-job.process, SIGCONT);
    }
}

JobRecord JobService::stop(JobId id, bool now) {
    const std::lock_guard lock(mutex_);
    Job& job = jobOf(id);
    if (!isAlive(job.record.state))
        refuseState(job.record, "stopped");
    if (!job.asked_to_stop)
        askToStop(job);
    if (now) {
        job.kill_at = Clock::now();
        job.record.kill_us = nowMicroseconds();
    }
    job.record.state = JobState::Stopping;
    saveIfPossible(job);
    wake_.notify_one();
    return recordOf(job);
}

void JobService::remove(JobId id) {
    const std::lock_guard lock(mutex_);
    const Job& job = jobOf(id);
    if (isAlive(job.record.state))
        refuseState(job.record, "removed; stop it first");
    std::error_code code;
    fs::remove_all(job.record.folder, code);
    if (code)
        fail(ErrorKind::Io, "{}: cannot be removed: {}", job.record.folder.string(), code.message());
    jobs_.erase(id);
}

void JobService::save(const Job& job) const {
    writeJobFile(job.record);
}

// A full disk, or no descriptor left: the state is right as long as the node lives.
void JobService::saveIfPossible(const Job& job) const noexcept {
    try {
        save(job);
    } catch (const std::exception&) {
    }
}

void JobService::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        const bool busy = runningCount() > 0;
        if (closing_ && !busy)
            return;
        if (busy || closing_)
            wake_.wait_for(lock, kLookPeriod);
        else
            wake_.wait(lock);
        for (auto& [id, job] : jobs_) {
            try {
                look(job);
            } catch (const std::exception&) {
                // No memory for one of them: it is looked at again, and the node and the others go on.
            }
        }
    }
}

void JobService::look(Job& job) {
    if (closing_ && isAlive(job.record.state) && !job.asked_to_stop)
        askToStop(job);
    if (job.to_start && !job.asked_to_stop)
        launch(job);
    else if (job.process != 0)
        reap(job);
    else if (isAlive(job.record.state))
        finishWith(job, 0); // stopped before it was started
}

void JobService::launch(Job& job) {
    const JobCommand command = std::move(*job.to_start);
    job.to_start.reset();
    try {
        job.process = startJobProcess(command, job.record.folder, logPath(job));
    } catch (const std::exception& error) {
        job.record.state = JobState::Failed;
        job.record.message = error.what();
        job.record.ended_us = nowMicroseconds();
        saveIfPossible(job);
    }
}

void JobService::reap(Job& job) {
    int status = 0;
    if (::waitpid(job.process, &status, WNOHANG) == job.process) {
        ::kill(-job.process, SIGKILL); // what it started itself
        job.process = 0;
        finishWith(job, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
        return;
    }
    if (job.kill_at && Clock::now() >= *job.kill_at)
        ::kill(-job.process, SIGKILL);
}

void JobService::finishWith(Job& job, int status) {
    job.to_start.reset();
    job.kill_at.reset();
    job.record.kill_us.reset();
    job.record.exit_code = status;
    job.record.ended_us = nowMicroseconds();
    job.record.state = job.asked_to_stop ? JobState::Stopped : status == 0 ? JobState::Finished : JobState::Failed;
    if (job.record.state == JobState::Failed)
        job.record.message = lastLineOf(readJobLog(logPath(job), std::nullopt, kMessageBytes).text);
    saveIfPossible(job);
}

} // namespace fulgurite::node
