// SPDX-License-Identifier: Apache-2.0
// A capture that can be looked at: every view of it, from the mapped file alone. Needs no engine and no model.
#pragma once

#include "core/base/mapped_file.h"
#include "core/base/mapping_guard.h"
#include "core/checkpoint/safetensors.h"
#include "core/probe/capture/capture_layout.h"
#include "core/probe/capture/decay.h"
#include "core/probe/capture/held_heads.h"
#include "core/probe/capture/row.h"
#include "core/probe/capture/tile.h"

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

namespace fulgurite::capture {

// Immutable after it was opened: all members may be called from any thread at once.
//
// Every view throws Error{InvalidInput} that names the range when the layer, head, token or position does not
// exist, Error{NotFound} when the capture does not hold what it needs, and Error{Corrupt} when the file was cut or
// its disk failed since it was opened.
class CaptureFile {
  public:
    // Maps the file and checks everything but the values. Throws Error{NotFound | Io | Corrupt | Unsupported} that
    // names the file, the field and the remedy; Unsupported: written by a newer version.
    // `name` stands for the path in messages; empty: the path itself.
    static std::shared_ptr<const CaptureFile> open(const std::filesystem::path& path, const std::string& name = {});
    // The same from memory that outlives it, aligned to 8 bytes; `name` stands for the path in messages.
    static std::shared_ptr<const CaptureFile> view(std::span<const std::byte> bytes, const std::string& name);

    const CaptureInfo& info() const { return info_; }
    const CaptureContents& contents() const { return contents_; }
    const DecayMap& decay() const { return decay_; }
    const std::string& name() const { return name_; }
    // False: it was cut or became unreadable since, and every view throws.
    bool intact() const { return !guard_ || guard_->intact(); }

    std::vector<CapturedToken> tokens(std::size_t first, std::size_t count) const;
    std::span<const TokenId> tokenIds() const; // [tokens]
    std::string_view textOf(TokenId id) const; // "" when the vocabulary lacks it

    bool holds(HeadRef head) const { return holdsHead(info_, head); } // its queries, keys and values
    HeadArrays arrays(HeadRef head) const;
    // Recorded output of the head's core at a position, [head_dim]; empty when it is not held.
    std::span<const float> output(HeadRef head, std::size_t position) const;

    AttentionRow row(HeadRef head, std::size_t position) const;
    // The rows of every head that is held, by layer, then head; on `threads` threads, 0: all.
    std::vector<AttentionRow> rows(std::size_t position, const std::stop_token& stop = {},
                                   unsigned threads = 0) const;
    AttentionTile tile(HeadRef head, const TileRequest& request, const std::stop_token& stop = {}) const;
    // One map of the whole text for each head of the layer that is held, at most `side` cells a side, of
    // 2^k tokens each. Texts longer than kExactThumbnailTokens are sampled by query rows and say so.
    std::vector<AttentionTile> thumbnails(int layer, std::size_t side, const std::stop_token& stop = {}) const;

    // The stored figures at the last captured position at or before `position`, with those that follow from
    // recorded q, k, v worked out for it; without stored figures at `position` itself.
    HeadTable heads(std::size_t position, const std::stop_token& stop = {}) const;
    RoutingSlice routing(std::size_t first, std::size_t count) const;
    RoutingSummary routingSummary() const;
    // At the last captured position at or before `position`.
    LensView lens(std::size_t position) const;

    static constexpr std::size_t kExactThumbnailTokens = 4096;

  private:
    static constexpr std::size_t kRememberedHeads = 64;

    CaptureFile(std::optional<MappedFile> file, std::span<const std::byte> bytes, std::string name);

    void checkArrays();
    void checkTokens() const;
    template <class T>
    std::span<const T> values(std::string_view array) const;
    // What was read for a view counts only while the file is whole.
    void requireIntact() const;
    AttentionTile tileOf(HeadRef head, const TileRequest& request, const std::stop_token& stop) const;
    AttentionRow rowOf(HeadRef head, std::size_t position) const;
    // The place of a head's array among those of its layer; which: heldHeads() or heldKeys().
    std::size_t placeOf(int head, const std::vector<int>& which) const;
    void requirePosition(std::size_t position) const;
    void requireHead(HeadRef head) const;
    std::size_t positionIndex(std::size_t position, const char* what) const;
    void fillFromArrays(HeadFigures& figures, std::size_t position) const;
    std::shared_ptr<Normalisers> normalisers(HeadRef head) const;
    void requireRouting() const;
    void requireExpert(std::int16_t expert, std::size_t place) const;

    std::optional<MappedFile> file_;
    std::unique_ptr<MappingGuard> guard_; // of the mapping; goes before it does
    std::span<const std::byte> bytes_;
    std::string name_;
    SafetensorsHeader header_;
    CaptureInfo info_;
    CaptureContents contents_;
    DecayMap decay_;
    // Of the softmax heads whose maps were looked at; grows with looking, up to kRememberedHeads.
    mutable std::mutex mutex_;
    mutable std::map<HeadRef, std::shared_ptr<Normalisers>> normalisers_;
};

} // namespace fulgurite::capture
