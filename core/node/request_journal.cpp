// SPDX-License-Identifier: Apache-2.0
#include "core/node/request_journal.h"

#include "core/base/error.h"
#include "core/node/json_text.h"
#include "core/node/node_log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace fulgurite::node {

namespace {

constexpr std::size_t kMostWaiting = 10'000;
constexpr std::size_t kMostPrompt = 64 * 1024;
constexpr int kUnauthorized = 401;
constexpr int kForbidden = 403;

int openForAppending(const std::string& path) {
    const int fd = path == "-" ? ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)
                               : ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) {
        fail(ErrorKind::Io, "{}: cannot write a log there: {}", path, std::strerror(errno));
    }
    return fd;
}

std::string timeNow() {
    const auto now = std::chrono::system_clock::now();
    const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(now)),
                       millis % 1000);
}

double inMilliseconds(double seconds) {
    return std::round(seconds * 1e5) / 100;
}

nlohmann::json lineOf(const RequestRecord& record, const char* event) {
    return {{"time", timeNow()},
            {"event", event},
            {"request", record.id},
            {"token", record.who ? nlohmann::json(record.who->name) : nlohmann::json()},
            {"peer", record.peer},
            {"method", record.method},
            {"path", record.path.substr(0, 256)},
            {"status", record.status()}};
}

bool isRefused(const RequestRecord& record) {
    return record.status() == kUnauthorized || record.status() == kForbidden;
}

// Reading that shows what others have written or what the model held: captures, what was trained on, the log.
bool looksInside(const RequestRecord& record) {
    const bool samples = record.route == "/fulgurite/v1/runs/" && record.path.find("/samples") != std::string::npos;
    return samples || record.route == "/fulgurite/v1/captures/" || record.route == "/fulgurite/v1/states/" ||
           record.route == "/fulgurite/v1/node/log";
}

bool reads(const RequestRecord& record) {
    return record.method == "GET" || record.method == "HEAD";
}

// What somebody did to the node or saw of the model's inside, and whoever was turned away.
bool belongsIntoAudit(const RequestRecord& record) {
    const bool weighty =
        record.scope == Scope::Inspect || record.scope == Scope::Train || record.scope == Scope::Admin;
    return isRefused(record) || (weighty && !reads(record)) || looksInside(record);
}

// What is the same when it comes again: who is turned away, and who looks at one thing. Empty: each counts.
std::string repetitionOf(const RequestRecord& record) {
    const std::string name = record.who ? record.who->name : std::string();
    if (isRefused(record)) {
        return fmt::format("refused {} {} {}", record.peer, record.status(), name);
    }
    if (!reads(record)) {
        return {};
    }
    const std::size_t id = std::min(record.route.size(), record.path.size());
    return fmt::format("read {} {} {}", name, record.route, record.path.substr(0, record.path.find('/', id)));
}

// A line of the node's log in memory. What only asks, again and again, is not worth one.
void noteForPeople(const RequestRecord& record) {
    const int status = record.status();
    if (record.method == "GET" && status < 400) {
        return;
    }
    const double seconds = std::chrono::duration<double>(RequestRecord::Clock::now() - record.began).count();
    const std::string who = record.who && !record.who->name.empty() ? record.who->name + ": " : std::string();
    const LogLevel level = status >= 500 ? LogLevel::Error : status >= 400 ? LogLevel::Warning : LogLevel::Info;
    nodeLog().add(level, status == 0 ? fmt::format("{}{} {}: the client left after {:.2f} s", who, record.method,
                                                   record.route, seconds)
                                     : fmt::format("{}{} {} {} in {:.2f} s", who, record.method, record.route,
                                                   status, seconds));
}

} // namespace

LineFile::LineFile(std::string path) : path_(std::move(path)), fd_(openForAppending(path_)) {}

LineFile::~LineFile() {
    ::close(fd_);
}

bool LineFile::write(const nlohmann::json& line) {
    const std::string text = dumpJson(line) + "\n";
    const std::lock_guard lock(mutex_);
    std::size_t done = 0;
    while (done < text.size()) {
        const ssize_t count = ::write(fd_, text.data() + done, text.size() - done);
        if (count < 0 && errno != EINTR) {
            return false;
        }
        done += count > 0 ? static_cast<std::size_t>(count) : 0;
    }
    return true;
}

void LineFile::reopen() {
    const int fd = openForAppending(path_);
    const std::lock_guard lock(mutex_);
    ::close(std::exchange(fd_, fd));
}

void RequestRecord::tokens(std::uint64_t prompt_tokens, std::uint64_t reused_tokens,
                           std::uint64_t completion_tokens) {
    prompt_tokens_ += prompt_tokens;
    reused_tokens_ += reused_tokens;
    if (completion_tokens > 0 && completion_tokens_.fetch_add(completion_tokens) == 0) {
        first_token_seconds_ = std::chrono::duration<double>(Clock::now() - began).count();
    }
    if (who) {
        who->use->spend(prompt_tokens, completion_tokens, unixSeconds());
    }
}

