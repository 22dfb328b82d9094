// SPDX-License-Identifier: Apache-2.0
#include "core/probe/comparison.h"

#include "core/base/error.h"
#include "core/model/intervention.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <utility>

namespace fulgurite::probe {

namespace {

// Logits of both models that are held at a time.
constexpr std::size_t kMaxLogitFloats = std::size_t{8} << 20;

// log of the sum of exponentials, in double: the difference of two of them is what a KL of 1e-6 is made of.
double logSumExp(std::span<const float> logits) {
    const double largest = *std::max_element(logits.begin(), logits.end());
    double sum = 0;
    for (const float logit : logits) {
        sum += std::exp(static_cast<double>(logit) - largest);
    }
    return largest + std::log(sum);
}

TokenId bestOf(std::span<const float> logits) {
    return static_cast<TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

// KL(p || q) of the softmax distributions; rounding may leave a little less than nothing.
double divergence(std::span<const float> p, double p_norm, std::span<const float> q, double q_norm) {
    double sum = 0;
    for (std::size_t i = 0; i < p.size(); ++i) {
        const double log_p = p[i] - p_norm;
        sum += std::exp(log_p) * (log_p - (q[i] - q_norm));
    }
    return std::max(sum, 0.0);
}

} // namespace

class ComparisonRun::Parts {
  public:
    Parts(std::shared_ptr<const HybridModel> model, TokenIds tokens, Intervention intervention, std::size_t first,
          std::shared_ptr<const HybridModel> other)
        : model_(std::move(model)),
          other_(other == nullptr ? model_ : std::move(other)),
          tokens_(std::move(tokens)),
          intervention_(std::move(intervention)),
          vocab_(static_cast<std::size_t>(model_->config().vocab_size)),
          plain_(model_->newState()) {
        checkIntervention(intervention_, other_->config());
        if (other_->config().vocab_size != model_->config().vocab_size) {
            fail(ErrorKind::InvalidInput, "the models have vocabularies of {} and of {}: their tokens differ",
                 vocab_, other_->config().vocab_size);
        }
        for (const TokenId token : tokens_) { // the last one is judged without being read
            if (token < 0 || static_cast<std::size_t>(token) >= vocab_) {
                fail(ErrorKind::InvalidInput, "token {} is outside the model's vocabulary of {}", token, vocab_);
            }
        }
        if (first == 0 || first >= tokens_.size()) {
            fail(ErrorKind::InvalidInput,
                 "there is nothing to compare from token {} on: of {} tokens, 1 to {} have a prediction", first,
                 tokens_.size(), tokens_.size() - std::min<std::size_t>(tokens_.size(), 1));
        }
        result_.first = first;
        shared_ = intervention_.empty() ? first - 1 : std::min(intervention_.from, first - 1);
        if (other_ != model_) {
            shared_ = 0;
            changed_.emplace(other_->newState());
        }
    }

    // Nothing follows the last token, so it is judged and not read.
    std::size_t total() const { return tokens_.size() - 1; }
    std::size_t done() const { return plain_.position(); }

    void step(kernels::ThreadPool& pool, std::size_t budget) {
        const std::size_t at = done();
        const std::size_t first_row = result_.first - 1; // the row that foretells the first judged token
        std::size_t end = std::min(at + std::max<std::size_t>(budget, 1), total());
        if (at < shared_) {
            end = std::min(end, shared_);
            read(*model_, plain_, at, end, LogitsWanted::None, nullptr, pool);
            return;
        }
        if (!changed_) {
            changed_.emplace(plain_.fork());
        }
        const bool judged = at >= first_row;
        if (judged) {
            end = std::min(end, at + std::max<std::size_t>(kMaxLogitFloats / vocab_ / 2, 1));
        } else {
            end = std::min(end, first_row);
        }
        const LogitsWanted wanted = judged ? LogitsWanted::All : LogitsWanted::None;
        const std::vector<float> before = read(*model_, plain_, at, end, wanted, nullptr, pool);
        const std::vector<float> after = read(*other_, *changed_, at, end, wanted, &intervention_, pool);
        for (std::size_t row = 0; judged && row < end - at; ++row) {
            judge(tokens_[at + row + 1], std::span(before).subspan(row * vocab_, vocab_),
                  std::span(after).subspan(row * vocab_, vocab_));
        }
    }

    capture::TokenComparison take() { return std::move(result_); }

  private:
    std::vector<float> read(const HybridModel& model, SequenceState& state, std::size_t begin, std::size_t end,
                            LogitsWanted wanted, const Intervention* intervention, kernels::ThreadPool& pool) {
        std::vector<float> logits;
        SequenceChunk chunk{&state, std::span(tokens_).subspan(begin, end - begin), wanted, intervention};
        model.forward({&chunk, 1}, pool, workspace_, logits);
        return logits;
    }

    void judge(TokenId token, std::span<const float> before, std::span<const float> after) {
        const double before_norm = logSumExp(before);
        const double after_norm = logSumExp(after);
        const auto at = static_cast<std::size_t>(token);
        result_.logprob.push_back(static_cast<float>(before[at] - before_norm));
        result_.changed.push_back(static_cast<float>(after[at] - after_norm));
        result_.kl.push_back(static_cast<float>(divergence(before, before_norm, after, after_norm)));
        result_.best.push_back(bestOf(before));
        result_.best_changed.push_back(bestOf(after));
    }

    std::shared_ptr<const HybridModel> model_;
    std::shared_ptr<const HybridModel> other_;
    TokenIds tokens_;
    Intervention intervention_;
    std::size_t vocab_;
    std::size_t shared_ = 0; // tokens that both models read alike
    SequenceState plain_;
    std::optional<SequenceState> changed_;
    Workspace workspace_;
    capture::TokenComparison result_;
};

ComparisonRun::ComparisonRun(std::shared_ptr<const HybridModel> model, TokenIds tokens, Intervention intervention,
                             std::size_t first, std::shared_ptr<const HybridModel> other)
    : parts_(std::make_unique<Parts>(std::move(model), std::move(tokens), std::move(intervention), first,
                                     std::move(other))) {}

ComparisonRun::~ComparisonRun() = default;

void ComparisonRun::step(kernels::ThreadPool& pool, std::size_t budget) {
    parts_->step(pool, budget);
}

bool ComparisonRun::finished() const {
    return parts_->done() == parts_->total();
}

std::size_t ComparisonRun::done() const {
    return parts_->done();
}

std::size_t ComparisonRun::total() const {
    return parts_->total();
}

capture::TokenComparison ComparisonRun::take() {
    return parts_->take();
}

} // namespace fulgurite::probe
