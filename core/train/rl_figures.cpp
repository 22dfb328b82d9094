// SPDX-License-Identifier: Apache-2.0
#include "core/train/rl_figures.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fulgurite {

namespace {

template <class Body>
void forTokens(std::span<const PolicyAnswer> answers, const Body& body) {
    for (const PolicyAnswer& answer : answers) {
        for (std::size_t t = 0; t < answer.tokens(); ++t) {
            body(answer, t);
        }
    }
}

const char* endOf(FinishReason reason) {
    return reason == FinishReason::Repetition      ? "repetition"
           : reason == FinishReason::EndOfSentence ? "end"
                                                   : "limit";
}

} // namespace

double quantile(std::vector<double>& values, double q) {
    std::sort(values.begin(), values.end());
    const double place = q * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, values.size() - 1);
    return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
}

Mismatch mismatchOf(std::span<const PolicyAnswer> answers, PolicyPass::Scores drawn, PolicyPass::Scores trained) {
    double n = 0, sum_x = 0, sum_y = 0;
    Mismatch mismatch;
    double largest = -std::numeric_limits<double>::infinity(); // logarithm
    forTokens(answers, [&](const PolicyAnswer& answer, std::size_t t) {
        const double x = (answer.*drawn)[t];
        const double y = (answer.*trained)[t];
        n += 1;
        sum_x += std::exp(x);
        sum_y += std::exp(y);
        mismatch.prob_absdiff += std::abs(std::exp(x) - std::exp(y));
        mismatch.log_absdiff += std::abs(x - y);
        largest = std::max(largest, y - x);
    });
    mismatch.largest_ratio = n > 0 ? std::exp(largest) : 1;
    double xx = 0, yy = 0, xy = 0;
    forTokens(answers, [&](const PolicyAnswer& answer, std::size_t t) {
        const double x = std::exp(static_cast<double>((answer.*drawn)[t])) - sum_x / n;
        const double y = std::exp(static_cast<double>((answer.*trained)[t])) - sum_y / n;
        xx += x * x;
        yy += y * y;
        xy += x * y;
    });
    mismatch.pearson = xx > 0 && yy > 0 ? xy / std::sqrt(xx * yy) : 1;
    mismatch.prob_absdiff /= std::max(n, 1.0);
    mismatch.log_absdiff /= std::max(n, 1.0);
    return mismatch;
}

UpdateFigures updateFigures(const PassFigures& pass, std::span<const PolicyAnswer> answers) {
    UpdateFigures figures;
    figures.pass = pass;
    std::vector<double> ratios;
    forTokens(answers, [&](const PolicyAnswer& answer, std::size_t t) {
        const double moved = static_cast<double>(answer.log_probs[t]) - answer.old_log_probs[t];
        figures.kl_old -= moved / static_cast<double>(pass.tokens);
        ratios.push_back(std::exp(moved));
    });
    // Without an order there are no quantiles, and sorting needs one.
    if (std::any_of(ratios.begin(), ratios.end(), [](double ratio) { return std::isnan(ratio); })) {
        const double none = std::numeric_limits<double>::quiet_NaN();
        figures.ratio_p1 = figures.ratio_p10 = figures.ratio_p50 = figures.ratio_p90 = figures.ratio_p99 = none;
    } else if (!ratios.empty()) {
        figures.ratio_p1 = quantile(ratios, 0.01);
        figures.ratio_p10 = quantile(ratios, 0.1);
        figures.ratio_p50 = quantile(ratios, 0.5);
        figures.ratio_p90 = quantile(ratios, 0.9);
        figures.ratio_p99 = quantile(ratios, 0.99);
    }
    return figures;
}

