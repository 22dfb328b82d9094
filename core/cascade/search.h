// SPDX-License-Identifier: Apache-2.0
// One query through a cascade (Hoenig, Ackermann, Chi 2023, algorithm 1): every image ranked by the first encoder,
// then the best m_j ranked anew by each later one, which encodes what it meets for the first time and keeps it for
// ever. What a stage drops stays behind those it kept, in the order it had: the outcome is a full ranking. Scores
// of different stages are never compared.
#pragma once

#include "core/cascade/stage_encoder.h"

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace fulgurite::cascade {

// The query's vector at a stage is the normalised sum of weight * vector over its terms; a negative weight leads
// away.
struct QueryTerm {
    std::string text; // or, when empty:
    ImageId image = 0;
    double weight = 1;
    std::string picture = {}; // or the bytes of a picture that is in no library; `text` then says what it is called
};

struct QueryStage {
    std::string encoder;
    std::size_t keep = 0; // images that go on to the next stage; of the last one, without meaning
};

struct QueryRequest {
    std::vector<QueryTerm> terms;
    std::vector<QueryStage> stages;
    std::size_t depth = 400; // of the ranking that is handed out; later stages are always whole
    std::size_t fell = 40;   // images nearest below each cut
    std::string prefix = {}; // before every text, such as "a photo of "
};

struct ScoredImage {
    std::uint32_t index = 0; // of the library's images
    float score = 0;
};

struct ScoreHistogram {
    double low = 0;
    double high = 0;
    std::vector<std::int64_t> counts;
};

struct StageResult {
    std::string encoder;
    std::size_t in = 0;
    std::size_t out = 0;
    double seconds = 0;        // search: products and sorting
    double text_seconds = 0;   // the query's own vector, of its texts and its pictures
    double encode_seconds = 0; // pictures met for the first time, with reading and decoding
    double tower_seconds = 0;  // of it in the vision tower: what the ledger counts
    double text_flops = 0;
    double encode_flops = 0;
    double search_flops = 0;
    double search_bytes = 0;
    // Of the images that came in; together they are `in`.
    std::size_t encoded = 0;
    std::size_t cached = 0;
    std::size_t missing = 0;           // could not be encoded: the file is gone or changed; they stay behind
    std::size_t term_encoded = 0;      // images of the query itself that had no vector
    double vector_bytes = 0;           // written by this stage
    std::vector<std::int64_t> entries; // of the ledger, for the encodings
    std::optional<float> cut_score;    // of the last image that goes on
    ScoreHistogram histogram;
    std::vector<ScoredImage> order; // best first: the first `depth` of the first stage, all of a later one
};

struct QueryResult {
    std::size_t images = 0;
    double seconds = 0;
    std::vector<StageResult> stages;
    std::vector<std::uint32_t> ranking; // the first `depth` of the full ranking
};

// The pictures of a library, as a search sees them.
struct LibraryIndex {
    std::vector<ImageId> ids;
    std::vector<ContentId> contents; // [ids]
    std::unordered_map<ImageId, std::uint32_t> places;
};

struct SearchContext {
    LibraryId library = 0;
    const LibraryIndex& index;
    std::function<StageEncoder&(const std::string& encoder)> encoder;
    std::function<PictureSource(std::uint32_t index)> picture; // where to read an image that has no vector yet
    kernels::ThreadPool& pool;
    std::function<void()> pause; // lets others have the encoders for a moment; may be empty
    std::function<bool()> stop;  // may be empty

    // Between two batches: others have their turn; true when the work is to end.
    bool betweenBatches() const {
        if (pause) {
            pause();
        }
        return stop && stop();
    }
};

// Throws Error{InvalidInput} for stages or terms that make no query, Error{NotFound} for an image that is not in
// the library, Error{Cancelled} when stopped.
QueryResult runQuery(const QueryRequest& request, const SearchContext& context);

// Throws what runQuery would throw for these stages alone.
void checkStages(const std::vector<QueryStage>& stages);

} // namespace fulgurite::cascade
