// SPDX-License-Identifier: Apache-2.0
#include "core/probe/capture/view_codec.h"

#include "core/probe/capture/capture_layout.h"
#include "core/probe/capture/view_bytes.h"

#include <algorithm>
#include <cmath>

namespace fulgurite::capture {

namespace {

constexpr const char* kTokensView = "tokens";
constexpr const char* kRowView = "row";
constexpr const char* kTileView = "tile";
constexpr const char* kTilesView = "tiles";
constexpr const char* kHeadsView = "heads";
constexpr const char* kRoutingView = "routing";
constexpr const char* kSummaryView = "routing_summary";
constexpr const char* kLensView = "lens";
constexpr const char* kComparisonView = "comparison";

constexpr std::uint8_t kSpecial = 1;
constexpr std::uint8_t kSampled = 2;

using Json = nlohmann::ordered_json;

// Texts one after another and where each ends.
void addTexts(ViewWriter& writer, const std::vector<std::string>& texts) {
    std::vector<std::int64_t> ends;
    std::vector<char> bytes;
    for (const std::string& text : texts) {
        bytes.insert(bytes.end(), text.begin(), text.end());
        ends.push_back(static_cast<std::int64_t>(bytes.size()));
    }
    writer.add("text_ends", ends);
    writer.add("text", bytes);
}

std::vector<std::string> takeTexts(const ViewReader& reader, std::size_t count) {
    const auto ends = reader.take<std::int64_t>("text_ends", {count});
    const auto bytes = reader.take<char>("text");
    std::vector<std::string> texts;
    std::int64_t last = 0;
    for (const std::int64_t end : ends) {
        if (end < last || end > static_cast<std::int64_t>(bytes.size())) {
            reader.corrupt("\"text_ends\" does not rise within the text");
        }
        texts.emplace_back(bytes.data() + last, static_cast<std::size_t>(end - last));
        last = end;
    }
    return texts;
}

LayerKind kindOf(const JsonField& view) {
    return view.integer(0, 1) == 0 ? LayerKind::Lightning : LayerKind::Softmax;
}

HeadRef headOf(const JsonField& view) {
    return {static_cast<int>(view.at("layer").integer(0, INT32_MAX)),
            static_cast<int>(view.at("head").integer(0, INT32_MAX))};
}

Provenance provenanceOf(const JsonField& view) {
    return static_cast<Provenance>(view.integer(0, static_cast<int>(Provenance::Approximated)));
}

Json scalarsOf(const AttentionTile& tile) {
    return {{"layer", tile.head.layer},    {"head", tile.head.head},
            {"kind", tile.kind},           {"first_row", tile.first_row},
            {"first_col", tile.first_col}, {"rows", tile.rows},
            {"cols", tile.cols},           {"pool", tile.pool},
            {"row_step", tile.row_step},   {"provenance", tile.provenance}};
}

AttentionTile tileOf(const ViewReader& reader, const JsonField& view, const std::string& array) {
    AttentionTile tile;
    tile.head = headOf(view);
    tile.kind = kindOf(view.at("kind"));
    tile.first_row = ViewReader::countOf(view.at("first_row"));
    tile.first_col = ViewReader::countOf(view.at("first_col"));
    tile.rows = ViewReader::countOf(view.at("rows"), 1);
    tile.cols = ViewReader::countOf(view.at("cols"), 1);
    tile.pool = ViewReader::countOf(view.at("pool"), 1);
    tile.row_step = ViewReader::countOf(view.at("row_step"), 1);
    tile.provenance = provenanceOf(view.at("provenance"));
    tile.cells = reader.take<float>(array, {tile.rows, tile.cols});
    for (const float cell : tile.cells) {
        tile.max_abs = std::max(tile.max_abs, std::isnan(cell) ? 0.0f : std::abs(cell));
    }
    return tile;
}

void addCells(ViewWriter& writer, const std::string& array, const AttentionTile& tile) {
    writer.add(array, tile.cells, {static_cast<std::int64_t>(tile.rows), static_cast<std::int64_t>(tile.cols)});
}

} // namespace

std::string encode(const std::vector<CapturedToken>& tokens) {
    ViewWriter writer(kTokensView);
    std::vector<TokenId> ids;
    std::vector<std::uint8_t> flags;
    std::vector<float> logprobs;
    std::vector<std::string> texts;
    for (const CapturedToken& token : tokens) {
        ids.push_back(token.id);
        flags.push_back(static_cast<std::uint8_t>((token.special ? kSpecial : 0) | (token.sampled ? kSampled : 0)));
        logprobs.push_back(token.logprob);
        texts.push_back(token.text);
    }
    writer.add("id", ids);
    writer.add("logprob", logprobs);
    writer.add("flags", flags);
    addTexts(writer, texts);
    return writer.finish();
}

std::vector<CapturedToken> decodeTokens(std::span<const std::byte> bytes, const std::string& name) {
    const ViewReader reader(bytes, name, kTokensView);
    const auto ids = reader.take<TokenId>("id");
    const auto flags = reader.take<std::uint8_t>("flags", {ids.size()});
    const auto logprobs = reader.take<float>("logprob", {ids.size()});
    const auto texts = takeTexts(reader, ids.size());
    std::vector<CapturedToken> tokens;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        tokens.push_back({ids[i], texts[i], (flags[i] & kSpecial) != 0, (flags[i] & kSampled) != 0, logprobs[i]});
    }
    return tokens;
}

