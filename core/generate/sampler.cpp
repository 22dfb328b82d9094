// SPDX-License-Identifier: Apache-2.0
#include "core/generate/sampler.h"

#include "core/base/error.h"
#include "core/generate/sampler_record.h"
#include "core/grammar/constraint.h"
#include "kernels/softmax_weight.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

namespace fulgurite {

namespace {

void requireRange(std::string_view field, double value, double low, double high) {
    if (!(value >= low && value <= high)) {
        fail(ErrorKind::InvalidInput, "{} is {}; it must lie between {} and {}", field, value, low, high);
    }
}

void describeChosen(std::span<const float> logits, double normaliser, TokenRecord& record) {
    const double logit = static_cast<double>(logits[static_cast<std::size_t>(record.id)]);
    record.logprob = static_cast<float>(logit - normaliser);
    record.rank = rankOf(logits, record.id);
}

void forbidOthers(std::span<float> logits, const grammar::TokenMask& allowed) {
    constexpr float kNever = -std::numeric_limits<float>::infinity();
    for (std::size_t i = 0; i < logits.size(); ++i) {
        if (!allowed.allows(static_cast<TokenId>(i))) {
            logits[i] = kNever;
        }
    }
}

} // namespace

void validate(const SamplerParams& params, std::size_t vocab_size) {
    requireRange("temperature", static_cast<double>(params.temperature), 0, 100);
    requireRange("top_k", params.top_k, 0, 1e9);
    requireRange("top_p", static_cast<double>(params.top_p), 0, 1);
    requireRange("min_p", static_cast<double>(params.min_p), 0, 1);
    requireRange("repetition_penalty", static_cast<double>(params.repetition_penalty), 0.01, 100);
    requireRange("presence_penalty", static_cast<double>(params.presence_penalty), -100, 100);
    requireRange("frequency_penalty", static_cast<double>(params.frequency_penalty), -100, 100);
    for (const auto& [id, bias] : params.logit_bias) {
        if (id < 0 || static_cast<std::size_t>(id) >= vocab_size) {
            fail(ErrorKind::InvalidInput, "logit_bias names token {}; the vocabulary ends at {}", id,
                 vocab_size - 1);
        }
        requireRange("logit_bias", static_cast<double>(bias), -1000, 1000);
    }
}

SamplerParams recommended(const SamplingDefaults& model, SamplerParams otherwise) {
    SamplerParams params = std::move(otherwise);
    const auto take = [](const std::optional<double>& value, float& field) {
        field = value ? static_cast<float>(*value) : field;
    };
    take(model.temperature, params.temperature);
    params.top_k = model.top_k.value_or(params.top_k);
    take(model.top_p, params.top_p);
    take(model.min_p, params.min_p);
    take(model.repetition_penalty, params.repetition_penalty);
    return params;
}

Sampler::Sampler(SamplerParams params, std::size_t known_ids) : params_(std::move(params)), known_ids_(known_ids) {}

bool Sampler::hasPenalties() const {
    return params_.repetition_penalty != 1.0f || params_.presence_penalty != 0.0f ||
           params_.frequency_penalty != 0.0f;
}

void Sampler::observePrompt(std::span<const TokenId> prompt) {
    if (params_.repetition_penalty != 1.0f) {
        for (const TokenId id : prompt) {
            seen_[id].in_prompt = true;
        }
    }
}

TokenRecord Sampler::sample(std::span<const float> logits, std::uint64_t position, const ReportParams& report,
                            const grammar::TokenMask* allowed) {
    TokenRecord record;
    const double normaliser = describeBefore(logits, report, record);
    const std::span<const float> after = adjusted(logits.first(std::min(known_ids_, logits.size())), allowed);
    if (params_.temperature == 0.0f) {
        record.id = argmax(after);
        requireFinite(record.id >= 0);
        record.kept = 1;
        if (report.alternatives > 0) {
            record.after = {{record.id, 0.0f}};
        }
    } else {
        draw(position, after, report.alternatives, allowed != nullptr, record);
    }
    if (report.statistics) {
        describeChosen(logits, normaliser, record);
    }
    countDrawn(record.id);
    return record;
}

void Sampler::countDrawn(TokenId id) {
    if (hasPenalties()) {
        ++seen_[id].generated;
    }
}

TokenRecord Sampler::describe(TokenId id, std::span<const float> logits, const ReportParams& report) {
    TokenRecord record;
    const double normaliser = describeBefore(logits, report, record);
    record.id = id;
    if (report.statistics) {
        describeChosen(logits, normaliser, record);
    }
    return record;
}

TokenRecord Sampler::force(TokenId id, std::span<const float> logits, const ReportParams& report) {
    TokenRecord record = describe(id, logits, report);
    record.forced = true;
    record.kept = 1;
    countDrawn(id);
    return record;
}

// Returns what to subtract from a logit to get its log-probability.
double Sampler::describeBefore(std::span<const float> logits, const ReportParams& report, TokenRecord& record) {
    if (!report.statistics && report.alternatives == 0) {
        return 0;
    }
    weights_.resize(logits.size());
    const SoftmaxSums sums = softmaxWeights(logits, 1.0f, weights_);
    return recordBefore(sums, bestOf(logits, static_cast<std::size_t>(report.alternatives)), record);
}

float Sampler::penalised(float logit, const Seen& seen) const {
    return kernels::penalisedLogit(logit, params_.repetition_penalty, params_.presence_penalty,
                                   params_.frequency_penalty, seen.generated);
}

// Only the few tokens that are biased or were seen change, and those that are not allowed.
std::span<const float> Sampler::adjusted(std::span<const float> logits, const grammar::TokenMask* allowed) {
    if (params_.logit_bias.empty() && seen_.empty() && allowed == nullptr) {
        return logits;
    }
    logits_.assign(logits.begin(), logits.end());
    for (const auto& [id, bias] : params_.logit_bias) {
        if (static_cast<std::size_t>(id) < logits_.size()) {
            logits_[static_cast<std::size_t>(id)] += bias;
        }
    }
    for (const auto& [id, seen] : seen_) {
        if (static_cast<std::size_t>(id) < logits_.size()) {
            float& logit = logits_[static_cast<std::size_t>(id)];
            logit = penalised(logit, seen);
        }
    }
    if (allowed != nullptr) {
        forbidOthers(logits_, *allowed);
    }
    return logits_;
}

bool Sampler::drawsFromAll(std::size_t count) const {
    return !countsBest(count) && params_.top_p >= 1.0f && params_.min_p == 0.0f;
}

bool Sampler::countsBest(std::size_t count) const {
    return params_.top_k > 0 && static_cast<std::size_t>(params_.top_k) < count;
}

void Sampler::draw(std::uint64_t position, std::span<const float> logits, int alternatives, bool masked,
                   TokenRecord& record) {
    weights_.resize(logits.size());
    const SoftmaxSums sums = softmaxWeights(logits, params_.temperature, weights_);
    requireFinite(sums.finite);
    const double uniform = uniformAt(params_.seed, position);
    if (drawsFromAll(weights_.size()) && !masked) {
        recordDrawnFromAll(entryAtMass(weights_, uniform * sums.sum), weights_.size(), sums.sum, record);
        if (alternatives > 0) {
            record.after =
                asAlternatives(bestOf(weights_, static_cast<std::size_t>(alternatives)), logShareOf(sums.sum));
        }
        return;
    }
    std::vector<Entry> kept = headOf(sums);
    cut(kept, countsBest(weights_.size()) ? sumOf(kept) : sums.sum);
    if (masked) { // a cut may reach down to what has no weight at all, and rounding may end there
        std::erase_if(kept, [](const Entry& entry) { return entry.value <= 0.0f; });
    }
    drawFrom(std::move(kept), uniform, sums.sum, alternatives, record);
}

// In the order of ids, so that the same tokens give the same sum, and two nearly equal weights may swap rank
// without changing what is drawn.
void Sampler::drawFrom(std::vector<Entry> kept, double uniform, double sum, int alternatives,
                       TokenRecord& record) const {
    std::sort(kept.begin(), kept.end(), [](const Entry& a, const Entry& b) { return a.id < b.id; });
    const double mass = sumOf(kept);
    double left = uniform * mass;
    const Entry* chosen = &kept.front();
    for (const Entry& entry : kept) {
        chosen = entry.value > 0.0f ? &entry : chosen; // what rounding leaves beyond the last one is that one's
        left -= static_cast<double>(entry.value);
        if (left < 0) {
            break;
        }
    }
    record.id = chosen->id;
    record.kept = static_cast<int>(kept.size());
    record.kept_mass = static_cast<float>(mass / sum);
    record.logprob_after = static_cast<float>(std::log(static_cast<double>(chosen->value) / mass));
    if (alternatives > 0) {
        const auto count = std::min(kept.size(), static_cast<std::size_t>(alternatives));
        std::partial_sort(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(count), kept.end(), ranksBefore);
        kept.resize(count);
        record.after = asAlternatives(kept, logShareOf(mass));
    }
}

// The best ones that top-k leaves, or all that may be among what top-p and min-p leave.
std::vector<Entry> Sampler::headOf(const SoftmaxSums& sums) const {
    if (countsBest(weights_.size())) {
        return bestOf(weights_, static_cast<std::size_t>(params_.top_k));
    }
    // Weights below (1 - p) / n of the mass add up to less than 1 - p of it, so top-p drops them all.
    const double tail = (1.0 - static_cast<double>(params_.top_p)) / static_cast<double>(weights_.size());
    const auto bound = static_cast<float>(0.999 * tail * sums.sum);
    return atLeast(weights_, std::max(bound, params_.min_p)); // the best weight is 1
}

// All cuts keep a head of the ranking, so each works on what the one before left; `mass` is that of what top-k
// left.
void Sampler::cut(std::vector<Entry>& head, double mass) const {
    if (params_.top_p < 1.0f) {
        keepMass(head, static_cast<double>(params_.top_p) * mass);
    }
    if (params_.min_p > 0.0f) {
        std::erase_if(head, [&](const Entry& entry) { return entry.value < params_.min_p; });
    }
}

} // namespace fulgurite
