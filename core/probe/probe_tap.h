// SPDX-License-Identifier: Apache-2.0
// The recorder: applies a probe plan to a forward pass and hands each reduced piece on as soon as it exists.
#pragma once

#include "core/probe/probe_plan.h"
#include "core/probe/sequence_tap.h"

#include <map>
#include <utility>
#include <vector>

namespace fulgurite::probe {

// The rows of one item that a pass yielded.
struct ProbeRows {
    std::size_t item = 0; // of the plan
    int layer = 0;
    std::size_t first = 0; // index among the item's positions (or tokens) of the first row
    std::size_t rows = 0;
    ProbeShape shape;
    std::span<const float> values; // [heads, rows, width]: a head's rows lie together. Valid during the call
};

class ProbeSink {
  public:
    virtual ~ProbeSink() = default;
    virtual void onRows(const ProbeRows& rows) = 0;
};

class ProbeTap final : public SequenceTap {
  public:
    // `plan` has been checked; `sink` must outlive the tap.
    ProbeTap(ProbePlan plan, const ModelConfig& config, ProbeSink& sink);

    bool wants(TapPoint point, int layer) const override;
    void onValues(TapPoint point, int layer, std::span<const float> values, std::size_t rows) override;

  private:
    void take(std::size_t item, int layer, std::span<const float> values, std::size_t rows);

    ProbePlan plan_;
    ModelConfig config_;
    ProbeSink& sink_;
    std::map<std::pair<TapPoint, int>, std::vector<std::size_t>> items_; // by where they look
    std::vector<float> reduced_;
};

} // namespace fulgurite::probe