nlohmann::ordered_json toJson(const UpdateFigures& figures, const PolicyOptions& policy, std::size_t updates) {
    const PolicyFigures& sums = figures.pass.policy;
    nlohmann::ordered_json json{{"step", figures.step},
                                {"train.policy_loss", sums.loss},
                                {"train.grad_norm", figures.gradient_norm},
                                {"train.lr", figures.rate},
                                {"train.entropy", figures.pass.entropy},
                                {"moe.aux_loss", figures.pass.balance},
                                {"moe.max_vio", figures.pass.max_violation}};
    if (policy.kl > 0) {
        json["train.kl_ref"] = sums.kl;
    }
    if (updates > 1) {
        json["train.kl_old"] = figures.kl_old;
        if (policy.loss == PolicyLoss::Cispo) {
            json["train.cispo_cap_frac"] = sums.capped_fraction;
        } else {
            json["train.clip_frac"] = sums.masked_fraction;
        }
        json["train.ratio_mean"] = sums.mean_ratio;
        json["train.ratio_min"] = sums.smallest_ratio;
        json["train.ratio_p1"] = figures.ratio_p1;
        json["train.ratio_p10"] = figures.ratio_p10;
        json["train.ratio_p50"] = figures.ratio_p50;
        json["train.ratio_p90"] = figures.ratio_p90;
        json["train.ratio_p99"] = figures.ratio_p99;
        json["train.ratio_max"] = sums.largest_ratio;
    }
    return json;
}

RolloutFigures rolloutFigures(const PolicyBatch& batch, std::size_t tasks) {
    RolloutFigures figures;
    std::vector<double> right(tasks, 0), asked(tasks, 0);
    std::vector<double> least(batch.prompts.size(), std::numeric_limits<double>::infinity());
    std::vector<double> most(batch.prompts.size(), -std::numeric_limits<double>::infinity());
    const auto n = static_cast<double>(batch.answers.size());
    double squares = 0;
    figures.len_min = std::numeric_limits<double>::infinity();
    for (const PolicyAnswer& answer : batch.answers) {
        const std::size_t task = batch.prompts[answer.prompt].task;
        const double correct = answer.judgement.verdict.correct ? 1 : 0;
        const auto length = static_cast<double>(answer.tokens());
        right[task] += correct;
        asked[task] += 1;
        least[answer.prompt] = std::min(least[answer.prompt], answer.reward);
        most[answer.prompt] = std::max(most[answer.prompt], answer.reward);
        figures.accuracy += correct / n;
        figures.reward_mean += answer.reward / n;
        squares += answer.reward * answer.reward / n;
        figures.len_mean += length / n;
        figures.len_min = std::min(figures.len_min, length);
        figures.len_max = std::max(figures.len_max, length);
        figures.repetition_frac += (answer.written.reason == FinishReason::Repetition ? 1 : 0) / n;
        figures.truncated_frac += (answer.written.ended() ? 0 : 1) / n;
    }
    figures.reward_std = std::sqrt(std::max(0.0, squares - figures.reward_mean * figures.reward_mean));
    for (std::size_t i = 0; i < least.size(); ++i) {
        figures.zero_std_frac += (least[i] == most[i] ? 1.0 : 0.0) / static_cast<double>(least.size());
    }
    for (std::size_t i = 0; i < tasks; ++i) {
        figures.task_accuracy.push_back(right[i] / asked[i]);
    }
    return figures;
}

nlohmann::ordered_json toJson(const RolloutFigures& figures, const std::vector<std::string>& task_labels) {
    nlohmann::ordered_json json{{"rollout.reward_mean", figures.reward_mean},
                                {"rollout.reward_std", figures.reward_std},
                                {"rollout.accuracy", figures.accuracy},
                                {"rollout.zero_std_frac", figures.zero_std_frac},
                                {"rollout.len_mean", figures.len_mean},
                                {"rollout.len_min", figures.len_min},
                                {"rollout.len_max", figures.len_max},
                                {"rollout.truncated_frac", figures.truncated_frac},
                                {"rollout.repetition_frac", figures.repetition_frac},
                                {"rollout.rounds", figures.rounds},
                                {"rollout.tokens_per_s", static_cast<double>(figures.generated) / figures.seconds},
                                {"mismatch.pearson", figures.mismatch.pearson},
                                {"mismatch.prob_absdiff", figures.mismatch.prob_absdiff},
                                {"mismatch.logp_absdiff", figures.mismatch.log_absdiff},
                                {"mismatch.is_max", figures.mismatch.largest_ratio}};
    if (figures.pearson_bf16_head) {
        json["mismatch.pearson_bf16_head"] = *figures.pearson_bf16_head;
    }
    for (std::size_t i = 0; i < task_labels.size() && task_labels.size() > 1; ++i) {
        if (!std::isnan(figures.task_accuracy[i])) {
            json["rollout.accuracy." + task_labels[i]] = figures.task_accuracy[i];
        }
    }
    return json;
}

