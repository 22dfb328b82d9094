// SPDX-License-Identifier: Apache-2.0
// The latest lines of what a node did, kept in memory for whoever looks at it from elsewhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

namespace fulgurite::node {

enum class LogLevel : std::uint8_t { Info, Warning, Error };

const char* nameOf(LogLevel level); // "info", "warning", "error"

struct LogLine {
    std::uint64_t number = 0; // counts from 1
    std::int64_t time_us = 0; // since 1970, UTC
    LogLevel level = LogLevel::Info;
    std::string text;
};

// Thread-safe.
class NodeLog {
  public:
    explicit NodeLog(std::size_t kept = 2000) : kept_(kept) {}

    void add(LogLevel level, std::string text);
    // At most `most` lines, oldest first: from `number` on, so that who asks for the next ones misses none, or of 0 the
    // latest.
    std::vector<LogLine> from(std::uint64_t number, std::size_t most) const;
    std::uint64_t next() const; // number of the line to come

  private:
    const std::size_t kept_;
    mutable std::mutex mutex_;
    std::deque<LogLine> lines_;
    std::uint64_t next_ = 1;
};

// That of this process: a node has one, whatever part of it has something to say.
NodeLog& nodeLog();

} // namespace fulgurite::node