std::string encode(const AttentionRow& row) {
    ViewWriter writer(kRowView);
    writer.json() = {{"layer", row.head.layer},  {"head", row.head.head}, {"kind", row.kind},
                     {"position", row.position}, {"error", row.error},    {"provenance", row.provenance}};
    writer.add("score", row.score);
    writer.add("decay", row.decay);
    writer.add("weight", row.weight);
    writer.add("share", row.share);
    writer.add("output", row.output);
    return writer.finish();
}

AttentionRow decodeRow(std::span<const std::byte> bytes, const std::string& name) {
    const ViewReader reader(bytes, name, kRowView);
    AttentionRow row;
    row.head = headOf(reader.json());
    row.kind = kindOf(reader.json().at("kind"));
    row.position = reader.count("position");
    row.provenance = provenanceOf(reader.json().at("provenance"));
    if (const auto& error = reader.json().value()["error"]; error.is_number()) {
        row.error = error.get<double>(); // null: NaN
    }
    const std::vector<std::size_t> shape{row.position + 1};
    row.score = reader.take<float>("score", shape);
    if (row.kind == LayerKind::Lightning) {
        row.decay = reader.take<float>("decay", shape);
    }
    row.weight = reader.take<float>("weight", shape);
    row.share = reader.take<float>("share", shape);
    row.output = reader.take<float>("output");
    return row;
}

std::string encode(const AttentionTile& tile) {
    ViewWriter writer(kTileView);
    writer.json() = scalarsOf(tile);
    addCells(writer, "cells", tile);
    return writer.finish();
}

AttentionTile decodeTile(std::span<const std::byte> bytes, const std::string& name) {
    const ViewReader reader(bytes, name, kTileView);
    return tileOf(reader, reader.json(), "cells");
}

std::string encode(const std::vector<AttentionTile>& tiles) {
    ViewWriter writer(kTilesView);
    writer.json()["tiles"] = Json::array();
    for (std::size_t i = 0; i < tiles.size(); ++i) {
        writer.json()["tiles"].push_back(scalarsOf(tiles[i]));
        addCells(writer, "cells." + std::to_string(i), tiles[i]);
    }
    return writer.finish();
}

std::vector<AttentionTile> decodeTiles(std::span<const std::byte> bytes, const std::string& name) {
    const ViewReader reader(bytes, name, kTilesView);
    const JsonField list = reader.json();
    std::vector<AttentionTile> tiles;
    for (std::size_t i = 0; i < list.at("tiles").size(); ++i) {
        tiles.push_back(tileOf(reader, list.at("tiles").at(i), "cells." + std::to_string(i)));
    }
    return tiles;
}