void RequestRecord::finish() {
    if (finished_.exchange(true)) {
        return;
    }
    leavePlace();
    journal_->finished(*this);
}

void RequestRecord::leavePlace() {
    if (--places_ == 0 && entered) {
        who->use->leave();
    }
}

RequestJournal::RequestJournal(const JournalOptions& options, Metrics& metrics, std::shared_ptr<Ledger> ledger)
    : metrics_(metrics),
      ledger_(std::move(ledger)),
      prompts_(options.prompts),
      log_(options.log.empty() ? nullptr : std::make_unique<LineFile>(options.log)),
      audit_(options.audit.empty() ? nullptr : std::make_unique<LineFile>(options.audit)) {}

RequestJournal::~RequestJournal() {
    if (audit_) {
        for (const nlohmann::json& line : repeated_.due(RepeatedLines::Clock::now(), true)) {
            put(keeping_, *audit_, line);
        }
    }
    constexpr int kLooks = 400;
    for (int i = 0; i < kLooks && logging_.waiting + keeping_.waiting > 0; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

void RequestJournal::finished(const RequestRecord& record) {
    noteForPeople(record);
    const std::uint64_t used = record.promptTokens() + record.completionTokens();
    if (ledger_ && record.who && used > 0 && record.who->limits.tokens_per_day > 0) {
        enqueue(keeping_, [ledger = ledger_, name = record.who->name, day = CallerUse::dayOf(unixSeconds()), used] {
            try {
                ledger->spend(name, day, used);
                return true;
            } catch (const std::exception&) { // a full disk: the memory of this process still counts
                return false;
            }
        });
    }
    if (!record.refusal().empty()) {
        metrics_.refused(record.refusal());
    }
    if (audit_ && belongsIntoAudit(record)) {
        audit(record);
    }
    if (!log_) {
        return;
    }
    nlohmann::json line = lineOf(record, "request");
    line["route"] = record.route;
    line["ms"] = inMilliseconds(std::chrono::duration<double>(RequestRecord::Clock::now() - record.began).count());
    if (!record.refusal().empty()) {
        line["refusal"] = record.refusal();
    }
    if (used > 0) {
        line["prompt_tokens"] = record.promptTokens();
        line["reused_tokens"] = record.reusedTokens();
        line["completion_tokens"] = record.completionTokens();
    }
    if (record.firstTokenSeconds() >= 0) {
        line["first_token_ms"] = inMilliseconds(record.firstTokenSeconds());
    }
    if (!record.prompt.empty()) {
        line["body"] = record.prompt.substr(0, kMostPrompt);
    }
    put(logging_, *log_, line);
}

void RequestJournal::audit(const RequestRecord& record) {
    nlohmann::json line = lineOf(record, "action");
    line["scope"] = nameOf(record.scope);
    const std::string key = repetitionOf(record);
    if (key.empty()) {
        return put(keeping_, *audit_, line);
    }
    const std::lock_guard lock(repeated_mutex_);
    for (const nlohmann::json& each : repeated_.add(key, line, RepeatedLines::Clock::now())) {
        put(keeping_, *audit_, each);
    }
}

void RequestJournal::tick(RepeatedLines::Clock::time_point now) {
    const std::lock_guard lock(repeated_mutex_);
    for (const nlohmann::json& each : repeated_.due(now)) {
        put(keeping_, *audit_, each);
    }
}

void RequestJournal::event(const std::string& name, const nlohmann::json& fields) {
    const auto message = fields.find("message");
    const bool complains = message != fields.end() && message->is_string();
    nodeLog().add(complains ? LogLevel::Warning : LogLevel::Info,
                  complains ? name + ": " + message->get<std::string>() : name);
    nlohmann::json line{{"time", timeNow()}, {"event", name}};
    line.update(fields);
    if (audit_) {
        put(keeping_, *audit_, line);
    }
    if (log_) {
        put(logging_, *log_, line);
    }
}

void RequestJournal::enqueue(Writer& writer, std::function<bool()> write) {
    if (writer.waiting.fetch_add(1) >= kMostWaiting) {
        --writer.waiting;
        metrics_.logLost();
        return;
    }
    writer.thread.enqueue([this, &writer, write = std::move(write)] {
        if (!write()) {
            metrics_.logLost();
        }
        --writer.waiting;
    });
}

void RequestJournal::put(Writer& writer, LineFile& file, const nlohmann::json& line) {
    enqueue(writer, [&file, line] { return file.write(line); });
}

void RequestJournal::reopen() {
    for (LineFile* file : {log_.get(), audit_.get()}) {
        if (file != nullptr) {
            file->reopen();
        }
    }
}

} // namespace fulgurite::node
