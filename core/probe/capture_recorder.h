// SPDX-License-Identifier: Apache-2.0
// Turns what a forward pass shows into the arrays of a capture file: keys and values go to the disk as they come,
// figures are reduced next to the data.
#pragma once

#include "core/model/hybrid_model.h"
#include "core/probe/capture/capture_writer.h"
#include "core/probe/capture_plan.h"
#include "core/probe/head_effects.h"
#include "core/probe/lens.h"
#include "core/probe/probe_tap.h"
#include "core/probe/query_rows.h"

#include <memory>
#include <span>
#include <vector>

namespace fulgurite::probe {

// Projections, head outputs and routing of every token, straight to the writer.
class StreamTap final : public SequenceTap {
  public:
    StreamTap(capture::CaptureWriter& writer, const ModelConfig& config, const CapturePlan& plan);

    bool wants(TapPoint point, int layer) const override;
    void onValues(TapPoint point, int layer, std::span<const float> values, std::size_t rows) override;
    void onRouting(int layer, std::span<const std::int32_t> experts, std::span<const float> weights,
                   std::size_t rows) override;

  private:
    capture::CaptureWriter& writer_;
    std::vector<bool> attention_; // [L]
    bool routing_;
    int top_k_;
    std::vector<float> margin_; // [rows] of the layer whose router was seen last
};

// Probability of the last expert chosen less that of the first refused, [rows]; where none is refused, the former.
void routerMargin(std::span<const float> logits, std::size_t rows, int top_k, std::vector<float>& margin);

// Figures of the query positions, kept until the end of the run because one of them is about all positions.
class HeadFigureSink final : public ProbeSink {
  public:
    HeadFigureSink(const CapturePlan& plan);

    static ProbePlan planOf(const CapturePlan& plan);
    void onRows(const ProbeRows& rows) override;
    void addEffects(const QueryRows& rows, const HeadEffects& effects, std::span<const TokenId> targets);
    // One table for each position, with the importance filled in.
    std::vector<capture::HeadTable> finish();

  private:
    capture::HeadFigures& at(std::size_t position, int layer, std::size_t head);
    void addOutput(const ProbeRows& rows);

    const CapturePlan& plan_;
    std::vector<capture::HeadTable> tables_;
    // Of each head over the query positions, for the Multi-Head-RAG importance: sum of lengths, sum of unit
    // vectors.
    std::vector<double> lengths_;            // [L, H]
    std::vector<std::vector<double>> units_; // [L, H][D]
};

} // namespace fulgurite::probe
