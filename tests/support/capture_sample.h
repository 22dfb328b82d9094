// SPDX-License-Identifier: Apache-2.0
// A capture of random queries, keys and values with the outputs that a recurrence in double gives for them: what
// tests of captures and of their views look at.
#pragma once

#include "core/probe/capture/capture_file.h"
#include "core/probe/capture/capture_writer.h"

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace fulgurite::test {

struct CaptureSampleOptions {
    std::size_t tokens = 40;
    std::vector<LayerKind> layers{LayerKind::Lightning, LayerKind::Softmax, LayerKind::Lightning};
    std::vector<int> attention_layers{0, 1, 2};
    std::map<int, std::vector<int>> attention_heads{}; // of those layers, the ones held in part
    std::vector<std::size_t> positions{};              // empty: the last eight
    int heads = 4;
    int kv_heads = 2;
    int head_dim = 8;
    bool every_output = true;
    bool logprobs = true;
    bool routing = true;
    bool head_figures = true;
    bool lens = true;
    std::size_t chunk = 16; // tokens that come at once
    unsigned seed = 1;
};

class CaptureSample {
  public:
    explicit CaptureSample(const CaptureSampleOptions& options = {});

    const capture::CaptureInfo& info() const { return info_; }
    const capture::CaptureContents& contents() const { return contents_; }
    const std::vector<capture::CapturedToken>& tokens() const { return tokens_; } // with text and logprob
    const std::vector<std::string>& vocabulary() const { return vocabulary_; }

    // In the layouts of ForwardTap, of all tokens; empty for layers without attention.
    const std::vector<float>& projections(int layer) const { return projections_[index(layer)]; }
    const std::vector<float>& outputs(int layer) const { return outputs_[index(layer)]; } // [tokens, H, D]
    const capture::HeadTable& heads(std::size_t index) const { return heads_[index]; }    // by query position
    const capture::LensView& lens(std::size_t index) const { return lens_[index]; }
    const capture::RoutingSlice& routing() const { return routing_; }

    // Row t of q, k or v ('q', 'k', 'v') of a head, as the capture must hold it. For k and v of a softmax head its
    // key/value head's.
    std::vector<float> vectorOf(char array, capture::HeadRef head, std::size_t token) const;

    // Chunk by chunk, as a running model would, without finish().
    void writeInto(capture::CaptureWriter& writer) const;
    std::shared_ptr<const capture::CaptureFile> write(const std::filesystem::path& path) const;

  private:
    static std::size_t index(int layer) { return static_cast<std::size_t>(layer); }
    void fillTokens();
    void fillLightning(int layer);
    void fillSoftmax(int layer);
    void fillRouting();
    void fillFigures();

    CaptureSampleOptions options_;
    capture::CaptureInfo info_;
    capture::CaptureContents contents_;
    std::vector<capture::CapturedToken> tokens_;
    std::vector<std::string> vocabulary_;
    std::vector<std::vector<float>> projections_;
    std::vector<std::vector<float>> outputs_;
    std::vector<capture::HeadTable> heads_;
    std::vector<capture::LensView> lens_;
    capture::RoutingSlice routing_;
};

} // namespace fulgurite::test
