// SPDX-License-Identifier: Apache-2.0
#include "core/retrieval/raw_search.h"

#include <algorithm>
#include <cmath>

namespace fulgurite::retrieval {

namespace {

struct Near {
    double distance;
    std::int32_t document;
    bool operator<(const Near& other) const {
        return distance < other.distance || (distance == other.distance && document < other.document);
    }
};

} // namespace

RawSearch searchRaw(std::span<const float> documents, std::span<const float> query, std::size_t heads,
                    std::size_t depth, kernels::ThreadPool& pool) {
    const std::size_t dim = query.size() / heads;
    const std::size_t count = documents.size() / query.size();
    RawSearch result;
    result.scores.resize(heads);
    HeadLists& lists = result.lists;
    lists.heads = heads;
    lists.depth = std::min(depth, count);
    lists.documents.assign(heads * lists.depth, -1);
    lists.distances.assign(heads * lists.depth, 0.0f);
    pool.parallelFor(heads, 1, [&](std::size_t begin, std::size_t end, std::size_t) {
        std::vector<Near> near(count);
        for (std::size_t head = begin; head < end; ++head) {
            const auto q = query.subspan(head * dim, dim);
            const double q_squares = dot(q, q);
            HeadScoreSums sums(1, dim);
            for (std::size_t i = 0; i < count; ++i) {
                const auto row = documents.subspan((i * heads + head) * dim, dim);
                sums.add(row);
                const double lengths = std::sqrt(q_squares * dot(row, row));
                near[i] = {lengths > 0 ? 1.0 - dot(row, q) / lengths : 1.0, static_cast<std::int32_t>(i)};
            }
            result.scores[head] = sums.scores()[0];
            const auto middle = near.begin() + static_cast<std::ptrdiff_t>(lists.depth);
            std::partial_sort(near.begin(), middle, near.end());
            for (std::size_t p = 0; p < lists.depth; ++p) {
                lists.documents[head * lists.depth + p] = near[p].document;
                lists.distances[head * lists.depth + p] = static_cast<float>(near[p].distance);
            }
        }
    });
    std::transform(result.scores.begin(), result.scores.end(), std::back_inserter(lists.scores),
                   [](const HeadScore& score) { return score.score; });
    return result;
}

} // namespace fulgurite::retrieval
