// SPDX-License-Identifier: Apache-2.0
// The image libraries of an engine: one owner of the data folder, for the node and for the command line. Scans run
// on a thread of their own and share the encoders with queries, batch by batch.
#pragma once

#include "core/cascade/cost_model.h"
#include "core/cascade/evaluate.h"
#include "core/cascade/scan.h"
#include "core/cascade/search.h"
#include "core/cascade/turns.h"

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <thread>

namespace fulgurite::cascade {

struct ServiceOptions {
    std::filesystem::path data = {};                  // images.fulgurite and vectors/ lie here
    std::vector<std::filesystem::path> encoders = {}; // CLIP folders
    std::size_t threads = 0;
    bool watch = true; // folders: rescan a library when something in them changed
    // Where the system does not tell of changes, folders are looked through so often; less often when that takes
    // long.
    std::chrono::milliseconds look_every = std::chrono::minutes(1);
    std::size_t most_watches = SIZE_MAX; // of folders, beside the system's own limit
};

enum class ScanAction : std::uint8_t { Start, Pause, Resume, Cancel };

struct ScanState {
    enum class Phase : std::uint8_t { Idle, Waiting, Running, Paused };
    Phase phase = Phase::Idle;
    ScanProgress progress;
    bool cancelled = false; // by somebody: it goes on when it is asked for
    std::string message;    // why the last one failed, which folder is gone, which cannot be watched
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
    std::size_t images =
        0; // different pictures: those of now, or all that one encoder ever encoded for the library
    std::size_t queries = 0;
    std::vector<EncoderTotals> totals; // by rising cost
    std::vector<double> seconds_each;  // t_j, measured
    std::vector<double> flops_each;    // t_j, by the closed form
    std::vector<LedgerPoint> curve;    // at most 400 points
    std::vector<LedgerEntry> entries;  // newest first
    double break_even = 0;             // query; infinite: never, not a number: too little is known
};

// t_j of a chain: measured where all stages have been, else by the closed form; the two are never mixed.
struct StageCosts {
    std::vector<double> each;
    bool measured = false;
};

struct Simulation {
    std::size_t images = 0; // different pictures that the first encoder knows
    std::vector<SimulationPoint> points;
};

class LibraryService {
  public:
    explicit LibraryService(ServiceOptions options);
    ~LibraryService(); // ends scans after their batch
    LibraryService(const LibraryService&) = delete;
    LibraryService& operator=(const LibraryService&) = delete;

    EncoderSet& encoders() { return encoders_; }
    // Of the checkpoint that the encoder's folder holds now, whatever was measured under its name before. Nothing
    // where none was. Throws Error{NotFound}.
    std::optional<double> measuredSeconds(const std::string& encoder);
    StageCosts costsOf(const std::vector<QueryStage>& stages);
    double vectorBytes(LibraryId id);

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

    // One at a time; others wait. `record`: a number, and entries for its text and searches. What it encodes is in
    // the ledger all the same, and stays there when it is stopped.
    QueryOutcome query(LibraryId id, const QueryRequest& request, bool record,
                       const std::function<bool()>& stop = {});
    LedgerReport ledger(LibraryId id, std::size_t entries);
    // Curves for cut-offs `keep` over the library's own pictures: the query for an image is its first-stage vector.
    Simulation simulate(LibraryId id, const std::string& encoder, const SimulationSettings& settings,
                        const std::function<bool()>& stop = {});

    // For evaluations: runs `work` alone with the encoders but for the pauses that it makes. `index` stays as it is
    // meanwhile.
    void withSearch(LibraryId id, const std::function<void(const SearchContext& context)>& work,
                    const std::function<bool()>& stop = {});
    // What an evaluation of a library asks and tells: costs and paths from here. `progress` is left to the caller.
    EvaluationHooks evaluationHooks(LibraryId id);

  private:
    class Watcher;
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
    void record(LibraryId id, const QueryRequest& request, bool recorded, QueryOutcome& outcome);
    void estimate(QueryOutcome& outcome);
    std::optional<EncoderId> checkpointOf(const std::string& encoder); // under store_mutex_
    double measuredWall(const std::string& encoder);                   // with reading and decoding; 0: not known
    void work(const std::stop_token& stop);
    void runScan(LibraryId id, const std::stop_token& stop);
    LibraryId nextScan();
    void rescan(LibraryId id, bool cancelled_too); // unasked: leaves a pause as it is
    void watchFolders(const std::stop_token& stop);

    ServiceOptions options_;
    EncoderSet encoders_;
    kernels::ThreadPool pool_;
    kernels::ThreadPool read_pool_; // of scans, so that no query waits for pictures that are being decoded
    std::mutex store_mutex_;        // the database, and checkpoints_
    LibraryStore store_;
    std::map<std::string, EncoderId> checkpoints_; // of loaded encoders
    Turns compute_mutex_; // encoders and their vectors; taken before store_mutex_, never after
    std::map<std::string, std::unique_ptr<StageEncoder>> stage_encoders_;
    std::mutex index_mutex_;
    std::map<LibraryId, std::shared_ptr<const LibraryIndex>> indexes_;
    std::mutex jobs_mutex_;
    std::condition_variable_any jobs_changed_;
    std::map<LibraryId, ScanJob> jobs_;
    std::map<LibraryId, std::string> watch_notes_; // under jobs_mutex_: what of a library cannot be watched
    std::jthread scanner_;
    std::jthread watcher_;
};

} // namespace fulgurite::cascade
