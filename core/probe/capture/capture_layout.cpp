// SPDX-License-Identifier: Apache-2.0
#include "core/probe/capture/capture_layout.h"

#include "core/base/error.h"
#include "core/probe/capture/held_heads.h"
#include "core/probe/capture/layout_detail.h"

#include <array>

namespace fulgurite::capture {

namespace {

constexpr std::array<FigureField, 11> kFigures{{
    {"output_norm", &HeadFigures::output_norm},
    {"gate_mean", &HeadFigures::gate_mean},
    {"block_share", &HeadFigures::block_share},
    {"logit_effect", &HeadFigures::logit_effect},
    {"entropy", &HeadFigures::entropy},
    {"effective_span", &HeadFigures::effective_span},
    {"mean_distance", &HeadFigures::mean_distance},
    {"mrag_importance", &HeadFigures::mrag_importance},
    {"previous_token", &HeadFigures::previous_token},
    {"induction", &HeadFigures::induction},
    {"planted_fact", &HeadFigures::planted_fact},
}};

void addAttention(std::vector<CaptureArray>& arrays, const CaptureInfo& info, const CaptureContents& contents) {
    const auto tokens = static_cast<std::int64_t>(info.tokens);
    const auto outputs = contents.every_output ? tokens : static_cast<std::int64_t>(info.positions.size());
    const std::int64_t dim = info.config.head_dim;
    for (const int layer : info.attention_layers) {
        const auto heads = static_cast<std::int64_t>(heldHeads(info, layer).size());
        const auto keys = static_cast<std::int64_t>(heldKeys(info, layer).size());
        arrays.push_back({layerName("q", layer), DType::F32, {heads, tokens, dim}});
        arrays.push_back({layerName("k", layer), DType::F32, {keys, tokens, dim}});
        arrays.push_back({layerName("v", layer), DType::F32, {keys, tokens, dim}});
        arrays.push_back({layerName("o", layer), DType::F32, {heads, outputs, dim}});
    }
}

void addFigures(std::vector<CaptureArray>& arrays, const CaptureInfo& info, const CaptureContents& contents) {
    const auto positions = static_cast<std::int64_t>(info.positions.size());
    arrays.push_back({kTarget, DType::I32, {positions}});
    for (const std::string& figure : contents.figures) {
        arrays.push_back(
            {figureName(figure),
             DType::F32,
             {positions, static_cast<std::int64_t>(info.config.layers.size()), info.config.num_heads}});
    }
}

void addLens(std::vector<CaptureArray>& arrays, const CaptureInfo& info, const CaptureContents& contents) {
    const auto positions = static_cast<std::int64_t>(info.positions.size());
    const auto layers = static_cast<std::int64_t>(info.config.layers.size()) + 1;
    arrays.push_back({kLensIds, DType::I32, {positions, layers, contents.lens_candidates}});
    arrays.push_back({kLensLogprobs, DType::F32, {positions, layers, contents.lens_candidates}});
    arrays.push_back({kLensRank, DType::I32, {positions, layers}});
    arrays.push_back({kLensKl, DType::F32, {positions, layers}});
}

} // namespace

std::span<const FigureField> figureFields() {
    return kFigures;
}

int versionOf(const CaptureInfo& info) {
    return info.attention_heads.empty() ? 1 : kCaptureVersion;
}

// By falling size of the elements, so that every array lies aligned.
std::vector<CaptureArray> captureArrays(const CaptureInfo& info, const CaptureContents& contents,
                                        std::uint64_t vocabulary_bytes) {
    const auto tokens = static_cast<std::int64_t>(info.tokens);
    const auto layers = static_cast<std::int64_t>(info.config.layers.size());
    const std::int64_t top_k = info.config.top_k;
    std::vector<CaptureArray> arrays;
    arrays.push_back({kVocabularyEnds, DType::I32, {info.config.vocab_size}});
    arrays.push_back({kTokens, DType::I32, {tokens}});
    if (contents.logprobs) {
        arrays.push_back({kLogprobs, DType::F32, {tokens}});
    }
    addAttention(arrays, info, contents);
    if (info.routing) {
        arrays.push_back({kGateWeights, DType::F32, {tokens, layers, top_k}});
        arrays.push_back({kMargin, DType::F32, {tokens, layers}});
    }
    if (info.heads) {
        addFigures(arrays, info, contents);
    }
    if (info.lens) {
        addLens(arrays, info, contents);
    }
    if (info.routing) {
        arrays.push_back({kExperts, DType::I16, {tokens, layers, top_k}});
    }
    arrays.push_back({kTokenFlags, DType::U8, {tokens}});
    arrays.push_back({kVocabulary, DType::U8, {static_cast<std::int64_t>(vocabulary_bytes)}});
    return arrays;
}

CaptureHeader captureHeader(const CaptureInfo& info, const CaptureContents& contents,
                            std::uint64_t vocabulary_bytes) {
    CaptureHeader header;
    for (const CaptureArray& array : captureArrays(info, contents, vocabulary_bytes)) {
        std::uint64_t bytes = 0;
        if (!byteCount(array.shape, array.dtype, bytes) || header.data_bytes + bytes < bytes) {
            fail(ErrorKind::InvalidInput, "capture: array \"{}\" of shape {} is larger than any disk", array.name,
                 toString(array.shape));
        }
        header.arrays.emplace_back(
            array.name, SafetensorsEntry{array.dtype, array.shape, header.data_bytes, header.data_bytes + bytes});
        header.data_bytes += bytes;
    }
    header.text = safetensorsHeader(header.arrays, {{"format", std::string(kCaptureFormat)},
                                                    {"version", std::to_string(versionOf(info))},
                                                    {"capture", captureInfoToJson(info, contents)}});
    return header;
}

std::uint64_t captureBytes(const CaptureInfo& info, const CaptureContents& contents,
                           std::uint64_t vocabulary_bytes) {
    const CaptureHeader header = captureHeader(info, contents, vocabulary_bytes);
    return header.text.size() + header.data_bytes;
}

} // namespace fulgurite::capture
