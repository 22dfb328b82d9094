// SPDX-License-Identifier: Apache-2.0
// The forward formulas in double, written for differentiation by central differences: no float, no state, no pages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace fulgurite::test {

using Values = std::vector<double>;

Values toDoubles(const std::vector<float>& values);
double dotOf(const Values& a, const Values& b);

// x [rows, cols] W^T with W [outputs, cols].
Values linear(const Values& x, const Values& weight, std::size_t rows, std::size_t outputs, std::size_t cols);
Values norm(const Values& x, const Values& weight, std::size_t rows, std::size_t width, double eps);
double sigmoid(double x);
Values silu(Values x);
// x [rows, heads, dim]; positions from 0. Angles are products in float, as the model defines them.
Values rope(Values x, std::size_t rows, std::size_t heads, std::size_t dim, const std::vector<float>& inv_freq);
// q [rows, heads, dim], k and v [rows, kv_heads, dim], causal.
Values softmaxAttention(const Values& q, const Values& k, const Values& v, std::size_t rows, std::size_t heads,
                        std::size_t kv_heads, std::size_t dim);
// qkv [rows, heads, (q, k, v), dim], by the closed form o_t = sum over j <= t of decay^(t - j) (q_t k_j) v_j.
Values lightningAttention(const Values& qkv, std::size_t rows, std::size_t heads, std::size_t dim,
                          const std::vector<float>& rates);
// p = softmax of one row.
Values softmax(const double* logits, std::size_t count);
// The best top_k of one row by falling logit, the lower index first among equals.
std::vector<std::int32_t> bestOf(const double* logits, std::size_t count, std::size_t top_k);

// (f(x + h) - f(x - h)) / 2h in every element. With h = 1e-5, and losses and third derivatives of the order of 10,
// the truncation (h^2 f''' / 6) and the rounding (2^-53 f / h) both stay below 1e-9.
Values centralDifferences(const std::function<double(const Values&)>& f, Values x);
inline constexpr double kDifferenceError = 1e-8;

} // namespace fulgurite::test
