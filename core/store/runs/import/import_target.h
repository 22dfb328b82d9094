// SPDX-License-Identifier: Apache-2.0
// Where the records of one log go: the run of its path, and more runs when it names them itself. Runs come into
// being with their first record.
#pragma once

#include "core/store/runs/import/run_import.h"
#include "core/store/runs/run_writer.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace fulgurite {

class ImportTarget final : public LogSink {
  public:
    // `run` is as it is to be made; its uri makes the uuid, so that the next import finds it.
    ImportTarget(std::filesystem::path database, NewRun run, bool rewind);

    void selectRun(std::string_view name) override;
    void value(std::string_view name, std::int64_t step, double value) override;
    void mark(const StepMark& mark) override;
    void histogram(std::string_view name, std::int64_t step, std::vector<HistogramBucket> buckets) override;
    void sample(RunSample sample) override;
    void config(const std::string& json) override;
    void rewind(std::int64_t step) override;
    void skipped(const std::string& why) override;

    // All files of the run are read from their beginning: the first step takes back what they told before, once.
    void startAnew();
    // Before each file. `replaced`: it is another one, or was cut, since it was read.
    void beginFile(const std::filesystem::path& file, bool replaced);
    void endFile();
    void endRun(); // after the last file

    void flush();
    void finish(RunStatus status);

    // The first run that got something.
    std::optional<RunId> run() const { return run_; }
    // Since the last call.
    ImportCounts takeCounts();
    std::vector<std::string> takeRemarks();

  private:
    struct Run {
        std::unique_ptr<RunWriter> writer;
        std::unordered_map<std::string, RunWriter::Series> series;
        std::vector<const std::string*> names; // of `series`, by their numbers
        std::size_t guess = 0;                 // which of them comes next
        std::optional<std::int64_t> last_step;
        bool anew = false;                    // the next step takes back what is there from it on
        std::vector<RunWriter::Point> points; // that the writer has not got yet
    };

    Run& current(); // opens it
    void at(Run& run, std::int64_t step);
    static void handOver(Run& run);
    RunWriter::Series seriesOf(Run& run, std::string_view name);

    std::filesystem::path database_;
    NewRun wanted_;
    bool rewind_;
    std::map<std::string, Run, std::less<>> runs_; // by the name that the log gives; "" is the path's own
    std::string selected_;
    Run* current_ = nullptr;
    std::optional<RunId> run_;
    std::filesystem::path file_;
    bool anew_ = false; // of runs that appear
    std::int64_t skipped_in_file_ = 0;
    std::string first_skipped_;
    ImportCounts counts_;
    std::vector<std::string> remarks_;
    std::string name_buffer_; // reused
};

} // namespace fulgurite
