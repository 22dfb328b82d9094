// SPDX-License-Identifier: Apache-2.0
// What a capture is to hold, what it will cost, and whether there is room for it: answered before anything runs.
#pragma once

#include "core/base/intervention.h"
#include "core/probe/capture/capture_layout.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fulgurite::probe {

inline constexpr std::size_t kDefaultQueryPositions = 256;
inline constexpr std::uint64_t kDefaultCaptureLimit = std::uint64_t{16} << 30; // bytes of one file

// The parts of a plan (core/probe/probe_plan.h) that the views of the Inspect page are made of.
struct CaptureRequest {
    // Layers whose queries, keys, values and head outputs are kept in full for every token: rows and maps of their
    // heads at any position. Absent: all.
    std::optional<std::vector<int>> attention_layers;
    // Single heads that are kept beside those layers; with heads and without attention_layers, these alone.
    std::vector<capture::HeadRef> attention_heads;
    bool every_output = true; // false: head outputs at the query positions only
    // Query positions of head figures and lens. Absent: the last `last` tokens.
    std::optional<std::vector<std::size_t>> positions;
    std::size_t last = kDefaultQueryPositions;
    bool heads = true; // output norm, gate mean, share of the block's output, effect on the logit, importance
    bool lens = true;
    int lens_candidates = 8;
    bool routing = true;                                     // experts, weights and margins of every token
    bool logprobs = true;                                    // of every token given those before it
    std::optional<std::pair<std::size_t, std::size_t>> fact; // marked span [first, last)
    Intervention intervention;                               // in force while the text is replayed; empty: none
};

struct CapturePlan {
    capture::CaptureInfo info; // all but hashes, names and date
    capture::CaptureContents contents;
    Intervention intervention;
};

// Resolves the request against a model and a text of `tokens` tokens. Throws Error{InvalidInput} that names the
// layer, head, expert or position that does not exist and its range.
CapturePlan planCapture(const CaptureRequest& request, const ModelConfig& config, std::size_t tokens);

// The request in full as one line of JSON: defaults resolved, so that equal plans read equal.
std::string planToJson(const CapturePlan& plan);

// Where captures go and how large one may be.
struct CaptureRoom {
    std::filesystem::path folder;
    std::string name; // of the folder in messages; empty: its path
    std::uint64_t limit_bytes = kDefaultCaptureLimit;
};

struct CaptureEstimate {
    std::uint64_t bytes = 0;       // of the file: exact
    std::uint64_t state_bytes = 0; // of memory for keys, values and states while it runs: exact
    double flops = 0;              // forward pass, lens and figures: closed form
    double seconds = 0; // flops at the rate of this engine's measured prefill; 0 while nothing has been measured
    std::uint64_t free_bytes = 0;  // on the disk of the captures' folder
    std::uint64_t limit_bytes = 0; // of one capture
    std::string refusal;           // why it cannot be taken, with the figures; empty: it can

    bool fits() const { return refusal.empty(); }
};

// vocabulary_bytes: length of all token texts together. prefill_rate: tokens/s, 0 when nothing was measured.
CaptureEstimate estimateCapture(const CapturePlan& plan, std::uint64_t vocabulary_bytes, double prefill_rate,
                                const CaptureRoom& room);

// Throws Error{OutOfMemory} with the refusal.
void requireFits(const CaptureEstimate& estimate);

} // namespace fulgurite::probe
