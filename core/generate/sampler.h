// SPDX-License-Identifier: Apache-2.0
// Chooses the next token from logits: logit bias, penalties, (greedy stops here) temperature, top-k, top-p, min-p,
// then a draw. Reports the distribution before and after. One sampler for each sequence; not synchronised.
#pragma once

#include "core/base/sampling_defaults.h"
#include "core/generate/distribution.h"
#include "core/generate/request.h"
#include "kernels/preselect.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace fulgurite::grammar {
struct TokenMask;
}

namespace fulgurite {

inline constexpr int kMaxAlternatives = 20;

// Throws Error{InvalidInput} that names the field and its range.
void validate(const SamplerParams& params, std::size_t vocab_size);

// What the model recommends, for fields that nobody chose.
SamplerParams recommended(const SamplingDefaults& model, SamplerParams otherwise = {});

// What a record should contain beyond the token.
struct ReportParams {
    bool statistics = true; // log-probability, rank, entropy
    int alternatives = 0;   // at most kMaxAlternatives
};

class Sampler {
  public:
    // `known_ids`: ids from there on have no token (padding rows of the vocabulary) and are never drawn.
    Sampler(SamplerParams params, std::size_t known_ids);

    // Tokens that the repetition penalty counts as seen.
    void observePrompt(std::span<const TokenId> prompt);

    // Draws the token for `position` and counts it as seen. The draw depends on logits, seed and position alone.
    // `allowed`: only these can be drawn, which says nothing about the distribution before the samplers; nullptr:
    // all. Throws Error{Internal} when a logit is not a number.
    TokenRecord sample(std::span<const float> logits, std::uint64_t position, const ReportParams& report,
                       const grammar::TokenMask* allowed = nullptr);

    // The record of a token that is there already; counts as nothing.
    TokenRecord describe(TokenId id, std::span<const float> logits, const ReportParams& report);

    // The record of a token that is put there, not drawn; counts it as seen.
    TokenRecord force(TokenId id, std::span<const float> logits, const ReportParams& report);

    // On a device most of a row never leaves it. What sample() asks of it; the changes are appended to `changes`.
    kernels::PreselectRow wish(std::uint64_t position, const ReportParams& report,
                               std::vector<kernels::LogitChange>& changes) const;
    // What force() asks of it.
    static kernels::PreselectRow wishFor(TokenId id, const ReportParams& report);
    // The same records as from the whole row, to the last bit, from an answer that suffices().
    TokenRecord sample(const kernels::Preselected& answer, std::uint64_t position, const ReportParams& report);
    TokenRecord force(TokenId id, const kernels::Preselected& answer, const ReportParams& report);

  private:
    struct Seen {
        int generated = 0;
        bool in_prompt = false;
    };

    double describeBefore(std::span<const float> logits, const ReportParams& report, TokenRecord& record);
    std::span<const float> adjusted(std::span<const float> logits, const grammar::TokenMask* allowed);
    float penalised(float logit, const Seen& seen) const;
    float adjusted(TokenId id, float logit) const;
    // Whether the parameters leave all `count` tokens to be drawn from; whether they count the best ones.
    bool drawsFromAll(std::size_t count) const;
    bool countsBest(std::size_t count) const;
    std::vector<Entry> headOf(const SoftmaxSums& sums) const;
    std::vector<Entry> headOf(const kernels::Preselected& answer, std::size_t wanted) const;
    void cut(std::vector<Entry>& head, double mass) const;
    void draw(std::uint64_t position, std::span<const float> logits, int alternatives, bool masked,
              TokenRecord& record);
    void drawFrom(std::vector<Entry> kept, double uniform, double sum, int alternatives, TokenRecord& record) const;
    void drawGreedily(const kernels::Preselected& answer, int alternatives, TokenRecord& record) const;
    void countDrawn(TokenId id);
    bool hasPenalties() const;

    SamplerParams params_;
    std::size_t known_ids_;
    std::unordered_map<TokenId, Seen> seen_;
    std::vector<float> logits_;  // after bias and penalties
    std::vector<float> weights_; // softmax weights
};

} // namespace fulgurite