std::string encode(const HeadTable& table) {
    ViewWriter writer(kHeadsView);
    writer.json() = {{"position", table.position}, {"target", table.target}};
    std::vector<std::int32_t> layers;
    std::vector<std::int32_t> heads;
    std::vector<std::uint8_t> kinds;
    std::vector<float> values;
    for (const HeadFigures& figures : table.heads) {
        layers.push_back(figures.head.layer);
        heads.push_back(figures.head.head);
        kinds.push_back(static_cast<std::uint8_t>(figures.kind));
        values.push_back(figures.half_life);
    }
    writer.add("layer", layers);
    writer.add("head", heads);
    writer.add("half_life", values);
    for (const FigureField& field : figureFields()) {
        std::transform(table.heads.begin(), table.heads.end(), values.begin(),
                       [&](const HeadFigures& figures) { return figures.*field.value; });
        writer.add(std::string(field.name), values);
    }
    writer.add("kind", kinds);
    return writer.finish();
}

HeadTable decodeHeads(std::span<const std::byte> bytes, const std::string& name) {
    const ViewReader reader(bytes, name, kHeadsView);
    HeadTable table;
    table.position = reader.count("position");
    table.target = reader.number("target");
    const auto layers = reader.take<std::int32_t>("layer");
    const auto heads = reader.take<std::int32_t>("head", {layers.size()});
    const auto kinds = reader.take<std::uint8_t>("kind", {layers.size()});
    const auto half_lives = reader.take<float>("half_life", {layers.size()});
    table.heads.resize(layers.size());
    for (std::size_t i = 0; i < layers.size(); ++i) {
        table.heads[i].head = {layers[i], heads[i]};
        table.heads[i].kind = kinds[i] == 0 ? LayerKind::Lightning : LayerKind::Softmax;
        table.heads[i].half_life = half_lives[i];
    }
    for (const FigureField& field : figureFields()) {
        const auto values = reader.take<float>(std::string(field.name), {layers.size()});
        for (std::size_t i = 0; i < layers.size(); ++i) {
            table.heads[i].*field.value = values[i];
        }
    }
    return table;
}

std::string encode(const RoutingSlice& slice) {
    ViewWriter writer(kRoutingView);
    writer.json() = {
        {"first", slice.first}, {"count", slice.count}, {"layers", slice.layers}, {"top_k", slice.top_k}};
    const auto count = static_cast<std::int64_t>(slice.count);
    writer.add("weights", slice.weights, {count, slice.layers, slice.top_k});
    writer.add("margin", slice.margin, {count, slice.layers});
    writer.add("experts", slice.experts, {count, slice.layers, slice.top_k});
    return writer.finish();
}

RoutingSlice decodeRouting(std::span<const std::byte> bytes, const std::string& name) {
    const ViewReader reader(bytes, name, kRoutingView);
    RoutingSlice slice;
    slice.first = reader.count("first");
    slice.count = reader.count("count");
    slice.layers = reader.number("layers", 1);
    slice.top_k = reader.number("top_k", 1);
    const auto layers = static_cast<std::size_t>(slice.layers);
    const auto top_k = static_cast<std::size_t>(slice.top_k);
    slice.weights = reader.take<float>("weights", {slice.count, layers, top_k});
    slice.margin = reader.take<float>("margin", {slice.count, layers});
    slice.experts = reader.take<std::int16_t>("experts", {slice.count, layers, top_k});
    return slice;
}

std::string encode(const RoutingSummary& summary) {
    ViewWriter writer(kSummaryView);
    writer.json() = {{"layers", summary.layers},
                     {"experts", summary.experts},
                     {"top_k", summary.top_k},
                     {"tokens", summary.tokens}};
    writer.add("load", summary.load, {summary.layers, summary.experts});
    writer.add("weight", summary.weight, {summary.layers, summary.experts});
    writer.add("entropy_bits", summary.entropy_bits);
    return writer.finish();
}

RoutingSummary decodeRoutingSummary(std::span<const std::byte> bytes, const std::string& name) {
    const ViewReader reader(bytes, name, kSummaryView);
    RoutingSummary summary;
    summary.layers = reader.number("layers", 1);
    summary.experts = reader.number("experts");
    summary.top_k = reader.number("top_k", 1);
    summary.tokens = reader.count("tokens");
    const auto layers = static_cast<std::size_t>(summary.layers);
    const auto experts = static_cast<std::size_t>(summary.experts);
    summary.load = reader.take<std::uint64_t>("load", {layers, experts});
    summary.weight = reader.take<double>("weight", {layers, experts});
    summary.entropy_bits = reader.take<double>("entropy_bits", {layers});
    return summary;
}

