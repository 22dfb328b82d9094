// SPDX-License-Identifier: Apache-2.0
// One encoder at work: its model, its vectors kept for ever, and the encoding of pictures that have none yet.
#pragma once

#include "core/cascade/encoder_set.h"
#include "core/cascade/library_store.h"
#include "core/cascade/vector_file.h"

#include <functional>
#include <mutex>
#include <optional>

namespace fulgurite::cascade {

// A picture to be encoded, and how to get its bytes.
struct PictureSource {
    ContentId content = 0;
    std::string path;
    std::string hash; // what the bytes must have, or the vector would be kept for another picture
};

// On whose account pictures are encoded.
struct Account {
    LibraryId library = 0;
    LedgerEntry::Kind kind = LedgerEntry::Kind::Query;
    int stage = 0;
};

struct EncodingReport {
    std::size_t encoded = 0;
    std::size_t cached = 0;
    std::size_t missing = 0; // the file is gone, changed or unreadable
    double seconds = 0;      // in the vision tower alone: what the cost model calls t
    double wall_seconds = 0; // with reading, decoding and keeping
    double flops = 0;
    double bytes = 0;
    std::vector<std::int64_t> entries = {}; // of the ledger, one a batch, of no query yet
};

// The store is used under `store_mutex`; everything else by one thread at a time.
class StageEncoder {
  public:
    StageEncoder(const EncoderInfo& info, std::shared_ptr<const clip::ClipModel> model, LibraryStore& store,
                 std::mutex& store_mutex, const std::filesystem::path& data, kernels::ThreadPool& pool);

    const EncoderInfo& info() const { return info_; }
    const clip::ClipModel& model() const { return *model_; }
    EncoderId id() const { return id_; }

    bool has(ContentId content) const { return rowOf(content) >= 0; }
    // Null when there is none; valid until vectors are added.
    const float* vector(ContentId content) const;
    // The row in rows(), or -1.
    std::int64_t rowOf(ContentId content) const;
    kernels::VectorRows rows() const { return file_->view(); }

    // Encodes pixels of contents that have no vector, [contents, pixelCount], and keeps the vectors together with
    // the ledger's entry: neither a stop nor a kill leaves vectors whose cost nobody knows. Both are on the disk
    // when it returns. `read_seconds`: what it took to make the pixels, where that was measured. Adds to `report`.
    void encode(std::span<const ContentId> contents, const float* pixels, const Account& account,
                std::optional<double> read_seconds, EncodingReport& report);
    // Encodes what has no vector yet, in batches; `stop` is asked between them and may let others have the encoder.
    EncodingReport ensure(std::span<const PictureSource> pictures, const Account& account,
                          const std::function<bool()>& stop = {});
    // [texts, width], rows of length 1; adds what it cost to `flops`.
    std::vector<float> encodeTexts(std::span<const std::string> texts, double* flops);

    // A picture of no library: [width], not kept; adds what it cost to `flops`.
    std::vector<float> encodePicture(const image::Image& picture, double* flops);

  private:
    void encodeBatch(std::span<const PictureSource> pictures, const Account& account, EncodingReport& report);

    EncoderInfo info_;
    std::shared_ptr<const clip::ClipModel> model_;
    LibraryStore& store_;
    std::mutex& store_mutex_;
    clip::ClipRuntime runtime_;
    EncoderId id_ = 0;
    std::optional<VectorFile> file_;
    std::vector<std::int64_t> row_of_; // by content; -1: none
};

} // namespace fulgurite::cascade
