// SPDX-License-Identifier: Apache-2.0
// Names and header of a capture file, shared by its writer and its reader.
#pragma once

#include "core/checkpoint/safetensors.h"
#include "core/probe/capture/capture_layout.h"

#include <string>
#include <utility>
#include <vector>

namespace fulgurite::capture {

// Array names; those of attention layers are layerName().
inline constexpr const char* kVocabularyEnds = "vocabulary_ends";
inline constexpr const char* kVocabulary = "vocabulary";
inline constexpr const char* kTokens = "tokens";
inline constexpr const char* kTokenFlags = "token_flags";
inline constexpr const char* kLogprobs = "logprobs";
inline constexpr const char* kExperts = "experts";
inline constexpr const char* kGateWeights = "gate_weights";
inline constexpr const char* kMargin = "margin";
inline constexpr const char* kTarget = "heads.target";
inline constexpr const char* kLensIds = "lens.ids";
inline constexpr const char* kLensLogprobs = "lens.logprobs";
inline constexpr const char* kLensRank = "lens.rank";
inline constexpr const char* kLensKl = "lens.kl";

inline constexpr std::uint8_t kSpecialFlag = 1;
inline constexpr std::uint8_t kSampledFlag = 2;

// "k.12"
inline std::string layerName(std::string_view array, int layer) {
    return std::string(array) + "." + std::to_string(layer);
}
inline std::string figureName(std::string_view figure) {
    return "heads." + std::string(figure);
}

struct CaptureHeader {
    std::string text; // length and JSON
    std::vector<std::pair<std::string, SafetensorsEntry>> arrays;
    std::uint64_t data_bytes = 0;
};
CaptureHeader captureHeader(const CaptureInfo& info, const CaptureContents& contents,
                            std::uint64_t vocabulary_bytes);

} // namespace fulgurite::capture
