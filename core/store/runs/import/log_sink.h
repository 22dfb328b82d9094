// SPDX-License-Identifier: Apache-2.0
// What the log of another program says, record by record, and the parsers that read such logs in pieces of bounded
// size: a growing file is followed, and a damaged one is read as far as it goes.
#pragma once

#include "core/store/runs/run_types.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite {

class LogSink {
  public:
    virtual ~LogSink() = default;

    // What follows belongs to the run of this name, in a file that holds several; "" is the file's own.
    virtual void selectRun(std::string_view name) = 0;
    virtual void value(std::string_view name, std::int64_t step, double value) = 0;
    virtual void mark(const StepMark& mark) = 0;
    virtual void histogram(std::string_view name, std::int64_t step, std::vector<HistogramBucket> buckets) = 0;
    virtual void sample(RunSample sample) = 0;
    virtual void config(const std::string& json) = 0;
    // Everything from `step` on is told anew.
    virtual void rewind(std::int64_t step) = 0;
    // A record that cannot be used was skipped. `why` is the sentence for the first of its kind.
    virtual void skipped(const std::string& why) = 0;
};

class LogParser {
  public:
    virtual ~LogParser() = default;

    // Reads the whole records at the beginning of `bytes` and returns how many bytes they take; the caller brings
    // the rest again with more behind it. `end`: nothing more is there now. A record that is not whole yet may be
    // read then, but does not count, because it will come again when the file grows.
    virtual std::size_t parse(std::string_view bytes, bool end, LogSink& sink) = 0;

    // True for a file that its writer replaces as a whole: it is brought from its beginning each time it changed,
    // all of it at once.
    virtual bool isSnapshot() const { return false; }
    // What has to be known to go on later, as JSON; the default is a parser without memory.
    virtual std::string state() const { return "{}"; }
    virtual void restore(const std::string& json) { (void)json; }
};

// Records that are longer are skipped, piece by piece.
constexpr std::size_t longest_log_record = std::size_t{16} << 20;
constexpr std::size_t largest_log_snapshot = std::size_t{256} << 20;

} // namespace fulgurite
