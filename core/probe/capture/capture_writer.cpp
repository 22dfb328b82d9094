// SPDX-License-Identifier: Apache-2.0
#include "core/probe/capture/capture_writer.h"

#include "core/base/error.h"
#include "core/probe/capture/held_heads.h"
#include "core/probe/capture/layout_detail.h"

#include <algorithm>
#include <limits>

namespace fulgurite::capture {

namespace {

std::uint64_t bytesOf(std::span<const std::string> vocabulary) {
    std::uint64_t bytes = 0;
    for (const std::string& text : vocabulary) {
        bytes += text.size();
    }
    return bytes;
}

void requireRising(const auto& values, std::int64_t limit, const char* what) {
    std::int64_t last = -1;
    for (const auto value : values) {
        const auto number = static_cast<std::int64_t>(value);
        if (number <= last || number >= limit) {
            fail(ErrorKind::InvalidInput, "capture: {} {} must rise and stay below {}", what, number, limit);
        }
        last = number;
    }
}

CaptureInfo checkedInfo(CaptureInfo info, std::span<const CapturedToken> tokens,
                        std::span<const std::string> vocabulary) {
    if (tokens.empty()) {
        fail(ErrorKind::InvalidInput, "capture: there are no tokens");
    }
    for (const CapturedToken& token : tokens) {
        if (token.id < 0 || token.id >= info.config.vocab_size) {
            fail(ErrorKind::InvalidInput, "capture: token {} is outside the model's vocabulary of {}", token.id,
                 info.config.vocab_size);
        }
    }
    if (bytesOf(vocabulary) > static_cast<std::uint64_t>(INT32_MAX)) {
        fail(ErrorKind::InvalidInput, "capture: the texts of the vocabulary exceed 2 GiB");
    }
    info.version = versionOf(info);
    info.tokens = tokens.size();
    info.bytes = 0;
    requireRising(info.positions, static_cast<std::int64_t>(tokens.size()), "query position");
    requireRising(info.attention_layers, info.config.layerCount(), "attention layer");
    for (const auto& [layer, heads] : info.attention_heads) {
        requireRising(heads, info.config.num_heads, "head");
        if (heads.empty() || heldHeads(info, layer).empty()) {
            fail(ErrorKind::InvalidInput, "capture: no heads of layer {} are chosen, or it is no attention layer",
                 layer);
        }
    }
    if (info.config.num_experts > std::numeric_limits<std::int16_t>::max()) {
        fail(ErrorKind::InvalidInput, "capture: {} experts are more than the file can number",
             info.config.num_experts);
    }
    return info;
}

} // namespace

CaptureWriter::CaptureWriter(std::filesystem::path path, CaptureInfo info, CaptureContents contents,
                             std::span<const CapturedToken> tokens, std::span<const std::string> vocabulary)
    : info_(checkedInfo(std::move(info), tokens, vocabulary)),
      contents_(std::move(contents)),
      path_(path),
      file_(std::move(path)) {
    vocabulary = vocabulary.first(std::min<std::size_t>(vocabulary.size(), info_.config.vocab_size));
    const CaptureHeader header = captureHeader(info_, contents_, bytesOf(vocabulary));
    info_.bytes = header.text.size() + header.data_bytes;
    for (const int layer : info_.attention_layers) {
        held_[layer] = {heldHeads(info_, layer), heldKeys(info_, layer)};
    }
    file_.reserve(info_.bytes);
    file_.writeAt(0, std::as_bytes(std::span(header.text)));
    for (const auto& [name, entry] : header.arrays) {
        arrays_[name] = {header.text.size() + entry.begin, entry.end - entry.begin, 0};
    }
    writeTokens(tokens, vocabulary);
}

CaptureWriter::~CaptureWriter() = default;

void CaptureWriter::writeTokens(std::span<const CapturedToken> tokens, std::span<const std::string> vocabulary) {
    std::vector<TokenId> ids;
    std::vector<std::uint8_t> flags;
    for (const CapturedToken& token : tokens) {
        ids.push_back(token.id);
        flags.push_back(
            static_cast<std::uint8_t>((token.special ? kSpecialFlag : 0) | (token.sampled ? kSampledFlag : 0)));
    }
    std::string texts;
    std::vector<std::int32_t> ends;
    for (int id = 0; id < info_.config.vocab_size; ++id) {
        if (static_cast<std::size_t>(id) < vocabulary.size()) {
            texts += vocabulary[static_cast<std::size_t>(id)];
        }
        ends.push_back(static_cast<std::int32_t>(texts.size()));
    }
    writeItems<std::int32_t>(kVocabularyEnds, 0, ends);
    writeItems<TokenId>(kTokens, 0, ids);
    writeItems<std::uint8_t>(kTokenFlags, 0, flags);
    writeItems<char>(kVocabulary, 0, texts);
}

void CaptureWriter::write(const std::string& name, std::uint64_t offset, std::span<const std::byte> bytes) {
    const auto found = arrays_.find(name);
    if (found == arrays_.end() || offset + bytes.size() > found->second.bytes) {
        fail(ErrorKind::Internal, "{}: {} bytes at {} do not belong into \"{}\"", path_.string(), bytes.size(),
             offset, name);
    }
    file_.writeAt(found->second.offset + offset, bytes);
    found->second.written += bytes.size();
}

template <class T>
void CaptureWriter::writeItems(const std::string& name, std::size_t first_item, std::span<const T> items) {
    write(name, first_item * sizeof(T), std::as_bytes(items));
}

void CaptureWriter::writeHead(const std::string& name, std::size_t index, std::size_t first, const float* values,
                              std::size_t stride, std::size_t rows) {
    const auto dim = static_cast<std::size_t>(info_.config.head_dim);
    scratch_.resize(rows * dim);
    for (std::size_t r = 0; r < rows; ++r) {
        std::copy_n(values + r * stride, dim, scratch_.data() + r * dim);
    }
    writeItems<float>(name, (index * info_.tokens + first) * dim, scratch_);
}

void CaptureWriter::requireRows(const char* what, std::size_t first, std::size_t rows, std::size_t values,
                                std::size_t width) const {
    if (first > info_.tokens || rows > info_.tokens - first || values != rows * width) {
        fail(ErrorKind::Internal, "{}: {} of tokens {} + {}: {} values, of {} tokens with {} each", path_.string(),
             what, first, rows, values, info_.tokens, width);
    }
}

void CaptureWriter::projections(int layer, std::size_t first, std::span<const float> values, std::size_t rows) {
    const auto held = held_.find(layer);
    if (held == held_.end()) {
        return;
    }
    const auto heads = static_cast<std::size_t>(info_.config.num_heads);
    const auto keys = static_cast<std::size_t>(info_.config.num_kv_heads);
    const auto dim = static_cast<std::size_t>(info_.config.head_dim);
    const bool softmax = info_.config.layers[static_cast<std::size_t>(layer)] == LayerKind::Softmax;
    const std::size_t width = softmax ? (heads + 2 * keys) * dim : 3 * heads * dim;
    requireRows("projections", first, rows, values.size(), width);
    // Of the row: where the array begins, and how far its heads lie apart.
    const auto scatter = [&](const char* name, const std::vector<int>& which, std::size_t begin, std::size_t step) {
        for (std::size_t i = 0; i < which.size(); ++i) {
            const float* of_head = values.data() + begin + static_cast<std::size_t>(which[i]) * step;
            writeHead(layerName(name, layer), i, first, of_head, width, rows);
        }
    };
    const auto& [held_heads, held_keys] = held->second;
    scatter("q", held_heads, 0, softmax ? dim : 3 * dim);
    scatter("k", held_keys, softmax ? heads * dim : dim, softmax ? dim : 3 * dim);
    scatter("v", held_keys, softmax ? (heads + keys) * dim : 2 * dim, softmax ? dim : 3 * dim);
}

void CaptureWriter::headOutputs(int layer, std::size_t first, std::span<const float> values, std::size_t rows) {
    const auto held = held_.find(layer);
    if (held == held_.end()) {
        return;
    }
    const std::vector<int>& kept = held->second.heads;
    const auto heads = static_cast<std::size_t>(info_.config.num_heads);
    const auto dim = static_cast<std::size_t>(info_.config.head_dim);
    requireRows("head outputs", first, rows, values.size(), heads * dim);
    const std::string name = layerName("o", layer);
    if (contents_.every_output) {
        for (std::size_t i = 0; i < kept.size(); ++i) {
            const float* of_head = values.data() + static_cast<std::size_t>(kept[i]) * dim;
            writeHead(name, i, first, of_head, heads * dim, rows);
        }
        return;
    }
    const std::size_t count = info_.positions.size();
    auto at = std::lower_bound(info_.positions.begin(), info_.positions.end(), first);
    for (; at != info_.positions.end() && *at < first + rows; ++at) {
        const auto index = static_cast<std::size_t>(at - info_.positions.begin());
        for (std::size_t i = 0; i < kept.size(); ++i) {
            const std::size_t from = (*at - first) * heads + static_cast<std::size_t>(kept[i]);
            writeItems(name, (i * count + index) * dim, values.subspan(from * dim, dim));
        }
    }
}

void CaptureWriter::routing(int layer, std::size_t first, std::span<const std::int32_t> experts,
                            std::span<const float> weights, std::span<const float> margin, std::size_t rows) {
    if (!info_.routing) {
        return;
    }
    const std::size_t layers = info_.config.layers.size();
    const auto top_k = static_cast<std::size_t>(info_.config.top_k);
    requireRows("experts", first, rows, experts.size(), top_k);
    requireRows("expert weights", first, rows, weights.size(), top_k);
    requireRows("margins", first, rows, margin.size(), 1);
    if (routing_.layers == 0) {
        routing_.first = first;
        routing_.rows = rows;
        routing_.experts.resize(rows * layers * top_k);
        routing_.weights.resize(rows * layers * top_k);
        routing_.margin.resize(rows * layers);
    }
    if (routing_.first != first || routing_.rows != rows || layer < 0 ||
        static_cast<std::size_t>(layer) >= layers) {
        fail(ErrorKind::Internal, "{}: routing of layer {} of tokens {} + {} came amid that of {} + {}",
             path_.string(), layer, first, rows, routing_.first, routing_.rows);
    }
    for (std::size_t r = 0; r < rows; ++r) {
        const std::size_t place = r * layers + static_cast<std::size_t>(layer);
        routing_.margin[place] = margin[r];
        for (std::size_t i = 0; i < top_k; ++i) {
            routing_.experts[place * top_k + i] = static_cast<std::int16_t>(experts[r * top_k + i]);
            routing_.weights[place * top_k + i] = weights[r * top_k + i];
        }
    }
    if (++routing_.layers == layers) {
        flushRouting();
    }
}

void CaptureWriter::flushRouting() {
    const std::size_t row = info_.config.layers.size();
    const auto top_k = static_cast<std::size_t>(info_.config.top_k);
    writeItems<std::int16_t>(kExperts, routing_.first * row * top_k, routing_.experts);
    writeItems<float>(kGateWeights, routing_.first * row * top_k, routing_.weights);
    writeItems<float>(kMargin, routing_.first * row, routing_.margin);
    routing_.layers = 0;
}

void CaptureWriter::logprobs(std::size_t first, std::span<const float> values) {
    if (contents_.logprobs) {
        requireRows("log-probabilities", first, values.size(), values.size(), 1);
        writeItems(kLogprobs, first, values);
    }
}

std::size_t CaptureWriter::positionIndex(std::size_t position, const char* what) const {
    const auto found = std::lower_bound(info_.positions.begin(), info_.positions.end(), position);
    if (found == info_.positions.end() || *found != position) {
        fail(ErrorKind::Internal, "{}: {} of token {}, which is no query position", path_.string(), what, position);
    }
    return static_cast<std::size_t>(found - info_.positions.begin());
}

void CaptureWriter::heads(const HeadTable& table) {
    if (!info_.heads) {
        return;
    }
    const std::size_t index = positionIndex(table.position, "head figures");
    const std::size_t count = info_.config.layers.size() * static_cast<std::size_t>(info_.config.num_heads);
    if (table.heads.size() != count) {
        fail(ErrorKind::Internal, "{}: figures of {} heads, the model has {}", path_.string(), table.heads.size(),
             count);
    }
    writeItems<TokenId>(kTarget, index, std::span(&table.target, 1));
    std::vector<float> values(count);
    for (const FigureField& field : figureFields()) {
        if (arrays_.contains(figureName(field.name))) {
            std::transform(table.heads.begin(), table.heads.end(), values.begin(),
                           [&](const HeadFigures& figures) { return figures.*field.value; });
            writeItems<float>(figureName(field.name), index * count, values);
        }
    }
}

void CaptureWriter::lens(const LensView& view) {
    if (!info_.lens) {
        return;
    }
    const std::size_t index = positionIndex(view.position, "lens");
    const std::size_t layers = info_.config.layers.size() + 1;
    const auto candidates = static_cast<std::size_t>(contents_.lens_candidates);
    std::vector<TokenId> ids;
    std::vector<float> logprobs;
    std::vector<std::int32_t> ranks;
    std::vector<float> kl;
    for (const LensLayer& layer : view.layers) {
        if (layer.candidates.size() != candidates || view.layers.size() != layers) {
            fail(ErrorKind::Internal, "{}: the lens has {} layers of {} candidates, expected {} of {}",
                 path_.string(), view.layers.size(), layer.candidates.size(), layers, candidates);
        }
        for (const LensCandidate& candidate : layer.candidates) {
            ids.push_back(candidate.id);
            logprobs.push_back(candidate.logprob);
        }
        ranks.push_back(layer.final_rank);
        kl.push_back(layer.kl);
    }
    writeItems<TokenId>(kLensIds, index * layers * candidates, ids);
    writeItems<float>(kLensLogprobs, index * layers * candidates, logprobs);
    writeItems<std::int32_t>(kLensRank, index * layers, ranks);
    writeItems<float>(kLensKl, index * layers, kl);
}

std::uint64_t CaptureWriter::finish() {
    for (const auto& [name, array] : arrays_) {
        if (array.written != array.bytes) {
            fail(ErrorKind::Internal, "{}: \"{}\" has {} of {} bytes", path_.string(), name, array.written,
                 array.bytes);
        }
    }
    file_.commit();
    return info_.bytes;
}

} // namespace fulgurite::capture
