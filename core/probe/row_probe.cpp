// SPDX-License-Identifier: Apache-2.0
#include "core/probe/row_probe.h"

#include "core/probe/capture/decay.h"
#include "core/probe/capture/row.h"
#include "core/probe/probe_tap.h"

#include <algorithm>

namespace fulgurite::probe {

namespace {

// Items 0 to 3 of the plan below, each [tokens, D]; the last one [1, D].
class RowSink final : public ProbeSink {
  public:
    void onRows(const ProbeRows& rows) override {
        auto& kept = values[rows.item];
        kept.insert(kept.end(), rows.values.begin(), rows.values.end());
    }
    std::vector<float> values[4];
};

} // namespace

capture::AttentionRow probeRow(const HybridModel& model, std::span<const TokenId> tokens, capture::HeadRef head,
                               std::size_t position, kernels::ThreadPool& pool, std::size_t chunk) {
    const ModelConfig& config = model.config();
    checkHead(head.layer, head.head, config);
    checkPosition(position, tokens.size());
    const int key_head = capture::keyHead(config, head.layer, head.head);
    RowSink sink;
    ProbeTap tap({{Quantity::Query, {head.layer}, {head.head}, {}, Reduction::Full},
                  {Quantity::Key, {head.layer}, {key_head}, {}, Reduction::Full},
                  {Quantity::Value, {head.layer}, {key_head}, {}, Reduction::Full},
                  {Quantity::HeadOutput, {head.layer}, {head.head}, {position}, Reduction::Full}},
                 config, sink);
    SequenceState state = model.newState();
    Workspace workspace;
    std::vector<float> no_logits;
    tokens = tokens.first(position + 1); // what comes later cannot change it
    while (state.position() < tokens.size()) {
        const std::size_t first = state.position();
        SequenceChunk next{&state, tokens.subspan(first, std::min(chunk, tokens.size() - first)),
                           LogitsWanted::None};
        tap.begin(first, next.tokens.size());
        model.forward({&next, 1}, pool, workspace, no_logits, &tap);
    }
    const auto layer = static_cast<std::size_t>(head.layer);
    const capture::HeadArrays arrays{.kind = config.layers[layer],
                                     .rate = capture::decayMap(config).rate(head),
                                     .tokens = tokens.size(),
                                     .dim = static_cast<std::size_t>(config.head_dim),
                                     .q = sink.values[0].data(),
                                     .k = sink.values[1].data(),
                                     .v = sink.values[2].data()};
    return capture::attentionRow(head, arrays, position, sink.values[3].data());
}

} // namespace fulgurite::probe
