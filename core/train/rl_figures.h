// SPDX-License-Identifier: Apache-2.0
// The figures of a run of reinforcement learning, under their canonical names.
#pragma once

#include "core/store/runs/run_types.h"
#include "core/train/policy_batch.h"

#include <nlohmann/json.hpp>

#include <optional>

namespace fulgurite {

// The value below which a share `q` of the values lies, between neighbours in proportion. `values` is not empty and
// gets sorted.
double quantile(std::vector<double>& values, double q);

// How far two policies are apart, above all the engine's and the training pass's over the same weights.
struct Mismatch {
    double pearson = 1;       // correlation of the probabilities (MiniMax-M1 report, figure 3); 1 without variance
    double prob_absdiff = 0;  // mean
    double log_absdiff = 0;   // mean, nats
    double largest_ratio = 1; // importance ratio: probability in training over the one that it was drawn with
};
Mismatch mismatchOf(std::span<const PolicyAnswer> answers, PolicyPass::Scores drawn, PolicyPass::Scores trained);

// One update of a batch.
struct UpdateFigures {
    std::uint64_t step = 0; // updates made, this one included
    PassFigures pass;
    double gradient_norm = 0; // before clipping
    double rate = 0;
    double kl_old = 0;                                                               // mean of lp_old - lp
    double ratio_p1 = 1, ratio_p10 = 1, ratio_p50 = 1, ratio_p90 = 1, ratio_p99 = 1; // quantiles over tokens
};
UpdateFigures updateFigures(const PassFigures& pass, std::span<const PolicyAnswer> answers);
// `updates`: of a batch. With a single one every ratio is 1, and what is made of ratios is left out: it does not
// apply. That is something else than a healthy zero.
nlohmann::ordered_json toJson(const UpdateFigures& figures, const PolicyOptions& policy, std::size_t updates);

// The rollouts of a batch.
struct RolloutFigures {
    double reward_mean = 0;
    double reward_std = 0; // of all answers of the batch
    double accuracy = 0;
    double zero_std_frac = 0;                      // of groups
    double len_mean = 0, len_min = 0, len_max = 0; // tokens
    double truncated_frac = 0;
    double repetition_frac = 0;
    std::vector<double> task_accuracy; // by task of the mix; NaN for one that no prompt was drawn from
    std::size_t rounds = 1;            // of generation
    std::size_t generated = 0;         // tokens, those of groups that were drawn again included
    double seconds = 0;                // of generation
    Mismatch mismatch;
    std::optional<double> pearson_bf16_head; // the same correlation, were the engine's head in bfloat16
};
RolloutFigures rolloutFigures(const PolicyBatch& batch, std::size_t tasks);
nlohmann::ordered_json toJson(const RolloutFigures& figures, const std::vector<std::string>& task_labels);

// One answer with everything about its tokens: a line of rollouts.jsonl, and the row of a runs file.
nlohmann::ordered_json rolloutJson(const PolicyBatch& batch, std::size_t answer, std::uint64_t step,
                                   const RlConfig& config, const Tokenizer& tokenizer);
RunSample rolloutSample(const PolicyBatch& batch, std::size_t answer, std::uint64_t step, const RlConfig& config,
                        const Tokenizer& tokenizer);

// A name for each task of the mix; those that occur twice are numbered.
std::vector<std::string> taskLabels(const std::vector<TaskShare>& tasks);

} // namespace fulgurite
