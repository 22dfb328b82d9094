// SPDX-License-Identifier: Apache-2.0
// What an intervention, or another checkpoint, does to given tokens: both models read the same text, and each token
// is judged by both. So the figures speak of the change alone, not of where a changed answer has drifted to.
#pragma once

#include "core/base/intervention.h"
#include "core/base/types.h"
#include "core/model/hybrid_model.h"
#include "core/probe/capture/comparison.h"
#include "kernels/pool.h"

#include <cstddef>
#include <memory>

namespace fulgurite::probe {

// One comparison under way, in steps that a queue of work can take turns with. Not synchronised.
class ComparisonRun {
  public:
    // Judges tokens [first, tokens.size()). Throws Error{InvalidInput} for a token outside the vocabulary, a part
    // that the model does not have, or nothing to judge: first must lie between 1 and tokens.size() - 1.
    // `other`, with a vocabulary of the same size, is what the intervention applies to; null: the model itself.
    ComparisonRun(std::shared_ptr<const HybridModel> model, TokenIds tokens, Intervention intervention,
                  std::size_t first, std::shared_ptr<const HybridModel> other = nullptr);
    ~ComparisonRun();

    // Runs about `budget` more tokens through each model; fewer where many logits would take much memory. What lies
    // before the intervention, and is not judged, runs once for both.
    void step(kernels::ThreadPool& pool, std::size_t budget);
    bool finished() const;
    std::size_t done() const; // tokens
    std::size_t total() const;

    // When finished.
    capture::TokenComparison take();

  private:
    class Parts;
    std::unique_ptr<Parts> parts_;
};

} // namespace fulgurite::probe
