// SPDX-License-Identifier: Apache-2.0
// Closed-form costs of the model: bytes that a decoded token must read, floating-point operations of tokens.
#pragma once

#include "core/model/weights.h"

#include <cstddef>
#include <vector>

namespace fulgurite {

// Bytes of a matrix as it is stored, with its scales.
double storedBytes(const kernels::WeightMatrix& matrix);

// Bytes moved for one decoded token at batch 1 with `context` tokens before it: every weight of the active experts
// and of everything else once, the lightning states read and written, keys and values read.
struct DecodeBytes {
    double weights = 0;
    double state = 0;
    double kv = 0;
    double total() const { return weights + state + kv; }
};
DecodeBytes decodeBytes(const ModelWeights& weights, std::size_t context);

// One matrix product y[m, n] = x[m, k] W^T of a forward pass.
struct ProductShape {
    double m = 0;
    std::size_t n = 0;
    std::size_t k = 0;
};
// All products of a forward pass over `rows` tokens of which `logit_rows` reach the head; experts as if evenly
// loaded.
std::vector<ProductShape> productsOf(const ModelConfig& config, std::size_t rows, std::size_t logit_rows);

// Two operations per multiply-add. `attention`: the cores of both kinds of layers, for `rows` tokens after
// `context` others; the block form of lightning attention computes more than the recurrence, which is what is
// counted here.
double productFlops(const std::vector<ProductShape>& products);
double attentionFlops(const ModelConfig& config, std::size_t context, std::size_t rows);

} // namespace fulgurite
