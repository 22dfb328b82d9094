// SPDX-License-Identifier: Apache-2.0
#include "core/retrieval/head_scores.h"

#include "core/base/error.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace fulgurite::retrieval {

double dot(std::span<const float> a, std::span<const float> b) {
    // Each product in double as well: std::inner_product would round it to float32 first.
    return std::transform_reduce(a.begin(), a.end(), b.begin(), 0.0, std::plus<>(),
                                 [](double x, double y) { return x * y; });
}

namespace {

double lengthOf(std::span<const float> vector) {
    return std::sqrt(dot(vector, vector));
}

} // namespace

float toUnit(std::span<const float> vector, float* out) {
    const double length = lengthOf(vector);
    std::transform(vector.begin(), vector.end(), out,
                   [=](float x) { return length > 0 ? static_cast<float>(x / length) : 0.0f; });
    return static_cast<float>(length);
}

HeadScoreSums::HeadScoreSums(std::size_t heads, std::size_t head_dim)
    : heads_(heads), dim_(head_dim), norms_(heads, 0.0), units_(heads * head_dim, 0.0) {}

void HeadScoreSums::accumulate(std::span<const float> vectors, int sign) {
    for (std::size_t head = 0; head < heads_; ++head) {
        const auto vector = vectors.subspan(head * dim_, dim_);
        const double length = lengthOf(vector);
        norms_[head] += sign * length;
        for (std::size_t d = 0; d < dim_ && length > 0; ++d) {
            units_[head * dim_ + d] += sign * (vector[d] / length);
        }
    }
    count_ = sign > 0 ? count_ + 1 : count_ - 1;
}

void HeadScoreSums::accumulateUnit(std::span<const float> units, std::span<const float> norms, int sign) {
    for (std::size_t head = 0; head < heads_; ++head) {
        norms_[head] += sign * static_cast<double>(norms[head]);
        for (std::size_t d = 0; d < dim_; ++d) {
            units_[head * dim_ + d] += sign * static_cast<double>(units[head * dim_ + d]);
        }
    }
    count_ = sign > 0 ? count_ + 1 : count_ - 1;
}

std::vector<HeadScore> HeadScoreSums::scores() const {
    std::vector<HeadScore> scores(heads_);
    if (count_ == 0) {
        return scores;
    }
    const auto count = static_cast<double>(count_);
    for (std::size_t head = 0; head < heads_; ++head) {
        double squares = 0;
        for (std::size_t d = 0; d < dim_; ++d) {
            const double mean = units_[head * dim_ + d] / count;
            squares += mean * mean;
        }
        HeadScore& score = scores[head];
        score.norm = norms_[head] / count;
        score.spread = std::max(0.0, 1.0 - squares);
        score.score = score.norm * score.spread;
    }
    return scores;
}

std::vector<double> HeadScoreSums::save() const {
    std::vector<double> saved{static_cast<double>(count_)};
    saved.insert(saved.end(), norms_.begin(), norms_.end());
    saved.insert(saved.end(), units_.begin(), units_.end());
    return saved;
}

void HeadScoreSums::restore(std::span<const double> saved) {
    if (saved.size() != 1 + norms_.size() + units_.size()) {
        fail(ErrorKind::Corrupt, "saved head scores have {} numbers, expected {}", saved.size(),
             1 + norms_.size() + units_.size());
    }
    count_ = static_cast<std::size_t>(saved[0]);
    std::copy_n(saved.begin() + 1, norms_.size(), norms_.begin());
    std::copy(saved.begin() + 1 + static_cast<std::ptrdiff_t>(norms_.size()), saved.end(), units_.begin());
}

} // namespace fulgurite::retrieval
