// SPDX-License-Identifier: Apache-2.0
// What the heads of a collection tell apart, and how their spaces look from afar.
#include "core/base/error.h"
#include "core/retrieval/collection_store.h"
#include "core/retrieval/collections.h"
#include "core/retrieval/space_views.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace fulgurite::retrieval {

namespace {

constexpr int kPowerSteps = 64; // of the iteration for one principal direction; it ends early once it stands still
constexpr double kStandsStill = 1e-10;

// The share of pairs (with the label, without) in which the former has the higher score; ties count half. Mann and
// Whitney's U over the number of pairs.
double areaUnderCurve(std::span<const double> scores, std::span<const std::uint8_t> positive) {
    std::vector<std::size_t> order(scores.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });
    double rank_sum = 0;
    double positives = 0;
    for (std::size_t begin = 0; begin < order.size();) {
        std::size_t end = begin;
        while (end < order.size() && scores[order[end]] == scores[order[begin]]) {
            ++end;
        }
        const double rank = 0.5 * static_cast<double>(begin + 1 + end); // of all that tie, from 1
        for (std::size_t i = begin; i < end; ++i) {
            rank_sum += positive[order[i]] != 0 ? rank : 0;
            positives += positive[order[i]] != 0 ? 1 : 0;
        }
        begin = end;
    }
    const double others = static_cast<double>(order.size()) - positives;
    return positives == 0 || others == 0 ? 0.5
                                         : (rank_sum - positives * (positives + 1) / 2) / (positives * others);
}

// y = X^T X x for centred rows X [rows, width]; the centring is done on the fly.
void applyCovariance(std::span<const float> rows, std::span<const double> mean, std::span<const double> x,
                     std::vector<double>& y) {
    const std::size_t width = x.size();
    std::fill(y.begin(), y.end(), 0.0);
    const double mean_dot = std::inner_product(mean.begin(), mean.end(), x.begin(), 0.0);
    double weights = 0;
    for (std::size_t at = 0; at < rows.size(); at += width) {
        double along = -mean_dot;
        for (std::size_t d = 0; d < width; ++d) {
            along += rows[at + d] * x[d];
        }
        weights += along;
        for (std::size_t d = 0; d < width; ++d) {
            y[d] += along * rows[at + d];
        }
    }
    for (std::size_t d = 0; d < width; ++d) {
        y[d] -= weights * mean[d];
    }
}

double lengthOf(std::span<const double> x) {
    return std::sqrt(std::inner_product(x.begin(), x.end(), x.begin(), 0.0));
}

} // namespace

std::vector<Separation> separationsOf(std::span<const float> units, std::size_t width,
                                      std::span<const std::int32_t> labels, std::size_t label_count) {
    const std::size_t count = labels.size();
    std::vector<double> sums(label_count * width, 0.0);
    std::vector<std::size_t> sizes(label_count, 0);
    for (std::size_t i = 0; i < count; ++i) {
        if (labels[i] < 0) {
            continue;
        }
        const auto label = static_cast<std::size_t>(labels[i]);
        ++sizes[label];
        for (std::size_t d = 0; d < width; ++d) {
            sums[label * width + d] += units[i * width + d];
        }
    }
    std::vector<Separation> result(label_count);
    std::vector<double> scores(count);
    std::vector<std::uint8_t> positive(count);
    for (std::size_t label = 0; label < label_count; ++label) {
        const double* sum = &sums[label * width];
        for (std::size_t i = 0; i < count; ++i) {
            const float* unit = &units[i * width];
            const bool own = labels[i] == static_cast<std::int32_t>(label);
            double along = 0;
            double squares = 0;
            for (std::size_t d = 0; d < width;
                 ++d) { // the label's mean without the document itself, up to its length
                const double other = sum[d] - (own ? static_cast<double>(unit[d]) : 0.0);
                along += other * unit[d];
                squares += other * other;
            }
            scores[i] = squares > 0 ? along / std::sqrt(squares) : 0.0;
            positive[i] = own ? 1 : 0;
        }
        result[label].auc = areaUnderCurve(scores, positive);
        result[label].documents = sizes[label];
    }
    return result;
}

PrincipalPlane principalPlane(std::span<const float> rows, std::size_t width) {
    PrincipalPlane plane;
    const std::size_t count = rows.size() / width;
    plane.mean.assign(width, 0.0);
    double total = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        plane.mean[i % width] += rows[i] / static_cast<double>(count);
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const double from_mean = rows[i] - plane.mean[i % width];
        total += from_mean * from_mean;
    }
    std::vector<double> next(width);
    for (std::size_t axis = 0; axis < 2; ++axis) {
        // A start that no symmetry of the data is likely to be orthogonal to, the same every time.
        std::vector<double>& x = plane.axes[axis];
        x.resize(width);
        for (std::size_t d = 0; d < width; ++d) {
            x[d] = std::sin(1.0 + static_cast<double>((d + 1) * (axis + 1)));
        }
        double value = 0;
        for (int step = 0; step < kPowerSteps; ++step) {
            const auto deflate = [&](std::vector<double>& v) {
                if (axis == 1) {
                    const std::vector<double>& first = plane.axes[0];
                    const double along = std::inner_product(v.begin(), v.end(), first.begin(), 0.0);
                    std::transform(v.begin(), v.end(), first.begin(), v.begin(),
                                   [=](double a, double b) { return a - along * b; });
                }
            };
            deflate(x);
            const double length = lengthOf(x);
            if (!(length > 0)) {
                break;
            }
            std::transform(x.begin(), x.end(), x.begin(), [=](double a) { return a / length; });
            applyCovariance(rows, plane.mean, x, next);
            deflate(next);
            const double before = value;
            value = lengthOf(next);
            if (!(value > 0)) {
                break;
            }
            std::swap(x, next);
            if (std::abs(value - before) <= kStandsStill * value) {
                break;
            }
        }
        const double length = lengthOf(x);
        for (double& a : x) {
            a = length > 0 ? a / length : 0.0;
        }
        plane.explained[axis] = total > 0 ? value / total : 0.0;
    }
    return plane;
}