RunSample rolloutSample(const PolicyBatch& batch, std::size_t index, std::uint64_t step, const RlConfig& config,
                        const Tokenizer& tokenizer) {
    const PolicyAnswer& answer = batch.answers[index];
    const RlPrompt& prompt = batch.prompts[answer.prompt];
    RunSample sample;
    sample.step = static_cast<std::int64_t>(step);
    sample.group = static_cast<std::int64_t>(answer.prompt);
    sample.prompt = prompt.text;
    sample.completion = answer.written.text;
    sample.reward = answer.reward;
    sample.advantage = answer.advantage;
    const nlohmann::ordered_json meta{{"prompt_index", answer.prompt},
                                      {"answer", index % config.group},
                                      {"task", config.prompts_of.tasks[prompt.task].task->name()},
                                      {"gold", prompt.item.gold},
                                      {"correct", answer.judgement.verdict.correct},
                                      {"inner_update", config.updates - 1},
                                      {"ended", endOf(answer.written.reason)},
                                      {"entropy", answer.entropies}};
    sample.meta_json = meta.dump();
    for (std::size_t t = 0; t < answer.tokens(); ++t) {
        const TokenWeight weight =
            tokenWeight(config.policy, answer.advantage, answer.log_probs[t], answer.old_log_probs[t]);
        RolloutToken& token = sample.tokens.emplace_back();
        token.id = answer.written.tokens[t];
        token.bytes = tokenizer.bytesOf(token.id);
        token.logprob = answer.old_log_probs[t];
        token.ratio = static_cast<float>(weight.ratio);
        token.weight = static_cast<float>(weight.masked ? 0.0 : weight.weight);
        token.capped = weight.capped || weight.masked;
    }
    return sample;
}

nlohmann::ordered_json rolloutJson(const PolicyBatch& batch, std::size_t index, std::uint64_t step,
                                   const RlConfig& config, const Tokenizer& tokenizer) {
    const RunSample sample = rolloutSample(batch, index, step, config, tokenizer);
    auto meta = nlohmann::ordered_json::parse(sample.meta_json);
    for (const RolloutToken& token : sample.tokens) {
        meta["texts"].push_back(tokenizer.decode({&token.id, 1})); // a part of a character has no bytes in JSON
        meta["tokens"].push_back(token.id);
        meta["logp_old"].push_back(token.logprob);
        meta["weight"].push_back(token.weight);
        meta["capped"].push_back(token.capped ? 1 : 0);
    }
    meta["logp"] = batch.answers[index].log_probs;
    return {{"step", step},
            {"prompt", sample.prompt},
            {"completion", sample.completion},
            {"reward", *sample.reward},
            {"advantage", *sample.advantage},
            {"meta", meta}};
}

std::vector<std::string> taskLabels(const std::vector<TaskShare>& tasks) {
    std::vector<std::string> labels;
    for (const TaskShare& share : tasks) {
        const std::string& name = share.task->name();
        const auto same = std::count_if(tasks.begin(), tasks.end(),
                                        [&](const TaskShare& other) { return other.task->name() == name; });
        labels.push_back(name);
        if (same > 1) {
            const auto before = std::count_if(labels.begin(), labels.end(),
                                              [&](const std::string& label) { return label.starts_with(name); });
            labels.back() += "-" + std::to_string(before);
        }
    }
    return labels;
}

} // namespace fulgurite
