// SPDX-License-Identifier: Apache-2.0
// Image libraries and cascaded search as a node tells of them (docs/protocol.md, "Image libraries"). Ranks begin at
// 1, stages at 0. Costs are of image encoding unless said otherwise; `flops` counts two for a multiply-add.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fulgurite::client {

using ImageId = std::int64_t;

// A pass over a library's folders that is under way.
struct LibraryScan {
    std::string state; // "running" or "paused"
    std::size_t done = 0;
    std::size_t total = 0;   // files found so far
    double rate = 0;         // images per second
    double seconds_left = 0; // 0: not known yet

    bool operator==(const LibraryScan&) const = default;
};

struct ImageLibrary {
    std::int64_t id = 0;
    std::string name;
    std::vector<std::string> folders;
    std::size_t images = 0;
    std::size_t unreadable = 0; // files that are listed with the reason
    std::uint64_t vector_bytes = 0;
    std::size_t queries = 0; // recorded in the ledger
    std::optional<LibraryScan> scan;
    std::string message; // what went wrong with the last one, which folder is gone or cannot be watched

    bool operator==(const ImageLibrary&) const = default;
};

struct ImageEncoder {
    std::string id;
    int width = 0;      // of its vectors
    int image_size = 0; // pixels a side
    int patch = 0;
    double gflops_image = 0;             // closed form of its configuration
    double gflops_text = 0;              //
    std::optional<double> seconds_image; // measured on the node; absent: nothing encoded yet
};

struct UnreadableImage {
    std::string path;
    std::string reason;
};

struct ImageInfo {
    ImageId id = 0;
    std::string path;
    int width = 0; // pixels, after orientation
    int height = 0;
    std::uint64_t bytes = 0;
    std::int64_t modified = 0; // seconds since 1970
};

struct ImagePage {
    std::size_t total = 0;
    std::vector<ImageInfo> images;
};

// A text, an image of the library, or a picture that is in none; the query vector is the weighted sum of the terms'
// unit vectors.
struct CascadeTerm {
    std::string text; // of a picture: what it is called
    std::optional<ImageId> image;
    double weight = 1;                                    // negative: less of it
    std::shared_ptr<const std::string> picture = nullptr; // bytes of a JPEG, PNG or WebP

    bool isText() const { return !image && !picture; }
};

struct CascadeStage {
    std::string encoder;
    std::optional<std::size_t> keep; // images that go on; absent: the last stage, which only orders
};

struct CascadeQuery {
    std::vector<CascadeTerm> terms;
    std::vector<CascadeStage> stages;
    std::size_t limit = 60;
    std::size_t fell = 40; // images told for each stage, those nearest to the cut first
    bool record = true;    // into the ledger
};

struct FallenImage {
    ImageId image = 0;
    std::size_t rank = 0; // at the stage where it fell
    double score = 0;
};

struct ScoreHistogram {
    double low = 0;
    double high = 0;
    std::vector<std::size_t> counts; // of equal bins
};

struct CascadeStageReport {
    std::string encoder;
    std::size_t in = 0;
    std::size_t out = 0;
    double seconds = 0;        // of the stage, encoding included
    double encode_seconds = 0; //
    double flops = 0;
    std::size_t encoded = 0;         // images encoded for this query
    std::size_t cached = 0;          // vectors that were there already
    std::optional<double> cut_score; // of the last image that goes on
    double cold_seconds = 0;         // what it takes with nothing cached, from the measured rate
    ScoreHistogram histogram;
    std::vector<FallenImage> fell;
    std::vector<double> top_scores; // the best in falling order
};

struct CascadeHit {
    ImageId image = 0;
    std::string path;
    double score = 0;               // at the last stage that it reached
    std::vector<std::size_t> ranks; // one a stage; shorter where it fell earlier
    std::vector<double> scores;
};

struct CascadeAnswer {
    std::int64_t query = 0; // number in the ledger; 0: not recorded
    std::size_t images = 0;
    double seconds = 0;
    double text_seconds = 0;
    double cold_seconds = 0;
    double warm_seconds = 0;
    std::vector<CascadeStageReport> stages;
    std::vector<CascadeHit> results; // the beginning of the full ranking
};

// The same cost in both units.
struct CascadeCost {
    double seconds = 0;
    double flops = 0;
};

struct LedgerStage {
    std::string encoder;
    std::size_t encoded = 0;
    CascadeCost cost;
    std::uint64_t bytes = 0;
    double share = 0;   // of the cost of all stages
    double touched = 0; // encoded over images
};

struct LedgerPoint {
    std::int64_t query = 0;
    CascadeCost cost;            // so far
    std::vector<double> touched; // fraction, a stage each
};

struct LedgerEntry {
    std::string kind;       // "ingest", "query", "text", "search" or "evaluation"
    std::int64_t query = 0; // 0: while the library was read, or a query that was not recorded
    std::int64_t time = 0;  // seconds since 1970
    std::string text;
    int stage = 0;
    std::string encoder;
    std::size_t items = 0;
    std::size_t cached = 0;
    CascadeCost cost;
    std::uint64_t bytes = 0;
};

struct CascadeLedger {
    std::int64_t since = 0; // seconds since 1970
    std::size_t queries = 0;
    std::size_t images = 0;
    std::vector<LedgerStage> stages;
    CascadeCost factor;               // lifetime factor F, measured
    CascadeCost closed;               // F of the closed form at `fraction`
    double fraction = 0;              // f, measured
    CascadeCost everything;           // every image by the last encoder
    std::optional<double> break_even; // query at which the cascade has cost as much; absent: never, as far as seen
    std::string break_even_fit;       // what was assumed of the queries to come
    std::vector<LedgerPoint> curve;
    std::vector<LedgerEntry> entries; // newest first
};

struct SimulationRequest {
    std::vector<CascadeStage> stages;
    std::size_t queries = 10'000;
    std::string draw = "zipf"; // or "fraction", "random"
    double exponent = 1;       // of zipf
    double fraction = 0.1;     // of the images that are ever asked for
    int seeds = 5;
};

struct Band {
    double mean = 0;
    double low = 0;
    double high = 0;
};

struct SimulationPoint {
    std::int64_t query = 0;
    Band touched;
    Band cost;
};

struct Simulation {
    bool in_flops = false; // costs: not every stage has been measured yet
    double everything = 0; // every image by the last encoder
    std::vector<SimulationPoint> measured;
    std::vector<SimulationPoint> closed; // bands of no width
};

struct RecallRequest {
    std::string captions; // JSON lines file on the node; empty: the library's own
    std::vector<CascadeStage> stages;
    std::size_t limit = 2000; // captions
};

struct RecallRow {
    std::string variant;
    std::vector<CascadeStage> stages;
    std::map<int, Band> recall; // at k, share of captions, with its 95 % interval
    double factor = 0;          // lifetime, against every image by the report's reference
    double cold_seconds = 0;
    double ingest_seconds = 0;
};

struct FrontPoint {
    std::vector<std::size_t> keep;
    double recall1 = 0;
    double factor = 0;
};

struct RecallReport {
    std::size_t captions = 0;
    std::string reference; // the dearest encoder of all rows
    std::vector<RecallRow> rows;
    std::vector<FrontPoint> front;
};

} // namespace fulgurite::client
