// SPDX-License-Identifier: Apache-2.0
// A collection as it was at one revision, for searching: mapped vectors and which document each row belongs to.
// Immutable.
#pragma once

#include "core/retrieval/vector_segment.h"

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace fulgurite::retrieval {

struct IndexSegment {
    std::shared_ptr<const SegmentFile> file;
    std::vector<std::int32_t> documents; // of each row; -1: no longer in the collection
    std::vector<std::int32_t> chunks;    // of each row, within its document
    std::size_t dead = 0;
};

class CollectionIndex {
  public:
    CollectionIndex(CollectionInfo info, std::vector<IndexSegment> segments, std::vector<std::int64_t> document_ids,
                    std::map<std::string, std::vector<HeadScore>> scores);

    const CollectionInfo& info() const { return info_; }
    std::size_t documents() const { return document_ids_.size(); }
    // Of the database, by number.
    const std::vector<std::int64_t>& documentIds() const { return document_ids_; }
    const std::vector<Space>& spaces() const { return spaces_; }
    // Throws Error{InvalidInput} that says which are there.
    const Space& space(const std::string& name) const;
    const std::vector<HeadScore>& scores(const Space& space) const;
    const std::vector<IndexSegment>& segments() const { return segments_; }

    // Each head's `depth` nearest documents by cosine distance, a document being as near as its nearest chunk;
    // equal distances go to the lower document. `units` [heads, width].
    HeadLists nearest(const Space& space, std::span<const float> units, std::size_t depth,
                      kernels::ThreadPool& pool) const;

    // Of each of `documents` the chunk that is nearest in the standard space. `unit` [width].
    std::map<std::int32_t, std::size_t> nearestChunks(const std::set<std::int32_t>& documents,
                                                      std::span<const float> unit) const;

    // Unit vectors of the first chunk of every document: [documents, width] of one head. Zero where there is none.
    std::vector<float> firstChunks(const Space& space, std::size_t head) const;

    // Bytes that a search in `space` reads.
    std::uint64_t bytes(const Space& space) const;

  private:
    struct Found {
        std::int32_t document;
        float distance;
    };
    std::vector<Found> nearestOfHead(const Space& space, std::size_t head, const float* unit, std::size_t depth,
                                     kernels::ThreadPool& pool) const;

    CollectionInfo info_;
    std::vector<Space> spaces_;
    std::vector<IndexSegment> segments_;
    std::vector<std::int64_t> document_ids_;
    std::map<std::string, std::vector<HeadScore>> scores_;
};

} // namespace fulgurite::retrieval
