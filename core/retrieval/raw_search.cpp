// SPDX-License-Identifier: Apache-2.0
#include "core/retrieval/raw_search.h"

#include "core/base/error.h"
#include "core/retrieval/raw_loops.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <optional>

namespace fulgurite::retrieval {

namespace {

// The documents are read once, in so many parts whatever the number of threads: sums are then the same on any.
constexpr std::size_t kParts = 64;
struct Near {
    double distance;
    std::int32_t document;
    bool operator<(const Near& other) const {
        return distance < other.distance || (distance == other.distance && document < other.document);
    }
};

class Scan {
  public:
    Scan(std::span<const float> documents, std::span<const float> query, std::size_t heads)
        : documents_(documents),
          query_(query),
          heads_(heads),
          dim_(query.size() / heads),
          count_(documents.size() / query.size()),
          distances_(heads * count_),
          sums_(kParts),
          bad_(kParts) {
        for (std::size_t head = 0; head < heads_; ++head) {
            const float* q = query.data() + head * dim_;
            double square = 0;
            loops_.products(q, q, dim_, &square, &square);
            query_squares_.push_back(square);
        }
    }

    std::size_t count() const { return count_; }

    // Distances, and the part's sums of lengths [heads] and of unit vectors [heads, dim].
    void readPart(std::size_t part) {
        const std::size_t each = (count_ + kParts - 1) / kParts;
        std::vector<double> sums(heads_ * (1 + dim_), 0.0);
        for (std::size_t i = part * each; i < std::min(count_, (part + 1) * each); ++i) {
            for (std::size_t head = 0; head < heads_; ++head) {
                const float* row = documents_.data() + (i * heads_ + head) * dim_;
                double with_query = 0;
                double with_itself = 0;
                loops_.products(row, query_.data() + head * dim_, dim_, &with_query, &with_itself);
                if (!std::isfinite(with_itself) && !bad_[part]) {
                    bad_[part] = i;
                }
                const double lengths = std::sqrt(query_squares_[head] * with_itself);
                distances_[head * count_ + i] = lengths > 0 ? 1.0 - with_query / lengths : 1.0;
                const double length = std::sqrt(with_itself);
                sums[head] += length;
                loops_.add(row, dim_, length > 0 ? 1 / length : 0.0, sums.data() + heads_ + head * dim_);
            }
        }
        sums_[part] = std::move(sums);
    }

    // Of whatever part read it: work on a pool must not throw.
    void requireNumbers() const {
        for (const std::optional<std::size_t>& document : bad_) {
            if (document) {
                fail(ErrorKind::InvalidInput, "document {} holds something that is not a number", *document);
            }
        }
    }

    std::vector<HeadScore> scores() const {
        std::vector<double> saved(1 + heads_ * (1 + dim_), 0.0); // as HeadScoreSums keeps them
        saved[0] = static_cast<double>(count_);
        for (const std::vector<double>& part : sums_) {
            std::transform(part.begin(), part.end(), saved.begin() + 1, saved.begin() + 1, std::plus<>());
        }
        HeadScoreSums sums(heads_, dim_);
        sums.restore(saved);
        return sums.scores();
    }

    void nearestOf(std::size_t head, HeadLists& lists) const {
        std::vector<Near> near(count_);
        for (std::size_t i = 0; i < count_; ++i) {
            near[i] = {distances_[head * count_ + i], static_cast<std::int32_t>(i)};
        }
        std::partial_sort(near.begin(), near.begin() + static_cast<std::ptrdiff_t>(lists.depth), near.end());
        for (std::size_t p = 0; p < lists.depth; ++p) {
            lists.documents[head * lists.depth + p] = near[p].document;
            lists.distances[head * lists.depth + p] = static_cast<float>(near[p].distance);
        }
    }

  private:
    const RawLoops& loops_ = rawLoops();
    std::span<const float> documents_;
    std::span<const float> query_;
    std::size_t heads_;
    std::size_t dim_;
    std::size_t count_;
    std::vector<double> query_squares_;           // [heads]
    std::vector<double> distances_;               // [heads, documents]
    std::vector<std::vector<double>> sums_;       // of each part
    std::vector<std::optional<std::size_t>> bad_; // its first document with a number that is none
};

} // namespace

RawSearch searchRaw(std::span<const float> documents, std::span<const float> query, std::size_t heads,
                    std::size_t depth, kernels::ThreadPool& pool) {
    if (!std::all_of(query.begin(), query.end(), [](float x) { return std::isfinite(x); })) {
        fail(ErrorKind::InvalidInput, "the query holds something that is not a number");
    }
    Scan scan(documents, query, heads);
    pool.parallelFor(kParts, 1, [&](std::size_t begin, std::size_t end, std::size_t) {
        for (std::size_t part = begin; part < end; ++part) {
            scan.readPart(part);
        }
    });
    scan.requireNumbers();
    RawSearch result;
    result.scores = scan.scores();
    HeadLists& lists = result.lists;
    lists.heads = heads;
    lists.depth = std::min(depth, scan.count());
    lists.documents.assign(heads * lists.depth, -1);
    lists.distances.assign(heads * lists.depth, 0.0f);
    pool.parallelFor(heads, 1, [&](std::size_t begin, std::size_t end, std::size_t) {
        for (std::size_t head = begin; head < end; ++head) {
            scan.nearestOf(head, lists);
        }
    });
    std::transform(result.scores.begin(), result.scores.end(), std::back_inserter(lists.scores),
                   [](const HeadScore& score) { return score.score; });
    return result;
}

} // namespace fulgurite::retrieval
