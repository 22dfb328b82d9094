// SPDX-License-Identifier: Apache-2.0
// The arrays of a capture file, by name and shape, as docs/formats/capture.md describes them: the one place that
// the writer, the reader and the estimate take them from.
#pragma once

#include "core/probe/capture/views.h"
#include "core/tensor/tensor.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite::capture {

// 2: files that hold chosen heads of a layer. Files that do not are written as version 1, which older programs
// read.
inline constexpr int kCaptureVersion = 2;
inline constexpr std::string_view kCaptureFormat = "fulgurite.capture";
inline constexpr std::string_view kCaptureSuffix = ".fcap";

// What a file holds beyond what CaptureInfo says.
struct CaptureContents {
    bool every_output =
        true;             // head outputs of the attention layers: at every token, or at the query positions only
    bool logprobs = true; // of each token given those before it
    // Names of kFigures, used with CaptureInfo::heads. What follows from recorded q, k, v is worked out on reading
    // and need not be stored.
    std::vector<std::string> figures = {"output_norm", "gate_mean", "block_share", "logit_effect",
                                        "mrag_importance"};
    int lens_candidates = 8; // a layer and position; used with CaptureInfo::lens
};

// Every figure that a file can hold for each head and query position, by the name of its array `heads.NAME`.
struct FigureField {
    std::string_view name;
    float HeadFigures::*value;
};
std::span<const FigureField> figureFields();

struct CaptureArray {
    std::string name;
    DType dtype = DType::F32;
    Shape shape;
};

// In the order of the file. vocabulary_bytes: length of the texts of all token ids together.
std::vector<CaptureArray> captureArrays(const CaptureInfo& info, const CaptureContents& contents,
                                        std::uint64_t vocabulary_bytes);

// The version that a file of this plan is written as.
int versionOf(const CaptureInfo& info);

// Size of the file that CaptureWriter will write, header included, known before anything is computed; exact when
// info is complete (texts such as the date count as well). Throws Error{InvalidInput} when it exceeds 63 bits.
std::uint64_t captureBytes(const CaptureInfo& info, const CaptureContents& contents,
                           std::uint64_t vocabulary_bytes);

// CaptureInfo and contents as the JSON of the file's metadata. captureInfoFromJson throws Error{Corrupt} that names
// `name` and the field.
std::string captureInfoToJson(const CaptureInfo& info, const CaptureContents& contents);
CaptureInfo captureInfoFromJson(std::string_view text, const std::string& name, CaptureContents& contents);

} // namespace fulgurite::capture
