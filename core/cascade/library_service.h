// SPDX-License-Identifier: Apache-2.0
// The image libraries of an engine: one owner of the data folder, for the node and for the command line. Scans run
// on a thread of their own and share the encoders with queries, batch by batch.
#pragma once

#include "core/cascade/cost_model.h"
#include "core/cascade/evaluate.h"
#include "core/cascade/scan.h"
#include "core/cascade/search.h"

#include <condition_variable>
#include <map>
#include <memory>
#include <thread>

namespace fulgurite::cascade {

struct ServiceOptions {
    std::filesystem::path data;                  // images.fulgurite and vectors/ lie here
    std::vector<std::filesystem::path> encoders; // CLIP folders
    std::size_t threads = 0;
    bool watch = true; // folders: rescan a library when something in them changed
};

enum class ScanAction : std::uint8_t { Start, Pause, Resume, Cancel };

struct ScanState {
    enum class Phase : std::uint8_t { Idle, Waiting, Running, Paused };
    Phase phase = Phase::Idle;
    ScanProgress progress;
    std::string message; // why the last one failed, or which folder is gone
};

struct QueryOutcome {
    QueryResult result;
    std::int64_t query = 0;                 // its number in the library; 0 when it was not recorded
    std::vector<ImageEntry> entries;        // of result.ranking
    std::vector<ImageId> ids;               // of indices: ids[index]
    double cold_seconds = 0;                // were no picture encoded yet but by the first stage
    double warm_seconds = 0;                // were all
    std::vector<double> stage_cold_seconds; // [stages]
};

struct LedgerReport {
    std::int64_t since = 0; // milliseconds since 1970
    std::size_t images = 0;
    std::size_t queries = 0;
    std::vector<EncoderTotals> totals; // by stage
    std::vector<double> seconds_each;  // t_j, measured
    std::vector<double> flops_each;    // t_j, by the closed form
    std::vector<LedgerPoint> curve;    // at most 400 points
    std::vector<LedgerEntry> entries;  // newest first
    double break_even = 0;             // query; infinite: never, not a number: too little is known
};

class LibraryService {
  public:
    explicit LibraryService(ServiceOptions options);
    ~LibraryService(); // ends scans after their batch
    LibraryService(const LibraryService&) = delete;
    LibraryService& operator=(const LibraryService&) = delete;

    EncoderSet& encoders() { return encoders_; }
    std::optional<double> measuredSeconds(const std::string& encoder);

    // All may be called from any thread and throw as LibraryStore.
    std::vector<Library> libraries();
    Library library(LibraryId id);
    LibraryId create(const std::string& name, const std::vector<std::string>& folders);
    void change(LibraryId id, const std::optional<std::string>& name,
                const std::optional<std::vector<std::string>>& folders);
    void remove(LibraryId id);
    std::vector<ImageEntry> images(LibraryId id, std::size_t from, std::size_t count);
    ImageEntry image(LibraryId id, ImageId image);
    std::vector<Unreadable> unreadable(LibraryId id);
    std::string thumbnail(LibraryId id, ImageId image, int side); // JPEG; never larger than kept

    void scan(LibraryId id, ScanAction action);
    ScanState scanState(LibraryId id);
    void waitForScan(LibraryId id, const std::function<void(const ScanState&)>& progress = {});

    // One at a time; others wait. `record`: a number, and entries in the ledger.
    QueryOutcome query(LibraryId id, const QueryRequest& request, bool record,
                       const std::function<bool()>& stop = {});
    LedgerReport ledger(LibraryId id, std::size_t entries);
    // Curves for cut-offs `keep` over the library's own pictures: the query for an image is its first-stage vector.
    std::vector<SimulationPoint> simulate(LibraryId id, const std::string& encoder,
                                          const SimulationSettings& settings,
                                          const std::function<bool()>& stop = {});

    // For evaluations: runs `work` alone with the encoders. `index` stays as it is meanwhile.
    void withSearch(LibraryId id, const std::function<void(const SearchContext& context)>& work);
    // What an evaluation of a library asks and tells: costs and paths from here, encodings into the ledger as no
    // part of a lifetime. `progress` is left to the caller.
    EvaluationHooks evaluationHooks(LibraryId id, std::function<bool()> stop = {});

  private:
    struct ScanJob {
        ScanState state;
        bool wanted = false;
        bool cancel = false;
        bool pause = false;
    };

    StageEncoder& stageEncoder(const std::string& id); // under compute_mutex_
    std::shared_ptr<const LibraryIndex> indexOf(LibraryId id);
    void forgetIndex(LibraryId id);
    void nameImages(LibraryId id, QueryOutcome& outcome);
    void record(LibraryId id, const QueryRequest& request, QueryOutcome& outcome);
    void estimate(QueryOutcome& outcome);
    void work(const std::stop_token& stop);
    void runScan(LibraryId id, const std::stop_token& stop);
    LibraryId nextScan();
    std::map<LibraryId, std::vector<std::string>> libraryFolders();
    void scanAll(const std::map<LibraryId, std::vector<std::string>>& folders);
    void watchFolders(const std::stop_token& stop);

    ServiceOptions options_;
    EncoderSet encoders_;
    kernels::ThreadPool pool_;
    std::mutex store_mutex_; // the database
    LibraryStore store_;
    std::mutex compute_mutex_; // encoders and their vectors; taken before store_mutex_, never after
    std::map<std::string, std::unique_ptr<StageEncoder>> stage_encoders_;
    std::mutex index_mutex_;
    std::map<LibraryId, std::shared_ptr<const LibraryIndex>> indexes_;
    std::mutex jobs_mutex_;
    std::condition_variable_any jobs_changed_;
    std::map<LibraryId, ScanJob> jobs_;
    std::jthread scanner_;
    std::jthread watcher_;
};

} // namespace fulgurite::cascade
