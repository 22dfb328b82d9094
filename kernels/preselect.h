// SPDX-License-Identifier: Apache-2.0
// The part of sampling that looks at a whole vocabulary, where the logits are: sums of the softmax before and after
// the samplers, the few tokens that the next one can be, the rank of each. What is drawn from them is the host's to
// say (core/generate/sampler.h), with the bits that it would have from the whole row.
#pragma once

#include "kernels/device.h"

#include <cstddef>
#include <cstdint>

namespace fulgurite::kernels {

// A token whose logit the request changes: `bias` first, then the penalties if it was seen.
struct LogitChange {
    std::int32_t id = 0;
    float bias = 0;
    std::int32_t generated = 0; // how often, of what was generated
    std::int32_t seen = 0;      // 1: in the prompt or the answer
};

// What is wanted of one row. Weights are exp((logit - largest) * scale) of the changed logits of the tokens below
// `known`, 0 below e^-87.
struct PreselectRow {
    float scale = 1;
    // The candidates are a superset of: the `best` heaviest, if that is not 0; else the heaviest that together have
    // `share` of the sum; without those that weigh less than `least`. Only tokens that weigh anything.
    std::int32_t best = 0;
    float share = 1;
    float least = 0;
    // Draws from all: the token in whose share of the running sum by id `uniform` of it lies.
    std::int32_t draws = 0;
    double uniform = 0;
    float repetition = 1;
    float presence = 0;
    float frequency = 0;
    std::int32_t first_change = 0; // of PreselectParams::changes
    std::int32_t changes = 0;
    std::int32_t before = 0;     // a superset of so many best tokens before any change
    std::int32_t statistics = 0; // 1: ranks are wanted
    std::int32_t named = -1;     // a token to describe whatever is drawn
};

struct Candidate {
    std::int32_t id = -1;
    float weight = 0;
    float logit = 0;       // before any change
    std::int32_t rank = 0; // before any change, 1 is the best; 0 without statistics
};

// The answer for one row. Lists are in any order; one that found more than it has room for is of no use.
struct Preselected {
    static constexpr std::size_t kMostCandidates = 1024;
    static constexpr std::size_t kMostBefore = 128;

    float max_before = 0;
    float max_after = 0;
    double sum_before = 0; // of the weights at scale 1 of all tokens
    double weighted_before = 0;
    double sum_after = 0;
    std::int32_t weighing_before = 0; // tokens with a weight above 0
    std::int32_t weighing_after = 0;
    std::int32_t candidates = 0; // found
    std::int32_t before = 0;     // found
    Candidate drawn;
    Candidate named;
    Candidate candidate[kMostCandidates];
    Candidate before_list[kMostBefore]; // id and logit
};

struct PreselectParams {
    const float* logits = nullptr; // [rows, vocab]
    std::size_t rows = 0;
    std::size_t vocab = 0;
    std::size_t known = 0;                // tokens from there on are never drawn
    const PreselectRow* row = nullptr;    // [rows], the host's
    const LogitChange* changes = nullptr; // of all rows, the host's; no id twice in one row
    std::size_t change_count = 0;
    Preselected* out = nullptr; // [rows]
};

// Whether the answer holds all that was asked for; else the whole row is needed.
inline bool suffices(const PreselectRow& wish, const Preselected& answer) {
    const auto most = static_cast<std::int32_t>(Preselected::kMostCandidates);
    const auto most_before = static_cast<std::int32_t>(Preselected::kMostBefore);
    return answer.candidates <= most &&
           (wish.before == 0 || (answer.before >= wish.before && answer.before <= most_before));
}

// Buckets of weights by their upper bits, eight for each factor of two: the precision with which the weight is
// found above which the candidates lie.
inline constexpr int kWeightBuckets = 1017; // that of weight 1 is the last
inline constexpr int kBucketShift = 20;
// Masses are added up as whole numbers, so that their sum does not depend on the order. Those of 2^24 equal weights, the
// largest vocabulary, still fit into 63 bits.
inline constexpr float kMassUnits = 0x1p38f;
// What rounding may have cost: candidates may be a few more than needed, never fewer.
inline constexpr double kShareMargin = 1e-7;
inline constexpr float kWeightMargin = 0.99999f;

// Scalar: the truth. `logits` and `out` in the host's memory.
void referencePreselect(const PreselectParams& params);

// What a device's library exports under the C name kSamplingEntry, a function without parameters that returns a
// pointer to one: for rows of logits that lie on its devices.
struct DeviceSampling {
    std::uint64_t interface = 0; // kSamplingInterface of its build; nothing else is read when it differs
    void (*preselect)(const PreselectParams&, Queue&) = nullptr;
};

inline constexpr const char* kSamplingEntry = "fulgurite_device_sampling";

// Rises with every change of meaning in this header; changes of layout show by themselves.
inline constexpr std::uint64_t kSamplingRevision = 2;
inline constexpr std::uint64_t kSamplingInterface = [] {
    std::uint64_t hash = kDeviceInterface ^ kSamplingRevision;
    for (const std::size_t size : {sizeof(PreselectRow), sizeof(LogitChange), sizeof(Preselected),
                                   sizeof(PreselectParams), sizeof(DeviceSampling)}) {
        hash = (hash ^ size) * 0x100000001b3u;
    }
    return hash;
}();

// Of the CUDA library, for queues of its devices. Throws DeviceError{NotFound} as cudaLibrary() does.
const DeviceSampling& cudaSampling();

} // namespace fulgurite::kernels
