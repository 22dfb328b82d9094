// SPDX-License-Identifier: Apache-2.0
// The importance score of each head over a collection, kept current in closed form: vectors come and go one by one.
//
// Besta et al. 2024, for head i over vectors v_1..v_N of that head:  a_i = mean of |v|,  b_i = mean over pairs of
// the cosine distance,  s_i = a_i b_i. With unit vectors u and their mean m, b_i = 1 - |m|^2 over all N^2 ordered
// pairs, each vector with itself among them, as the authors' program counts; over pairs of different vectors it is
// N / (N - 1) times that. The cosine distance of a zero vector to any vector is taken as 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace fulgurite::retrieval {

struct HeadScore {
    double norm = 0;   // a: how strongly the head fires
    double spread = 0; // b, self pairs included
    double score = 0;  // a * b
};

class HeadScoreSums {
  public:
    HeadScoreSums(std::size_t heads, std::size_t head_dim);

    std::size_t heads() const { return heads_; }
    std::size_t headDim() const { return dim_; }
    std::size_t count() const { return count_; }

    // vectors: [heads, head_dim] of one text.
    void add(std::span<const float> vectors) { accumulate(vectors, 1); }
    void remove(std::span<const float> vectors) { accumulate(vectors, -1); }
    // The same, given as unit vectors (zero for a zero vector) and their lengths [heads].
    void addUnit(std::span<const float> units, std::span<const float> norms) { accumulateUnit(units, norms, 1); }
    void removeUnit(std::span<const float> units, std::span<const float> norms) {
        accumulateUnit(units, norms, -1);
    }

    // [heads]; zeros while there is no vector.
    std::vector<HeadScore> scores() const;

    // For the store: count, then sums of norms [heads], then sums of unit vectors [heads, head_dim].
    std::vector<double> save() const;
    // Throws Error{Corrupt} when the length does not fit.
    void restore(std::span<const double> saved);

  private:
    void accumulate(std::span<const float> vectors, int sign);
    void accumulateUnit(std::span<const float> units, std::span<const float> norms, int sign);

    std::size_t heads_;
    std::size_t dim_;
    std::size_t count_ = 0;
    std::vector<double> norms_; // [heads]
    std::vector<double> units_; // [heads, head_dim]
};

// The inner product in double.
double dot(std::span<const float> a, std::span<const float> b);

// out = v / |v|, zero for a zero vector; returns |v|. In place is fine.
float toUnit(std::span<const float> vector, float* out);

} // namespace fulgurite::retrieval