std::array<float, 2> PrincipalPlane::project(std::span<const float> row) const {
    std::array<float, 2> place{};
    for (std::size_t axis = 0; axis < 2; ++axis) {
        double along = 0;
        for (std::size_t d = 0; d < row.size(); ++d) {
            along += (row[d] - mean[d]) * axes[axis][d];
        }
        place[axis] = static_cast<float>(along);
    }
    return place;
}

HeadStatistics Collections::heads(const std::string& collection, int layer, kernels::ThreadPool& pool) {
    const auto index = this->index(collection);
    const CollectionInfo& info = index->info();
    const Space& space = index->space(headSpace(layer < 0 ? info.embedder.layers.front() : layer));
    HeadStatistics statistics;
    statistics.scores = index->scores(space);
    statistics.separates.resize(space.heads);
    if (info.labels.empty()) {
        return statistics;
    }
    std::vector<std::int32_t> labels(index->documents(), -1);
    {
        const std::lock_guard lock(store_->mutex);
        Statement select = store_->database().prepare(
            "SELECT id, label FROM documents WHERE collection = ? AND label <> '' ORDER BY id");
        select.bind(store_->idOf(info.id));
        const std::vector<std::int64_t>& ids = index->documentIds();
        while (select.step()) {
            const auto at = std::lower_bound(ids.begin(), ids.end(), select.integer(0));
            const auto label = std::lower_bound(info.labels.begin(), info.labels.end(), select.text(1));
            if (at != ids.end() && *at == select.integer(0) && label != info.labels.end()) {
                labels[static_cast<std::size_t>(at - ids.begin())] =
                    static_cast<std::int32_t>(label - info.labels.begin());
            }
        }
    }
    const Space& standard = index->spaces().front();
    const std::vector<Separation> in_standard =
        separationsOf(index->firstChunks(standard, 0), standard.width, labels, info.labels.size());
    pool.parallelFor(space.heads, 1, [&](std::size_t begin, std::size_t end, std::size_t) {
        for (std::size_t head = begin; head < end; ++head) {
            std::vector<Separation> all =
                separationsOf(index->firstChunks(space, head), space.width, labels, info.labels.size());
            for (std::size_t label = 0; label < all.size(); ++label) {
                all[label].label = info.labels[label];
                all[label].standard_auc = in_standard[label].auc;
            }
            std::stable_sort(all.begin(), all.end(),
                             [](const Separation& a, const Separation& b) { return a.auc > b.auc; });
            statistics.separates[head] = std::move(all);
        }
    });
    return statistics;
}

std::vector<Projection> Collections::project(const std::string& collection, int layer, std::span<const int> heads,
                                             const std::string& query, Embedder* embedder,
                                             kernels::ThreadPool& pool) {
    const auto index = this->index(collection);
    const EmbedderInfo& info = index->info().embedder;
    const Space& space = index->space(headSpace(layer < 0 ? info.layers.front() : layer));
    std::optional<TextVectors> vectors;
    if (!query.empty() && embedder != nullptr) {
        vectors = embedder->embed(std::span(&query, 1)).front();
    }
    std::vector<Projection> projections(heads.size());
    for (const int head : heads) {
        if (head < -1 || head >= static_cast<int>(space.heads)) {
            fail(ErrorKind::InvalidInput, "there is no head {}; the layer has {}, numbered from 0", head,
                 space.heads);
        }
    }
    pool.parallelFor(heads.size(), 1, [&](std::size_t begin, std::size_t end, std::size_t) {
        for (std::size_t i = begin; i < end; ++i) {
            const Space& own = heads[i] < 0 ? index->spaces().front() : space;
            const std::size_t head = heads[i] < 0 ? 0 : static_cast<std::size_t>(heads[i]);
            const std::vector<float> rows = index->firstChunks(own, head);
            const PrincipalPlane plane = principalPlane(rows, own.width);
            Projection& projection = projections[i];
            projection.head = heads[i];
            projection.explained = plane.explained;
            for (std::size_t at = 0; at < rows.size(); at += own.width) {
                const auto place = plane.project(std::span(rows).subspan(at, own.width));
                projection.x.push_back(place[0]);
                projection.y.push_back(place[1]);
            }
            if (vectors) {
                const UnitVectors unit = unitVectors(own, info, *vectors);
                projection.query = plane.project(std::span(unit.units).subspan(head * own.width, own.width));
            }
        }
    });
    return projections;
}

} // namespace fulgurite::retrieval
