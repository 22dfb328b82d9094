// SPDX-License-Identifier: Apache-2.0
// What a node writes down about its requests: a log of JSON lines, a file of who did what that is only ever
// appended to, and the counters.
#pragma once

#include "core/node/ledger.h"
#include "core/node/metrics.h"
#include "core/node/repeated_lines.h"
#include "core/node/request_record.h"
#include "core/node/task_thread.h"

#include <nlohmann/json_fwd.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace fulgurite::node {

// Lines appended to a file, each with one write. Thread-safe.
class LineFile {
  public:
    // "-" is standard error. Throws Error{Io}. The file is made with mode 600.
    explicit LineFile(std::string path);
    ~LineFile();
    LineFile(const LineFile&) = delete;
    LineFile& operator=(const LineFile&) = delete;

    bool write(const nlohmann::json& line); // false: it could not be written
    // After a rotation: goes on in a new file of that name. Throws Error{Io} and stays with the old one.
    void reopen();

  private:
    std::string path_;
    std::mutex mutex_;
    int fd_ = -1;
};

struct JournalOptions {
    std::string log;      // path, "-" for standard error; empty: none
    std::string audit;    // path; empty: none
    bool prompts = false; // write request bodies of prompts too
};

// Thread-safe.
class RequestJournal : public std::enable_shared_from_this<RequestJournal> {
  public:
    // `ledger` may be null. Throws Error{Io}.
    RequestJournal(const JournalOptions& options, Metrics& metrics, std::shared_ptr<Ledger> ledger);
    ~RequestJournal(); // when the log has what was written into it

    std::shared_ptr<RequestRecord> begin() { return std::make_shared<RequestRecord>(shared_from_this()); }
    void finished(const RequestRecord& record);
    // Something that is no request: a start, a reload, an end.
    void event(const std::string& name, const nlohmann::json& fields);
    // Every now and then: writes what is due of lines that were counted.
    void tick(RepeatedLines::Clock::time_point now = RepeatedLines::Clock::now());
    void reopen();
    bool showsPrompts() const { return prompts_; }

  private:
    // Writing on a thread of its own: a reader of standard error that is slow, a disk that is far away and stands
    // still hold up nothing. What more than so many lines wait for is lost, and counted.
    struct Writer {
        std::atomic<std::size_t> waiting = 0;
        TaskThread thread;
    };

    void enqueue(Writer& writer, std::function<bool()> write);
    void put(Writer& writer, LineFile& file, const nlohmann::json& line);
    void audit(const RequestRecord& record);

    Metrics& metrics_;
    std::shared_ptr<Ledger> ledger_;
    bool prompts_;
    std::unique_ptr<LineFile> log_;
    std::unique_ptr<LineFile> audit_;
    std::mutex repeated_mutex_;
    RepeatedLines repeated_;
    Writer logging_; // last: they use all of the above
    Writer keeping_; // the audit file and what names have used
};

} // namespace fulgurite::node
