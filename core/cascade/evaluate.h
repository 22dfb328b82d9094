// SPDX-License-Identifier: Apache-2.0
// Recall@k of cascades over a library whose captions are known: each caption is a query, found when its image is
// among the first k. Encodes every picture by every encoder that takes part, once.
#pragma once

#include "core/cascade/search.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace fulgurite::cascade {

struct Caption {
    std::string file; // name or path of its image
    std::string text;
};

// One JSON object a line with "file" and "caption". Throws Error{InvalidInput | Corrupt} with the line.
std::vector<Caption> readCaptions(const std::filesystem::path& file);

// A variant: stages as of a query. One stage alone is the encoder that everything is compared with.
struct EvaluationSettings {
    std::vector<Caption> captions;
    std::vector<std::vector<QueryStage>> variants;
    std::size_t limit = 0; // captions at most; 0: all
    std::string prefix;
    double fraction = 0.1; // f of the closed form
};

// A share of the captions and its 95 % interval (Wilson).
struct Recall {
    double mean = 0;
    double low = 0;
    double high = 0;
};

struct EvaluationRow {
    std::vector<QueryStage> stages;
    std::map<std::size_t, Recall> recall; // by k: 1, 5, 10
    double factor = 0;                    // lifetime, against all images by `reference`, by measured seconds
    double flops_factor = 0;              // the same by the closed form of the encoders
    double own_factor = 0;                // F: against all images by the last encoder of this row
    double own_flops_factor = 0;
    double cold_seconds = 0;   // encodings of a first query
    double ingest_seconds = 0; // of the first stage over all images
    double touched = 0;        // share of the images that these captions sent to the second stage
};

struct EvaluationResult {
    std::size_t captions = 0;
    std::size_t images = 0;
    std::string reference; // the dearest encoder of all rows, which every row is compared with
    std::vector<EvaluationRow> rows;
    std::map<std::string, double> seconds_each; // t_j measured, by encoder
};

Recall wilson(std::size_t found, std::size_t of);

// Where each caption's image stands, 1 the best, after each variant; 0 for a caption whose image is not in the
// library. `measured` gives t_j after the encodings, `encoded` hears when an encoder has encoded what it lacked,
// `progress` of captions done.
struct EvaluationHooks {
    std::function<void(const EncodingReport& report)> encoded;
    std::function<double(const std::string& encoder)> measured;
    std::function<void(double share)> progress;
    std::function<std::string(ImageId image)> path;
};

// Between two batches, of encodings and of captions, the context lets others have the encoders.
EvaluationResult evaluate(const EvaluationSettings& settings, const SearchContext& context,
                          const EvaluationHooks& hooks);

} // namespace fulgurite::cascade
