// SPDX-License-Identifier: Apache-2.0
// Sampling from what a device has looked up in a row of logits (kernels/preselect.h). Each step is the one that
// sampler.cpp takes with the whole row, on candidates that are sure to hold all that it would keep.
#include "core/generate/sampler.h"
#include "core/generate/sampler_record.h"
#include "kernels/softmax_weight.h"

#include <algorithm>
#include <cmath>

namespace fulgurite {

namespace {

using kernels::Preselected;

SoftmaxSums sumsBefore(const Preselected& answer) {
    SoftmaxSums sums;
    sums.max = answer.max_before;
    sums.sum = answer.sum_before;
    return completed(sums, answer.weighted_before);
}

std::span<const kernels::Candidate> candidatesOf(const Preselected& answer) {
    return std::span(answer.candidate).first(static_cast<std::size_t>(answer.candidates));
}

double describeWhole(const Preselected& answer, const ReportParams& report, TokenRecord& record) {
    if (!report.statistics && report.alternatives == 0) {
        return 0;
    }
    std::vector<Entry> best;
    for (const kernels::Candidate& entry : std::span(answer.before_list).first(static_cast<std::size_t>(answer.before))) {
        best.push_back({entry.logit, entry.id});
    }
    std::sort(best.begin(), best.end(), ranksBefore);
    best.resize(std::min(best.size(), static_cast<std::size_t>(report.alternatives)));
    return recordBefore(sumsBefore(answer), best, record);
}

void describeChosen(const kernels::Candidate& chosen, double normaliser, TokenRecord& record) {
    record.logprob = static_cast<float>(static_cast<double>(chosen.logit) - normaliser);
    record.rank = chosen.rank;
}

const kernels::Candidate& candidateOf(const Preselected& answer, TokenId id) {
    if (answer.drawn.id == id) {
        return answer.drawn;
    }
    const auto all = candidatesOf(answer);
    return *std::find_if(all.begin(), all.end(), [id](const kernels::Candidate& candidate) { return candidate.id == id; });
}

} // namespace

float Sampler::adjusted(TokenId id, float logit) const {
    if (const auto bias = params_.logit_bias.find(id); bias != params_.logit_bias.end()) {
        logit += bias->second;
    }
    const auto seen = seen_.find(id);
    return seen == seen_.end() ? logit : penalised(logit, seen->second);
}

kernels::PreselectRow Sampler::wishFor(TokenId id, const ReportParams& report) {
    kernels::PreselectRow wish;
    wish.least = 2; // no candidates
    wish.before = report.alternatives;
    wish.statistics = report.statistics ? 1 : 0;
    wish.named = id;
    return wish;
}

kernels::PreselectRow Sampler::wish(std::uint64_t position, const ReportParams& report,
                                    std::vector<kernels::LogitChange>& changes) const {
    kernels::PreselectRow wish;
    wish.before = report.alternatives;
    wish.statistics = report.statistics ? 1 : 0;
    wish.repetition = params_.repetition_penalty;
    wish.presence = params_.presence_penalty;
    wish.frequency = params_.frequency_penalty;
    if (params_.temperature == 0.0f) {
        wish.least = kernels::kWeightMargin; // the largest, and what rounding may have brought beside it
    } else {
        wish.scale = kernels::softmaxScale(params_.temperature);
        if (drawsFromAll(known_ids_)) {
            wish.draws = 1;
            wish.uniform = uniformAt(params_.seed, position);
            wish.best = report.alternatives;
        } else if (countsBest(known_ids_)) {
            wish.best = params_.top_k;
        } else {
            wish.share = params_.top_p;
            wish.least = params_.min_p;
        }
    }
    wish.first_change = static_cast<std::int32_t>(changes.size());
    const auto known = [&](TokenId id) { return static_cast<std::size_t>(id) < known_ids_; };
    for (const auto& [id, bias] : params_.logit_bias) {
        if (known(id) && !seen_.contains(id)) {
            changes.push_back({id, bias, 0, 0});
        }
    }
    for (const auto& [id, seen] : seen_) {
        if (known(id)) {
            const auto bias = params_.logit_bias.find(id);
            changes.push_back({id, bias == params_.logit_bias.end() ? 0.0f : bias->second, seen.generated, 1});
        }
    }
    wish.changes = static_cast<std::int32_t>(changes.size()) - wish.first_change;
    return wish;
}

// Candidates weigh something. Where fewer than `wanted` do, the ranking goes on with the others by rising id.
std::vector<Entry> Sampler::headOf(const Preselected& answer, std::size_t wanted) const {
    std::vector<Entry> head;
    for (const kernels::Candidate& candidate : candidatesOf(answer)) {
        head.push_back({candidate.weight, candidate.id});
    }
    if (wanted == 0) {
        return head;
    }
    wanted = std::min(wanted, known_ids_);
    if (head.size() < wanted) {
        std::sort(head.begin(), head.end(), [](const Entry& a, const Entry& b) { return a.id < b.id; });
        const std::size_t weighing = head.size();
        std::size_t next = 0;
        for (TokenId id = 0; head.size() < wanted; ++id) {
            if (next < weighing && head[next].id == id) {
                ++next;
            } else {
                head.push_back({0.0f, id});
            }
        }
    }
    std::sort(head.begin(), head.end(), ranksBefore);
    head.resize(wanted);
    return head;
}

void Sampler::drawGreedily(const Preselected& answer, int alternatives, TokenRecord& record) const {
    record.id = -1;
    for (const kernels::Candidate& candidate : candidatesOf(answer)) {
        if (adjusted(candidate.id, candidate.logit) == answer.max_after &&
            (record.id < 0 || candidate.id < record.id)) {
            record.id = candidate.id;
        }
    }
    requireFinite(record.id >= 0 && std::isfinite(answer.max_after));
    record.kept = 1;
    if (alternatives > 0) {
        record.after = {{record.id, 0.0f}};
    }
}

TokenRecord Sampler::sample(const Preselected& answer, std::uint64_t position, const ReportParams& report) {
    TokenRecord record;
    const double normaliser = describeWhole(answer, report, record);
    const double sum = answer.sum_after;
    const auto alternatives = static_cast<std::size_t>(report.alternatives);
    if (params_.temperature == 0.0f) {
        drawGreedily(answer, report.alternatives, record);
    } else {
        requireFinite(std::isfinite(sum) && std::isfinite(answer.max_after));
        if (drawsFromAll(known_ids_)) {
            recordDrawnFromAll({answer.drawn.weight, answer.drawn.id}, known_ids_, sum, record);
            if (alternatives > 0) {
                record.after = asAlternatives(headOf(answer, alternatives), logShareOf(sum));
            }
        } else {
            const bool counts = countsBest(known_ids_);
            std::vector<Entry> kept = headOf(answer, counts ? static_cast<std::size_t>(params_.top_k) : 0);
            cut(kept, counts ? sumOf(kept) : sum);
            drawFrom(std::move(kept), uniformAt(params_.seed, position), sum, report.alternatives, record);
        }
    }
    if (report.statistics) {
        describeChosen(candidateOf(answer, record.id), normaliser, record);
    }
    countDrawn(record.id);
    return record;
}

TokenRecord Sampler::force(TokenId id, const Preselected& answer, const ReportParams& report) {
    TokenRecord record;
    const double normaliser = describeWhole(answer, report, record);
    record.id = id;
    if (report.statistics) {
        describeChosen(answer.named, normaliser, record);
    }
    record.forced = true;
    record.kept = 1;
    countDrawn(id);
    return record;
}

} // namespace fulgurite
