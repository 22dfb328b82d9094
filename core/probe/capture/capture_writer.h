// SPDX-License-Identifier: Apache-2.0
// Writes a capture file while the model runs: rows come chunk by chunk and layer by layer, and go to their places
// in the file at once. The file has a temporary name until finish(); an abandoned writer leaves nothing.
#pragma once

#include "core/base/atomic_file.h"
#include "core/probe/capture/capture_layout.h"

#include <filesystem>
#include <map>
#include <span>

namespace fulgurite::capture {

class CaptureWriter {
  public:
    // Reserves the whole file, so that a full disk is told here, before anything has been computed.
    //
    // info: positions rising and below tokens.size(), attention_layers rising; info.tokens, info.bytes and
    // info.version are set by the writer. tokens: id, special, sampled (text and logprob are not read).
    // vocabulary: the bytes of every token id of the model, by id, so that texts need no tokenizer; ids beyond it
    // have no text.
    //
    // Throws Error{InvalidInput} for an impossible plan, Error{Io} with the size and the cause when it does not
    // fit.
    CaptureWriter(std::filesystem::path path, CaptureInfo info, CaptureContents contents,
                  std::span<const CapturedToken> tokens, std::span<const std::string> vocabulary);
    ~CaptureWriter();
    CaptureWriter(const CaptureWriter&) = delete;
    CaptureWriter& operator=(const CaptureWriter&) = delete;

    const CaptureInfo& info() const { return info_; }

    // Rows [first, first + rows) of tokens in the layouts of ForwardTap (core/model/forward_tap.h). Each row of
    // each array comes exactly once, in any order. A layer, head or array that the plan lacks is left out silently,
    // so that a recorder may pass on everything. Throw Error{Io} when the disk refuses.

    // Lightning: [rows, H, 3, D], per head q, k, v. Softmax: [rows, H * D + 2 * KV * D].
    void projections(int layer, std::size_t first, std::span<const float> values, std::size_t rows);
    // [rows, H, D], before norm and gate.
    void headOutputs(int layer, std::size_t first, std::span<const float> values, std::size_t rows);
    // experts, weights: [rows, k] by falling weight; margin: [rows]. The layers of one chunk (same first and rows)
    // come one after another.
    void routing(int layer, std::size_t first, std::span<const std::int32_t> experts,
                 std::span<const float> weights, std::span<const float> margin, std::size_t rows);
    // Of tokens [first, first + size).
    void logprobs(std::size_t first, std::span<const float> values);
    // table.position must be one of info.positions; one entry for each head of each layer, by layer, then head.
    void heads(const HeadTable& table);
    // view.position must be one of info.positions; lens_candidates candidates for each of L + 1 layers.
    void lens(const LensView& view);

    // Checks that everything planned has come (Error{Internal} names the array), syncs and renames. Returns the
    // size of the file in bytes.
    std::uint64_t finish();

  private:
    struct Array {
        std::uint64_t offset = 0; // in the file
        std::uint64_t bytes = 0;
        std::uint64_t written = 0;
    };
    struct RoutingChunk {
        std::size_t first = 0;
        std::size_t rows = 0;
        std::size_t layers = 0; // that have come
        std::vector<std::int16_t> experts;
        std::vector<float> weights;
        std::vector<float> margin;
    };

    void writeTokens(std::span<const CapturedToken> tokens, std::span<const std::string> vocabulary);
    void write(const std::string& name, std::uint64_t offset, std::span<const std::byte> bytes);
    template <class T>
    void writeItems(const std::string& name, std::size_t first_item, std::span<const T> items);
    // Rows of one head out of a wider layout into its contiguous array; `index` in the order of the array.
    void writeHead(const std::string& name, std::size_t index, std::size_t first, const float* values,
                   std::size_t stride, std::size_t rows);
    void flushRouting();
    std::size_t positionIndex(std::size_t position, const char* what) const;
    void requireRows(const char* what, std::size_t first, std::size_t rows, std::size_t values,
                     std::size_t width) const;

    CaptureInfo info_;
    CaptureContents contents_;
    std::filesystem::path path_;
    AtomicFile file_;
    std::map<std::string, Array, std::less<>> arrays_;
    // Of each attention layer: which heads and key/value heads are kept, in the order of the arrays.
    struct Held {
        std::vector<int> heads;
        std::vector<int> keys;
    };
    std::map<int, Held> held_;
    RoutingChunk routing_;
    std::vector<float> scratch_;
};

} // namespace fulgurite::capture
