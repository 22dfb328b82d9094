// SPDX-License-Identifier: Apache-2.0
// What a runs file holds, as plain data: runs, their series of numbers, the clock of their steps, and the samples
// that a policy wrote with what each of their tokens weighed in the gradient. docs/formats/runs.md has the tables.
#pragma once

#include "core/base/types.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fulgurite {

using RunId = std::int64_t;
using SeriesId = std::int64_t;
using SampleId = std::int64_t;
using Microseconds = std::int64_t; // since 1970, UTC

enum class RunStatus : std::uint8_t { Running = 1, Finished = 2, Failed = 3, Stopped = 4, Paused = 5 };

// Steps lie within +-2^53, which also holds clocks in microseconds.
constexpr std::int64_t run_step_limit = std::int64_t{1} << 53;
void requireRunStep(std::int64_t step); // throws Error{InvalidInput}

const char* nameOf(RunStatus status); // "running", ...
std::optional<RunStatus> runStatusNamed(const std::string& name);

// What a run is when it begins. Empty texts are stored as such.
struct NewRun {
    std::string uuid; // empty: a new one is made
    std::string project;
    std::string name;
    std::string source; // who writes: "fulgurite", "tensorboard", "jsonl", "push" ...
    std::string source_uri;
    std::string algo;            // "cispo", "grpo", "pretrain" ...
    Microseconds created_us = 0; // 0: now
    std::optional<RunId> parent;
    std::optional<std::int64_t> seed;
    std::string config_json = "{}";
    std::string notes;
    std::vector<std::string> tags;
};

struct RunRecord {
    RunId id = 0;
    std::string uuid;
    std::string project;
    std::string name;
    std::string source;
    std::string source_uri;
    std::string algo;
    Microseconds created_us = 0;
    std::optional<Microseconds> ended_us;
    RunStatus status = RunStatus::Running;
    std::optional<RunId> parent;
    std::optional<std::int64_t> seed;
    std::string notes;
    std::vector<std::string> tags;         // sorted
    std::optional<std::int64_t> last_step; // durable: in the file
    std::int64_t series = 0;
    std::int64_t points = 0;
    // Grows when something other than an append changed: a rewind, a value for an earlier step, an edit. What was
    // read before a change is stale.
    std::int64_t generation = 0;
    // Somebody holds the run for writing now. A run that is Running and not alive was cut.
    bool alive = false;
};

enum class SeriesKind : std::uint8_t {
    Metric = 0, // the x axis is the step of training
    Clock = 1,  // the x axis is microseconds since 1970, for what is measured beside the steps
};

struct SeriesRecord {
    SeriesId id = 0;
    std::string name;      // as its writer called it
    std::string canonical; // metric_names.h; empty where the name is not known
    SeriesKind kind = SeriesKind::Metric;
    std::int64_t points = 0;
    std::optional<std::int64_t> min_step;
    std::optional<std::int64_t> max_step;
    std::optional<double> last_value; // nothing when it is NaN
    std::optional<double> min_value;  // infinities count
    std::optional<double> max_value;
    std::int64_t nan = 0;
    std::int64_t infinite = 0;
    std::int64_t overwritten = 0; // values that a later one for the same step replaced
};

struct RunPoint {
    std::int64_t step = 0;
    double value = 0; // NaN and infinities as they were written

    bool operator==(const RunPoint&) const = default;
};

// When a step was, and how far the data was read then.
// What a chart can show by far, and what no honest writer of distributions reaches.
constexpr std::size_t most_histogram_buckets = std::size_t{1} << 14;

struct StepMark {
    std::int64_t step = 0;
    std::optional<Microseconds> wall_us;
    std::optional<std::int64_t> tokens; // cumulative
    std::optional<double> epoch;

    bool operator==(const StepMark&) const = default;
};

// One token of a completion as the objective saw it. ratio = exp(logprob now - logprob when it was sampled); weight
// is what stood in the gradient in its place: min(ratio, C) in CISPO, 0 for a masked token of DAPO or GRPO.
struct RolloutToken {
    TokenId id = 0;
    std::string bytes; // the token's own; may end inside a character
    float logprob = 0; // natural, under the policy that sampled
    float ratio = 1;
    float weight = 1;
    bool capped = false; // ratio and weight differ by the rule of the objective

    bool operator==(const RolloutToken&) const = default;
};

struct RunSample {
    SampleId id = 0; // given by the file
    std::int64_t step = 0;
    std::int64_t group = 0; // samples of one prompt in one step share it
    std::string prompt;
    std::string completion;
    std::optional<double> reward;
    std::optional<double> advantage;
    std::string meta_json = "{}";     // anything else; an object
    std::int64_t token_count = 0;     // of the detail below, also when it was not read
    std::vector<RolloutToken> tokens; // the completion's; may be empty
};

// A distribution at one step: buckets with their right ends and counts.
struct HistogramBucket {
    double left = 0;
    double right = 0;
    double count = 0;

    bool operator==(const HistogramBucket&) const = default;
};

} // namespace fulgurite
