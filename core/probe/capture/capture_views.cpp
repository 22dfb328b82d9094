// SPDX-License-Identifier: Apache-2.0
// The views of an open capture.
#include "core/base/error.h"
#include "core/probe/capture/capture_file.h"
#include "core/probe/capture/figures.h"
#include "core/probe/capture/layout_detail.h"
#include "core/probe/capture/parallel.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <fmt/ranges.h>

namespace fulgurite::capture {

namespace {

void requireRange(const std::string& name, std::size_t first, std::size_t count, std::size_t tokens) {
    if (first > tokens || count > tokens - first) {
        fail(ErrorKind::InvalidInput, "{}: tokens {} + {} leave the {} that it has", name, first, count, tokens);
    }
}

float normOf(std::span<const float> values) {
    double sum = 0;
    for (const float value : values) {
        sum += static_cast<double>(value) * value;
    }
    return static_cast<float>(std::sqrt(sum));
}

} // namespace

void CaptureFile::requirePosition(std::size_t position) const {
    if (position >= info_.tokens) {
        fail(ErrorKind::InvalidInput, "{}: there is no token {}; it has 0 to {}", name_, position,
             info_.tokens - 1);
    }
}

void CaptureFile::requireHead(HeadRef head) const {
    if (head.layer < 0 || head.layer >= info_.config.layerCount() || head.head < 0 ||
        head.head >= info_.config.num_heads) {
        fail(ErrorKind::InvalidInput, "{}: there is no head {} of layer {}; layers are 0 to {}, heads 0 to {}",
             name_, head.head, head.layer, info_.config.layerCount() - 1, info_.config.num_heads - 1);
    }
}

std::vector<CapturedToken> CaptureFile::tokens(std::size_t first, std::size_t count) const {
    requireRange(name_, first, count, info_.tokens);
    const auto ids = tokenIds().subspan(first, count);
    const auto flags = values<std::uint8_t>(kTokenFlags).subspan(first, count);
    const auto logprobs =
        contents_.logprobs ? values<float>(kLogprobs).subspan(first, count) : std::span<const float>();
    std::vector<CapturedToken> tokens(count);
    for (std::size_t i = 0; i < count; ++i) {
        tokens[i].id = ids[i];
        tokens[i].text = textOf(ids[i]);
        tokens[i].special = (flags[i] & kSpecialFlag) != 0;
        tokens[i].sampled = (flags[i] & kSampledFlag) != 0;
        tokens[i].logprob = logprobs.empty() ? std::numeric_limits<float>::quiet_NaN() : logprobs[i];
    }
    requireIntact();
    return tokens;
}

std::size_t CaptureFile::placeOf(int head, const std::vector<int>& which) const {
    return static_cast<std::size_t>(std::lower_bound(which.begin(), which.end(), head) - which.begin());
}

HeadArrays CaptureFile::arrays(HeadRef head) const {
    requireHead(head);
    const std::vector<int> heads = heldHeads(info_, head.layer);
    if (heads.empty()) {
        fail(ErrorKind::NotFound,
             "{}: queries, keys and values of layer {} were not captured; take a capture with that layer", name_,
             head.layer);
    }
    if (!std::binary_search(heads.begin(), heads.end(), head.head)) {
        fail(ErrorKind::NotFound, "{}: of layer {} only heads {} were captured; take a capture with head {}", name_,
             head.layer, fmt::join(heads, ", "), head.head);
    }
    const auto of = [&](const char* array, std::size_t place) {
        const auto size = static_cast<std::size_t>(info_.config.head_dim) * info_.tokens;
        return values<float>(layerName(array, head.layer)).data() + place * size;
    };
    const std::size_t key = placeOf(keyHead(info_.config, head.layer, head.head), heldKeys(info_, head.layer));
    return {.kind = info_.config.layers[static_cast<std::size_t>(head.layer)],
            .rate = decay_.rate(head),
            .tokens = info_.tokens,
            .dim = static_cast<std::size_t>(info_.config.head_dim),
            .q = of("q", placeOf(head.head, heads)),
            .k = of("k", key),
            .v = of("v", key)};
}

std::span<const float> CaptureFile::output(HeadRef head, std::size_t position) const {
    requireHead(head);
    requirePosition(position);
    if (!holds(head)) {
        return {};
    }
    std::size_t count = info_.tokens;
    std::size_t index = position;
    if (!contents_.every_output) {
        const auto found = std::lower_bound(info_.positions.begin(), info_.positions.end(), position);
        if (found == info_.positions.end() || *found != position) {
            return {};
        }
        count = info_.positions.size();
        index = static_cast<std::size_t>(found - info_.positions.begin());
    }
    const auto dim = static_cast<std::size_t>(info_.config.head_dim);
    return values<float>(layerName("o", head.layer))
        .subspan((placeOf(head.head, heldHeads(info_, head.layer)) * count + index) * dim, dim);
}

AttentionRow CaptureFile::row(HeadRef head, std::size_t position) const {
    AttentionRow found = rowOf(head, position);
    requireIntact();
    return found;
}

AttentionRow CaptureFile::rowOf(HeadRef head, std::size_t position) const {
    requirePosition(position);
    const HeadArrays recorded = arrays(head);
    const std::span<const float> held = output(head, position);
    return attentionRow(head, recorded, position, held.empty() ? nullptr : held.data());
}

std::vector<AttentionRow> CaptureFile::rows(std::size_t position, const std::stop_token& stop,
                                            unsigned threads) const {
    requirePosition(position);
    std::vector<HeadRef> heads;
    for (const int layer : info_.attention_layers) {
        for (const int head : heldHeads(info_, layer)) {
            heads.push_back({layer, head});
        }
    }
    std::vector<AttentionRow> rows(heads.size());
    forEachParallel(rows.size(), threads, stop, [&](std::size_t i) { rows[i] = rowOf(heads[i], position); });
    requireIntact();
    return rows;
}

AttentionTile CaptureFile::tile(HeadRef head, const TileRequest& request, const std::stop_token& stop) const {
    AttentionTile found = tileOf(head, request, stop);
    requireIntact();
    return found;
}

AttentionTile CaptureFile::tileOf(HeadRef head, const TileRequest& request, const std::stop_token& stop) const {
    const HeadArrays recorded = arrays(head);
    const auto known = recorded.kind == LayerKind::Softmax ? normalisers(head) : nullptr;
    return attentionTile(head, recorded, request, stop, 0, known.get());
}

std::shared_ptr<Normalisers> CaptureFile::normalisers(HeadRef head) const {
    const std::lock_guard lock(mutex_);
    auto& known = normalisers_[head];
    if (!known) {
        known = std::make_shared<Normalisers>(info_.tokens);
        if (normalisers_.size() > kRememberedHeads) { // any other will do: they are only worked out again
            normalisers_.erase(normalisers_.begin()->first == head ? std::next(normalisers_.begin())
                                                                   : normalisers_.begin());
        }
    }
    return normalisers_[head];
}

std::vector<AttentionTile> CaptureFile::thumbnails(int layer, std::size_t side, const std::stop_token& stop) const {
    if (side == 0) {
        fail(ErrorKind::InvalidInput, "thumbnails: the number of cells a side must be at least 1");
    }
    const std::size_t pool = std::bit_ceil((info_.tokens + side - 1) / side);
    TileRequest whole{.rows = info_.tokens, .cols = info_.tokens, .pool = pool};
    if (info_.tokens > kExactThumbnailTokens) {
        // So many rows that the work is that of the longest text computed in full.
        const double times = static_cast<double>(info_.tokens) / kExactThumbnailTokens;
        whole.row_step = static_cast<std::size_t>(std::ceil(times * times));
    }
    std::vector<AttentionTile> tiles;
    for (const int head : heldHeads(info_, layer)) {
        tiles.push_back(tileOf({layer, head}, whole, stop));
    }
    if (tiles.empty()) {
        arrays({layer, 0}); // says that there is no such layer, or that it is not held
    }
    requireIntact();
    return tiles;
}

// Of the last captured position at or before `position`.
std::size_t CaptureFile::positionIndex(std::size_t position, const char* what) const {
    requirePosition(position);
    const auto after = std::upper_bound(info_.positions.begin(), info_.positions.end(), position);
    if (after == info_.positions.begin()) {
        fail(ErrorKind::NotFound, "{}: {} not captured at token {} or before; take a capture with that position",
             name_, what, position);
    }
    return static_cast<std::size_t>(after - info_.positions.begin()) - 1;
}

HeadTable CaptureFile::heads(std::size_t position, const std::stop_token& stop) const {
    requirePosition(position);
    HeadTable table;
    table.position = position;
    const bool stored = info_.heads && !info_.positions.empty() && info_.positions.front() <= position;
    const std::size_t index = stored ? positionIndex(position, "head figures were") : 0;
    if (stored) {
        table.position = info_.positions[index];
        table.target = values<TokenId>(kTarget)[index];
    } else if (info_.attention_layers.empty()) {
        positionIndex(position, "head figures were"); // says that there are none
    }
    const auto heads = static_cast<std::size_t>(info_.config.num_heads);
    const std::size_t count = info_.config.layers.size() * heads;
    for (std::size_t i = 0; i < count; ++i) {
        const HeadRef ref{static_cast<int>(i / heads), static_cast<int>(i % heads)};
        table.heads.push_back(emptyFigures(ref, info_.config.layers[i / heads], decay_.rate(ref)));
    }
    for (const FigureField& field : figureFields()) {
        if (stored && header_.entries.contains(figureName(field.name))) {
            const auto figures = values<float>(figureName(field.name)).subspan(index * count, count);
            for (std::size_t i = 0; i < count; ++i) {
                table.heads[i].*field.value = figures[i];
            }
        }
    }
    forEachParallel(count, 0, stop, [&](std::size_t i) { fillFromArrays(table.heads[i], table.position); });
    requireIntact();
    return table;
}

void CaptureFile::fillFromArrays(HeadFigures& figures, std::size_t position) const {
    if (!holds(figures.head)) {
        return;
    }
    if (const auto held = output(figures.head, position); std::isnan(figures.output_norm) && !held.empty()) {
        figures.output_norm = normOf(held);
    }
    if (std::isnan(figures.entropy)) {
        fillWeightFigures(figures, attentionWeights(arrays(figures.head), position), tokenIds(), info_.fact);
    }
}

RoutingSlice CaptureFile::routing(std::size_t first, std::size_t count) const {
    requireRange(name_, first, count, info_.tokens);
    requireRouting();
    const std::size_t layers = info_.config.layers.size();
    const auto top_k = static_cast<std::size_t>(info_.config.top_k);
    const auto part = [&](auto all, std::size_t width) {
        const auto some = all.subspan(first * width, count * width);
        return std::vector(some.begin(), some.end());
    };
    RoutingSlice slice;
    slice.first = first;
    slice.count = count;
    slice.layers = info_.config.layerCount();
    slice.top_k = info_.config.top_k;
    slice.experts = part(values<std::int16_t>(kExperts), layers * top_k);
    slice.weights = part(values<float>(kGateWeights), layers * top_k);
    slice.margin = part(values<float>(kMargin), layers);
    for (std::size_t i = 0; i < slice.experts.size(); ++i) {
        requireExpert(slice.experts[i], first * layers * top_k + i);
    }
    requireIntact();
    return slice;
}

RoutingSummary CaptureFile::routingSummary() const {
    requireRouting();
    const std::size_t layers = info_.config.layers.size();
    const auto top_k = static_cast<std::size_t>(info_.config.top_k);
    const auto experts = static_cast<std::size_t>(info_.config.num_experts);
    RoutingSummary summary;
    summary.layers = info_.config.layerCount();
    summary.experts = info_.config.num_experts;
    summary.top_k = info_.config.top_k;
    summary.tokens = info_.tokens;
    summary.load.assign(layers * experts, 0);
    summary.weight.assign(layers * experts, 0.0);
    const auto chosen = values<std::int16_t>(kExperts);
    const auto weights = values<float>(kGateWeights);
    for (std::size_t i = 0; i < chosen.size(); ++i) {
        requireExpert(chosen[i], i);
        const std::size_t place = i / top_k % layers * experts + static_cast<std::size_t>(chosen[i]);
        ++summary.load[place];
        summary.weight[place] += static_cast<double>(weights[i]);
    }
    const double total = static_cast<double>(info_.tokens) * static_cast<double>(top_k);
    for (std::size_t layer = 0; layer < layers; ++layer) {
        double bits = 0;
        for (std::size_t e = 0; e < experts; ++e) {
            const double share = static_cast<double>(summary.load[layer * experts + e]) / total;
            bits -= share > 0 ? share * std::log2(share) : 0.0;
        }
        summary.entropy_bits.push_back(std::max(0.0, bits));
    }
    requireIntact();
    return summary;
}

void CaptureFile::requireRouting() const {
    if (!info_.routing) {
        fail(ErrorKind::NotFound, "{}: expert routing was not captured; take a capture with it", name_);
    }
}

void CaptureFile::requireExpert(std::int16_t expert, std::size_t place) const {
    if (expert < 0 || expert >= info_.config.num_experts) {
        const std::size_t row = info_.config.layers.size() * static_cast<std::size_t>(info_.config.top_k);
        fail(ErrorKind::Corrupt,
             "{}: \"{}\" names expert {} for token {}, the model has 0 to {}; take the capture "
             "again",
             name_, kExperts, expert, place / row, info_.config.num_experts - 1);
    }
}

LensView CaptureFile::lens(std::size_t position) const {
    if (!info_.lens) {
        requirePosition(position);
        fail(ErrorKind::NotFound, "{}: the lens was not captured; take a capture with it", name_);
    }
    const std::size_t index = positionIndex(position, "the lens was");
    const std::size_t layers = info_.config.layers.size() + 1;
    const auto candidates = static_cast<std::size_t>(contents_.lens_candidates);
    const auto ids = values<TokenId>(kLensIds).subspan(index * layers * candidates, layers * candidates);
    const auto logprobs = values<float>(kLensLogprobs).subspan(index * layers * candidates, layers * candidates);
    LensView view;
    view.position = info_.positions[index];
    for (std::size_t layer = 0; layer < layers; ++layer) {
        LensLayer entry;
        entry.layer = static_cast<int>(layer);
        for (std::size_t c = layer * candidates; c < (layer + 1) * candidates; ++c) {
            entry.candidates.push_back({ids[c], logprobs[c], std::string(textOf(ids[c]))});
        }
        entry.final_rank = values<std::int32_t>(kLensRank)[index * layers + layer];
        entry.kl = values<float>(kLensKl)[index * layers + layer];
        view.layers.push_back(std::move(entry));
    }
    requireIntact();
    return view;
}

} // namespace fulgurite::capture
