// SPDX-License-Identifier: Apache-2.0
#include "core/retrieval/collection_index.h"

#include "core/base/error.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>

namespace fulgurite::retrieval {

CollectionIndex::CollectionIndex(CollectionInfo info, std::vector<IndexSegment> segments,
                                 std::vector<std::int64_t> document_ids,
                                 std::map<std::string, std::vector<HeadScore>> scores)
    : info_(std::move(info)),
      spaces_(spacesOf(info_.embedder)),
      segments_(std::move(segments)),
      document_ids_(std::move(document_ids)),
      scores_(std::move(scores)) {}

const Space& CollectionIndex::space(const std::string& name) const {
    std::string names;
    for (const Space& space : spaces_) {
        if (space.name == name) {
            return space;
        }
        names += (names.empty() ? "" : ", ") + space.name;
    }
    fail(ErrorKind::InvalidInput, "collection '{}' has no vectors '{}'; it has {}", info_.plan.name, name, names);
}

const std::vector<HeadScore>& CollectionIndex::scores(const Space& space) const {
    return scores_.at(space.name);
}

std::vector<CollectionIndex::Found> CollectionIndex::nearestOfHead(const Space& space, std::size_t head,
                                                                   const float* unit, std::size_t depth,
                                                                   kernels::ThreadPool& pool) const {
    // Several rows may belong to one document: look deeper until there are enough documents.
    for (std::size_t reach = depth;; reach *= 4) {
        std::unordered_map<std::int32_t, float> nearest;
        bool all = true;
        float horizon = 3; // beyond it a segment may hold rows that were not looked at; no distance is above 2
        for (const IndexSegment& segment : segments_) {
            const std::size_t rows = segment.file->rows();
            const std::size_t wanted = std::min(rows, reach + segment.dead);
            const auto hits =
                kernels::scanTop(segment.file->head(space, head), {unit, 1, space.width}, wanted, pool).front();
            for (const kernels::ScanHit& hit : hits) {
                const std::int32_t document = segment.documents[hit.row];
                const float distance = std::max(0.0f, 1.0f - hit.score);
                if (document >= 0) {
                    const auto [entry, added] = nearest.try_emplace(document, distance);
                    entry->second = std::min(entry->second, distance);
                }
            }
            if (wanted < rows && !hits.empty()) {
                all = false;
                horizon = std::min(horizon, 1.0f - hits.back().score);
            }
        }
        std::vector<Found> found;
        for (const auto& [document, distance] : nearest) {
            found.push_back({document, distance});
        }
        std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) {
            return a.distance < b.distance || (a.distance == b.distance && a.document < b.document);
        });
        const std::size_t complete = static_cast<std::size_t>(
            std::count_if(found.begin(), found.end(), [=](const Found& f) { return f.distance <= horizon; }));
        if (all || complete >= depth) {
            found.resize(std::min(found.size(), depth));
            return found;
        }
    }
}

HeadLists CollectionIndex::nearest(const Space& space, std::span<const float> units, std::size_t depth,
                                   kernels::ThreadPool& pool) const {
    HeadLists lists;
    lists.heads = space.heads;
    lists.depth = std::min(depth, documents());
    lists.documents.assign(lists.heads * lists.depth, -1);
    lists.distances.assign(lists.heads * lists.depth, 0.0f);
    for (const HeadScore& score : scores(space)) {
        lists.scores.push_back(score.score);
    }
    if (lists.depth == 0) {
        return lists;
    }
    for (std::size_t head = 0; head < space.heads; ++head) {
        const std::vector<Found> found = nearestOfHead(space, head, &units[head * space.width], lists.depth, pool);
        for (std::size_t rank = 0; rank < found.size(); ++rank) {
            lists.documents[head * lists.depth + rank] = found[rank].document;
            lists.distances[head * lists.depth + rank] = found[rank].distance;
        }
    }
    return lists;
}

std::map<std::int32_t, std::size_t> CollectionIndex::nearestChunks(const std::set<std::int32_t>& documents,
                                                                   std::span<const float> unit) const {
    struct Best {
        std::size_t chunk = 0;
        float score = -2; // below every cosine
    };
    std::map<std::int32_t, Best> best;
    for (const IndexSegment& segment : segments_) {
        for (std::size_t row = 0; row < segment.documents.size(); ++row) {
            if (!documents.contains(segment.documents[row])) {
                continue;
            }
            const UnitVectors vectors = segment.file->read(spaces_.front(), row);
            const float score = std::inner_product(unit.begin(), unit.end(), vectors.units.begin(), 0.0f);
            Best& entry = best[segment.documents[row]];
            if (score > entry.score) {
                entry = {static_cast<std::size_t>(segment.chunks[row]), score};
            }
        }
    }
    std::map<std::int32_t, std::size_t> chunks;
    for (const auto& [document, entry] : best) {
        chunks.emplace(document, entry.chunk);
    }
    return chunks;
}

std::vector<float> CollectionIndex::firstChunks(const Space& space, std::size_t head) const {
    std::vector<float> vectors(documents() * space.width, 0.0f);
    for (const IndexSegment& segment : segments_) {
        for (std::size_t row = 0; row < segment.documents.size(); ++row) {
            if (segment.documents[row] < 0 || segment.chunks[row] != 0) {
                continue;
            }
            const Space one{space.name, space.heads, space.width};
            const UnitVectors all = segment.file->read(one, row);
            std::copy_n(all.units.begin() + static_cast<std::ptrdiff_t>(head * space.width), space.width,
                        vectors.begin() + static_cast<std::ptrdiff_t>(
                                              static_cast<std::size_t>(segment.documents[row]) * space.width));
        }
    }
    return vectors;
}

std::uint64_t CollectionIndex::bytes(const Space& space) const {
    std::uint64_t sum = 0;
    for (const IndexSegment& segment : segments_) {
        const kernels::VectorRows rows = segment.file->head(space, 0);
        sum += std::uint64_t{rows.count} * rows.width * sizeOf(rows.dtype) * space.heads;
    }
    return sum;
}

} // namespace fulgurite::retrieval
