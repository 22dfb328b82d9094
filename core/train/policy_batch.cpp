// SPDX-License-Identifier: Apache-2.0
#include "core/train/policy_batch.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace fulgurite {

namespace {

// The tokens of answers that the rows [first, first + count) are about, answers standing one after the other:
// body(answer, first token, tokens, first row relative to `rows.first`).
template <class Body>
void forSlices(std::span<PolicyAnswer> answers, const TargetRows& rows, const Body& body) {
    const std::size_t end = rows.first + rows.log_probs.size();
    std::size_t begin = 0; // of the answer
    for (PolicyAnswer& answer : answers) {
        const std::size_t from = std::max(begin, rows.first);
        const std::size_t to = std::min(begin + answer.tokens(), end);
        if (from < to) {
            body(answer, from - begin, to - from, from - rows.first);
        }
        begin += answer.tokens();
    }
}

void copySlice(std::span<const float> from, std::size_t at, std::size_t size, std::vector<float>& to) {
    to.resize(size);
    std::copy(from.begin(), from.end(), to.begin() + static_cast<std::ptrdiff_t>(at));
}

std::vector<double> sharesOf(std::span<const PolicyAnswer> answers, Normaliser normaliser) {
    std::vector<AnswerSize> sizes;
    for (const PolicyAnswer& answer : answers) {
        sizes.push_back({answer.prompt, answer.tokens()});
    }
    return tokenShares(normaliser, sizes);
}

} // namespace

std::size_t PolicyBatch::tokens() const {
    return std::accumulate(answers.begin(), answers.end(), std::size_t{0},
                           [](std::size_t sum, const PolicyAnswer& answer) { return sum + answer.tokens(); });
}

void PolicyPass::forward(const PolicyBatch& batch, std::span<const PolicyAnswer> answers) {
    tokens_.clear();
    targets_.clear();
    lengths_.clear();
    for (const PolicyAnswer& answer : answers) {
        const TokenIds& prompt = batch.prompts[answer.prompt].tokens;
        const TokenIds& written = answer.written.tokens;
        tokens_.insert(tokens_.end(), prompt.begin(), prompt.end());
        tokens_.insert(tokens_.end(), written.begin(), written.end() - 1);
        targets_.resize(targets_.size() + prompt.size() - 1, TrainBatch::kNoTarget);
        targets_.insert(targets_.end(), written.begin(), written.end());
        lengths_.push_back(prompt.size() + written.size() - 1);
    }
    pass_.forward({tokens_, lengths_, targets_});
}

void PolicyPass::score(const PolicyBatch& batch, std::span<PolicyAnswer> answers, Scores scores,
                       HeadArithmetic head) {
    for (std::size_t first = 0; first < answers.size(); first += micro_batch_) {
        const auto part = answers.subspan(first, std::min(micro_batch_, answers.size() - first));
        forward(batch, part);
        pass_.evaluate(
            [&](const TargetRows& rows) {
                forSlices(part, rows,
                          [&](PolicyAnswer& answer, std::size_t at, std::size_t count, std::size_t row) {
                              copySlice(rows.log_probs.subspan(row, count), at, answer.tokens(), answer.*scores);
                          });
            },
            temperature_, head);
    }
}

PassFigures PolicyPass::gradient(const PolicyBatch& batch, std::span<PolicyAnswer> answers,
                                 const PolicyOptions& options, double balance, std::span<float> gradients) {
    const std::vector<double> shares = sharesOf(answers, options.normaliser);
    PolicyGradients policy(options);
    PassFigures figures;
    const double parts = std::ceil(static_cast<double>(answers.size()) / static_cast<double>(micro_batch_));
    for (std::size_t first = 0; first < answers.size(); first += micro_batch_) {
        const auto part = answers.subspan(first, std::min(micro_batch_, answers.size() - first));
        forward(batch, part);
        const auto objective = [&](const TargetRows& rows) {
            forSlices(part, rows, [&](PolicyAnswer& answer, std::size_t at, std::size_t count, std::size_t row) {
                copySlice(rows.log_probs.subspan(row, count), at, answer.tokens(), answer.log_probs);
                copySlice(rows.entropies.subspan(row, count), at, answer.tokens(), answer.entropies);
                const auto slice = [&](const std::vector<float>& all) {
                    return all.empty() ? std::span<const float>() : std::span(all).subspan(at, count);
                };
                policy.add({answer.advantage, shares[static_cast<std::size_t>(&answer - answers.data())],
                            slice(answer.log_probs), slice(answer.old_log_probs),
                            slice(answer.reference_log_probs)},
                           rows.dlog_probs.subspan(row, count));
            });
            figures.entropy = std::accumulate(rows.entropies.begin(), rows.entropies.end(), figures.entropy);
        };
        figures.balance +=
            pass_.backward(objective, {.temperature = temperature_, .balance = balance / parts}, gradients) / parts;
        figures.max_violation += pass_.maxViolation() / parts;
        figures.rows += tokens_.size();
    }
    figures.policy = policy.figures();
    figures.tokens = figures.policy.tokens;
    figures.entropy /= static_cast<double>(std::max<std::size_t>(figures.tokens, 1));
    return figures;
}

} // namespace fulgurite
