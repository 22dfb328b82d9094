// SPDX-License-Identifier: Apache-2.0
#include "core/node/job_service.h"

#include "core/node/job_files.h"
#include "core/node/job_process.h"

#include <algorithm>
#include <csignal>
#include <sys/wait.h>
#include <system_error>

namespace fulgurite::node {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr auto kLookPeriod = std::chrono::milliseconds(100);
constexpr std::size_t kMessageBytes = 2000;

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

void JobService::addKind(std::string name, JobKind kind) {
    kinds_[std::move(name)] = std::move(kind);
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
    job.record.id = jobs_.empty() ? 1 : jobs_.rbegin()->first + 1;
    job.record.kind = kind;
    job.record.name = name;
    job.record.spec = spec;
    job.record.created_us = nowMicroseconds();
    job.record.folder = folder_ / std::to_string(job.record.id);
    fs::create_directories(job.record.folder);
    try {
        job.to_start = known->second(spec, job.record.folder);
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

JobRecord JobService::pause(JobId id) {
    const std::lock_guard lock(mutex_);
    Job& job = jobOf(id);
    if (job.record.state != JobState::Running || job.process == 0)
        refuseState(job.record, "paused");
    ::kill(-job.process, SIGSTOP);
    job.record.state = JobState::Paused;
    save(job);
    return recordOf(job);
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
        job.to_start = kind->second(job.record.spec, job.record.folder);
        job.record.ended_us.reset();
        job.record.exit_code.reset();
        job.record.message.clear();
        job.asked_to_stop = false;
    } else {
        refuseState(job.record, "resumed");
    }
    job.record.state = JobState::Running;
    save(job);
    wake_.notify_one();
    return recordOf(job);
}

JobRecord JobService::stop(JobId id) {
    const std::lock_guard lock(mutex_);
    Job& job = jobOf(id);
    if (!isAlive(job.record.state))
        refuseState(job.record, "stopped");
    job.record.state = JobState::Stopping;
    job.asked_to_stop = true;
    job.kill_at = Clock::now() + limits_.grace;
    if (job.process != 0) {
        ::kill(-job.process, SIGINT); // a trainer writes a checkpoint and ends
        ::kill(-job.process, SIGCONT);
    }
    save(job);
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
            if (closing_ && isAlive(job.record.state) && !job.asked_to_stop) {
                job.asked_to_stop = true;
                job.kill_at = Clock::now() + limits_.grace;
                if (job.process != 0) {
                    ::kill(-job.process, SIGINT);
                    ::kill(-job.process, SIGCONT);
                }
            }
            if (job.to_start && !job.asked_to_stop)
                launch(job);
            else if (job.process != 0)
                reap(job);
            else if (isAlive(job.record.state))
                finishWith(job, 0); // stopped before it was started
        }
    }
}

void JobService::launch(Job& job) {
    const JobCommand command = std::move(*job.to_start);
    job.to_start.reset();
    try {
        job.process = startJobProcess(command, job.record.folder, logPath(job));
    } catch (const Error& error) {
        job.record.state = JobState::Failed;
        job.record.message = error.what();
        job.record.ended_us = nowMicroseconds();
        save(job);
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
    job.record.exit_code = status;
    job.record.ended_us = nowMicroseconds();
    job.record.state = job.asked_to_stop ? JobState::Stopped : status == 0 ? JobState::Finished : JobState::Failed;
    if (job.record.state == JobState::Failed)
        job.record.message = lastLineOf(readJobLog(logPath(job), std::nullopt, kMessageBytes).text);
    try {
        save(job);
    } catch (const Error&) {
        // A full disk: the state is right as long as the node lives.
    }
}

} // namespace fulgurite::node