std::string encode(const LensView& view) {
    ViewWriter writer(kLensView);
    const std::size_t candidates = view.layers.empty() ? 0 : view.layers.front().candidates.size();
    writer.json() = {{"position", view.position}, {"layers", view.layers.size()}, {"candidates", candidates}};
    std::vector<TokenId> ids;
    std::vector<float> logprobs;
    std::vector<std::string> texts;
    std::vector<std::int32_t> ranks;
    std::vector<float> kl;
    for (const LensLayer& layer : view.layers) {
        for (const LensCandidate& candidate : layer.candidates) {
            ids.push_back(candidate.id);
            logprobs.push_back(candidate.logprob);
            texts.push_back(candidate.text);
        }
        ranks.push_back(layer.final_rank);
        kl.push_back(layer.kl);
    }
    const Shape shape{static_cast<std::int64_t>(view.layers.size()), static_cast<std::int64_t>(candidates)};
    writer.add("ids", ids, shape);
    writer.add("logprobs", logprobs, shape);
    writer.add("rank", ranks);
    writer.add("kl", kl);
    addTexts(writer, texts);
    return writer.finish();
}

LensView decodeLens(std::span<const std::byte> bytes, const std::string& name) {
    const ViewReader reader(bytes, name, kLensView);
    LensView view;
    view.position = reader.count("position");
    const std::size_t layers = reader.count("layers");
    const std::size_t candidates = reader.count("candidates");
    const auto ids = reader.take<TokenId>("ids", {layers, candidates});
    const auto logprobs = reader.take<float>("logprobs", {layers, candidates});
    const auto ranks = reader.take<std::int32_t>("rank", {layers});
    const auto kl = reader.take<float>("kl", {layers});
    const auto texts = takeTexts(reader, ids.size());
    for (std::size_t layer = 0; layer < layers; ++layer) {
        LensLayer entry;
        entry.layer = static_cast<int>(layer);
        for (std::size_t c = layer * candidates; c < (layer + 1) * candidates; ++c) {
            entry.candidates.push_back({ids[c], logprobs[c], texts[c]});
        }
        entry.final_rank = ranks[layer];
        entry.kl = kl[layer];
        view.layers.push_back(std::move(entry));
    }
    return view;
}

std::string encode(const TokenComparison& comparison) {
    ViewWriter writer(kComparisonView);
    writer.json() = {{"first", comparison.first}, {"texts", !comparison.best_text.empty()}};
    writer.add("logprob", comparison.logprob);
    writer.add("changed", comparison.changed);
    writer.add("kl", comparison.kl);
    writer.add("best", comparison.best);
    writer.add("best_changed", comparison.best_changed);
    std::vector<std::string> texts = comparison.best_text;
    texts.insert(texts.end(), comparison.best_changed_text.begin(), comparison.best_changed_text.end());
    addTexts(writer, texts);
    return writer.finish();
}

TokenComparison decodeComparison(std::span<const std::byte> bytes, const std::string& name) {
    const ViewReader reader(bytes, name, kComparisonView);
    TokenComparison comparison;
    comparison.first = reader.count("first");
    comparison.logprob = reader.take<float>("logprob");
    const std::size_t count = comparison.size();
    comparison.changed = reader.take<float>("changed", {count});
    comparison.kl = reader.take<float>("kl", {count});
    comparison.best = reader.take<TokenId>("best", {count});
    comparison.best_changed = reader.take<TokenId>("best_changed", {count});
    if (reader.json().at("texts").boolean()) {
        std::vector<std::string> texts = takeTexts(reader, 2 * count);
        const auto middle = texts.begin() + static_cast<std::ptrdiff_t>(count);
        comparison.best_changed_text.assign(middle, texts.end());
        texts.erase(middle, texts.end());
        comparison.best_text = std::move(texts);
    }
    return comparison;
}

} // namespace fulgurite::capture
