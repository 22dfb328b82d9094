// SPDX-License-Identifier: Apache-2.0
#include "core/store/runs/metric_names.h"

#include <algorithm>
#include <array>
#include <optional>

namespace fulgurite {

namespace {

constexpr std::array canonical_metrics{
    CanonicalMetric{"rollout.reward_mean", "", ""},
    CanonicalMetric{"rollout.reward_std", "", "over the batch, or within each group"},
    CanonicalMetric{"rollout.zero_std_frac", "share", "groups whose rewards are all the same"},
    CanonicalMetric{"rollout.accuracy", "share", ""},
    CanonicalMetric{"rollout.len_mean", "tokens", ""},
    CanonicalMetric{"rollout.len_min", "tokens", ""},
    CanonicalMetric{"rollout.len_max", "tokens", ""},
    CanonicalMetric{"rollout.truncated_frac", "share", ""},
    CanonicalMetric{"rollout.repetition_frac", "share", ""},
    CanonicalMetric{"train.loss", "", ""},
    CanonicalMetric{"train.policy_loss", "", "not comparable across algorithms"},
    CanonicalMetric{"train.grad_norm", "", "before clipping"},
    CanonicalMetric{"train.lr", "", ""},
    CanonicalMetric{"train.entropy", "nats/token", ""},
    CanonicalMetric{"train.kl_ref", "nats/token", "k3 unless stated"},
    CanonicalMetric{"train.kl_old", "nats/token", "mean(lp_old - lp)"},
    CanonicalMetric{"train.clip_frac", "share", "of tokens"},
    CanonicalMetric{"train.clip_frac_low", "share", "of tokens"},
    CanonicalMetric{"train.clip_frac_high", "share", "of tokens"},
    CanonicalMetric{"train.cispo_cap_frac", "share", "of tokens with a ratio above the cap"},
    CanonicalMetric{"train.ratio_mean", "", ""},
    CanonicalMetric{"train.ratio_min", "", ""},
    CanonicalMetric{"train.ratio_max", "", ""},
    CanonicalMetric{"train.ratio_p50", "", "quantile over tokens"},
    CanonicalMetric{"train.ratio_p99", "", "quantile over tokens"},
    CanonicalMetric{"train.ratio_p999", "", "quantile over tokens"},
    CanonicalMetric{"mismatch.logp_absdiff", "nats", "mean of |lp_train - lp_rollout|"},
    CanonicalMetric{"mismatch.prob_absdiff", "", "mean of |p_train - p_rollout|"},
    CanonicalMetric{"mismatch.pearson", "", "of probabilities"},
    CanonicalMetric{"mismatch.kl", "nats/token", "k1 or k3"},
    CanonicalMetric{"mismatch.is_mean", "", ""},
    CanonicalMetric{"mismatch.is_max", "", ""},
    CanonicalMetric{"mismatch.ess", "", "effective sample size"},
    CanonicalMetric{"moe.max_vio", "", "max over experts of load * experts, less 1"},
    CanonicalMetric{"moe.aux_loss", "", ""},
    CanonicalMetric{"perf.step_time", "s", ""},
    CanonicalMetric{"perf.tokens_per_s", "tokens/s", "of one device, or of all"},
    CanonicalMetric{"data.tokens", "tokens", "cumulative"},
    CanonicalMetric{"eval.loss", "", ""},
};

struct RawMetric {
    std::string_view raw; // without a leading "train/"
    const char* canonical;
    const char* definition = "";
};

constexpr std::array raw_metrics{
    // Hugging Face trainers, TRL, ms-swift
    RawMetric{"loss", "train.loss"},
    RawMetric{"policy_loss", "train.policy_loss"},
    RawMetric{"grad_norm", "train.grad_norm"},
    RawMetric{"learning_rate", "train.lr"},
    RawMetric{"entropy", "train.entropy"},
    RawMetric{"entropy/mean", "train.entropy"},
    RawMetric{"kl", "train.kl_ref", "k3"},
    RawMetric{"clip_ratio", "train.clip_frac"},
    RawMetric{"clip_ratio/region_mean", "train.clip_frac", "low with A < 0 or high with A > 0"},
    RawMetric{"clip_ratio/low_mean", "train.clip_frac_low", "with A < 0"},
    RawMetric{"clip_ratio/high_mean", "train.clip_frac_high", "with A > 0"},
    RawMetric{"cispo_clip_ratio", "train.cispo_cap_frac", "with A > 0 only"},
    RawMetric{"reward", "rollout.reward_mean"},
    RawMetric{"reward_std", "rollout.reward_std", "over the batch; ms-swift: within each group"},
    RawMetric{"frac_reward_zero_std", "rollout.zero_std_frac", "share of samples"},
    RawMetric{"completion_length", "rollout.len_mean"},
    RawMetric{"completions/mean_length", "rollout.len_mean"},
    RawMetric{"completions/min_length", "rollout.len_min"},
    RawMetric{"completions/max_length", "rollout.len_max"},
    RawMetric{"completions/clipped_ratio", "rollout.truncated_frac"},
    RawMetric{"sampling/sampling_logp_difference/mean", "mismatch.logp_absdiff"},
    RawMetric{"sampling/importance_sampling_ratio/mean", "mismatch.is_mean"},
    RawMetric{"sampling/importance_sampling_ratio/max", "mismatch.is_max"},
    RawMetric{"rollout_correction/kl", "mismatch.kl", "k1"},
    RawMetric{"rollout_correction/k3_kl", "mismatch.kl", "k3"},
    RawMetric{"rollout_correction/is_weight_mean", "mismatch.is_mean"},
    RawMetric{"rollout_correction/ess", "mismatch.ess"},
    RawMetric{"aux_loss", "moe.aux_loss"},
    RawMetric{"step_time", "perf.step_time"},
    RawMetric{"train_speed(s/it)", "perf.step_time"},
    RawMetric{"num_tokens", "data.tokens"},
    // verl
    RawMetric{"actor/pg_loss", "train.policy_loss"},
    RawMetric{"actor/grad_norm", "train.grad_norm"},
    RawMetric{"actor/lr", "train.lr"},
    RawMetric{"actor/entropy", "train.entropy"},
    RawMetric{"actor/entropy_loss", "train.entropy"},
    RawMetric{"actor/kl_loss", "train.kl_ref"},
    RawMetric{"actor/ppo_kl", "train.kl_old", "mean(lp_old - lp), may be negative"},
    RawMetric{"actor/pg_clipfrac", "train.clip_frac", "any token outside the range; CISPO: the capped ones"},
    RawMetric{"actor/pg_clipfrac_lower", "train.clip_frac_low", "dual clip only"},
    RawMetric{"critic/score/mean", "rollout.reward_mean", "raw score"},
    RawMetric{"critic/rewards/mean", "rollout.reward_mean", "after the KL penalty"},
    RawMetric{"response_length/mean", "rollout.len_mean"},
    RawMetric{"response_length/min", "rollout.len_min"},
    RawMetric{"response_length/max", "rollout.len_max"},
    RawMetric{"response_length/clip_ratio", "rollout.truncated_frac"},
    RawMetric{"rollout_corr/log_ppl_abs_diff", "mismatch.logp_absdiff", "of sequences"},
    RawMetric{"training/rollout_probs_diff_mean", "mismatch.prob_absdiff"},
    RawMetric{"training/rollout_actor_probs_pearson_corr", "mismatch.pearson"},
    RawMetric{"rollout_corr/kl", "mismatch.kl", "k1"},
    RawMetric{"rollout_corr/k3_kl", "mismatch.kl", "k3"},
    RawMetric{"rollout_corr/rollout_is_mean", "mismatch.is_mean"},
    RawMetric{"rollout_corr/rollout_is_max", "mismatch.is_max"},
    RawMetric{"rollout_corr/rollout_is_eff_sample_size", "mismatch.ess"},
    RawMetric{"rollout/moe/max_vio/avg", "moe.max_vio", "mean over layers"},
    RawMetric{"perf/time_per_step", "perf.step_time"},
    RawMetric{"perf/throughput", "perf.tokens_per_s", "of one device"},
    // OpenRLHF
    RawMetric{"actor_grad_norm", "train.grad_norm"},
    RawMetric{"actor_lr", "train.lr"},
    RawMetric{"entropy_loss", "train.entropy"},
    RawMetric{"ppo_kl", "train.kl_old"},
    RawMetric{"ppo_clip_ratio", "train.clip_frac"},
    RawMetric{"rollout/reward_mean", "rollout.reward_mean"},
    RawMetric{"rollout/reward_std", "rollout.reward_std", "over the batch"},
    RawMetric{"group_reward_std", "rollout.reward_std", "within each group"},
    RawMetric{"response_length", "rollout.len_mean"},
    RawMetric{"rollout/response_length_mean", "rollout.len_mean"},
    RawMetric{"response_clip_ratio", "rollout.truncated_frac"},
    RawMetric{"rollout/truncated_rate", "rollout.truncated_frac"},
    RawMetric{"vllm_kl", "mismatch.kl", "k1: lp_rollout - lp_old"},
    RawMetric{"timing/step_total", "perf.step_time"},
    // slime
    RawMetric{"pg_loss", "train.policy_loss"},
    RawMetric{"lr-pg_0", "train.lr"},
    RawMetric{"kl_loss", "train.kl_ref"},
    RawMetric{"pg_clipfrac", "train.clip_frac", "any token outside the range; CISPO: the capped ones"},
    RawMetric{"ois", "train.ratio_mean"},
    RawMetric{"train_rollout_logprob_abs_diff", "mismatch.logp_absdiff"},
    RawMetric{"rollout/raw_reward", "rollout.reward_mean"},
    RawMetric{"rollout/response_len/mean", "rollout.len_mean"},
    RawMetric{"rollout/response_len/min", "rollout.len_min"},
    RawMetric{"rollout/response_len/max", "rollout.len_max"},
    RawMetric{"rollout/truncated_ratio", "rollout.truncated_frac"},
    RawMetric{"rollout/repetition_frac", "rollout.repetition_frac"},
    RawMetric{"perf/step_time", "perf.step_time"},
    RawMetric{"perf/actor_train_tok_per_s", "perf.tokens_per_s"},
    // prime-rl
    RawMetric{"loss/mean", "train.loss"},
    RawMetric{"optim/lr", "train.lr"},
    RawMetric{"optim/grad_norm", "train.grad_norm"},
    RawMetric{"entropy/all/mean", "train.entropy"},
    RawMetric{"is_masked", "train.clip_frac", "tokens whose probability moved too far"},
    RawMetric{"is_masked_low", "train.clip_frac_low"},
    RawMetric{"is_masked_high", "train.clip_frac_high"},
    RawMetric{"reward/all/mean", "rollout.reward_mean"},
    RawMetric{"seq_len/all/mean", "rollout.len_mean", "prompt and completion"},
    RawMetric{"is_truncated/all/mean", "rollout.truncated_frac"},
    RawMetric{"mismatch_kl/all/mean", "mismatch.kl"},
    RawMetric{"max_vio/mean", "moe.max_vio"},
    RawMetric{"time/step", "perf.step_time"},
    RawMetric{"progress/total_tokens", "data.tokens", "before this step"},
    RawMetric{"val/loss", "eval.loss"},
    // ROLL and SkyRL
    RawMetric{"actor/total_loss", "train.loss"},
    RawMetric{"critic/kl", "train.kl_ref"},
    RawMetric{"actor/policykl", "train.kl_old"},
    RawMetric{"actor/ppo_ratio_clipfrac", "train.clip_frac", "any token outside the range"},
    RawMetric{"actor/ppo_ratio_low_clipfrac", "train.clip_frac_low"},
    RawMetric{"actor/ppo_ratio_high_clipfrac", "train.clip_frac_high"},
    RawMetric{"actor/cispo_cispo_upper_clipfrac", "train.cispo_cap_frac", "any sign of A"},
    RawMetric{"actor/ratio_mean", "train.ratio_mean"},
    RawMetric{"actor/ratio_min", "train.ratio_min"},
    RawMetric{"actor/ratio_max", "train.ratio_max"},
    RawMetric{"cispo/ratio_mean", "train.ratio_mean"},
    RawMetric{"cispo/ratio_min", "train.ratio_min"},
    RawMetric{"cispo/ratio_max", "train.ratio_max"},
    RawMetric{"time/step_total", "perf.step_time"},
};

// prime-rl gives them for each agent, "train/agg/effective/AGENT/reward/mean": of all environments together, over
// the rollouts that are trained on.
constexpr std::string_view agent_prefix = "agg/effective/";
constexpr std::array agent_metrics{
    RawMetric{"reward/mean", "rollout.reward_mean"},
    RawMetric{"num_output_tokens/mean", "rollout.len_mean"},
    RawMetric{"num_output_tokens/min", "rollout.len_min"},
    RawMetric{"num_output_tokens/max", "rollout.len_max"},
    RawMetric{"is_truncated/mean", "rollout.truncated_frac"},
};

std::optional<std::string_view> without(std::string_view prefix, std::string_view text) {
    return text.starts_with(prefix) ? std::optional(text.substr(prefix.size())) : std::nullopt;
}

// "val-core/math/acc/mean@8" is "eval.math.acc.mean@8".
std::string evalName(std::string_view rest) {
    std::string result = "eval." + std::string(rest);
    std::replace(result.begin(), result.end(), '/', '.');
    return result;
}

} // namespace

std::span<const CanonicalMetric> canonicalMetrics() {
    return canonical_metrics;
}

const CanonicalMetric* canonicalMetric(std::string_view name) {
    for (const CanonicalMetric& metric : canonical_metrics) {
        if (name == metric.name)
            return &metric;
    }
    return nullptr;
}

MetricMeaning meaningOfMetric(std::string_view raw) {
    const std::string_view name = without("train/", raw).value_or(raw);
    for (const RawMetric& metric : raw_metrics) {
        if (name == metric.raw)
            return {metric.canonical, metric.definition};
    }
    if (const auto of_agent = without(agent_prefix, name)) {
        const std::string_view metric = of_agent->substr(std::min(of_agent->find('/'), of_agent->size() - 1) + 1);
        for (const RawMetric& known : agent_metrics) {
            if (metric == known.raw)
                return {known.canonical, known.definition};
        }
    }
    if (canonicalMetric(name) || name.starts_with("eval."))
        return {std::string(name)};
    for (const std::string_view prefix : {"eval/", "eval_", "val-core/", "val-aux/"}) {
        if (const auto rest = without(prefix, name); rest && !rest->empty())
            return {evalName(*rest)};
    }
    return {};
}

} // namespace fulgurite
