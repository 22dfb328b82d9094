// SPDX-License-Identifier: Apache-2.0
// The direction of Muon: a matrix of momentum replaced by the nearest one whose singular values are alike, so that
// rare directions are learned as fast as common ones. Source: Jordan et al., "Muon: An optimizer for hidden layers
// in neural networks", 2024 (five Newton-Schulz steps with the coefficients 3.4445, -4.7750, 2.0315).
#pragma once

#include "core/train/parameters.h"
#include "kernels/bf16_products.h"
#include "kernels/pool.h"

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace fulgurite {

// One matrix within an array of a layout. Row r lies at offset + (r / group * stride + r % group) * cols: a fused
// projection holds several matrices, whose rows take turns in groups.
struct MatrixPlace {
    std::size_t offset = 0;
    std::size_t rows = 0;
    std::size_t cols = 0;
    std::size_t group = 0;  // rows
    std::size_t stride = 0; // rows, between the beginnings of groups

    std::size_t rowAt(std::size_t row) const { return offset + (row / group * stride + row % group) * cols; }
};

// The matrices of the layers: projections (query, key and value apart) and experts. Embedding, head, routers and
// norms are none.
std::vector<MatrixPlace> layerMatrices(const ModelConfig& config, const ModelSlots& slots);

class OrthogonalUpdate {
  public:
    // `products` are those of inputs in float32 or rounded to bfloat16. The result does not depend on the pool.
    OrthogonalUpdate(std::vector<MatrixPlace> matrices, const kernels::ProductTable& products);
    ~OrthogonalUpdate();
    OrthogonalUpdate(OrthogonalUpdate&&) noexcept;
    OrthogonalUpdate& operator=(OrthogonalUpdate&&) noexcept;

    std::span<const MatrixPlace> matrices() const { return matrices_; }

    struct Rates {
        float momentum = 0; // mu
        float rate = 0;
        float decay = 0; // of the weights, the rate included
    };
    // For each matrix with gradient G, m <- mu m + (1 - mu) G, and W <- (1 - decay) W - rate * sqrt(max(1, rows /
    // cols)) * orthogonal(mu m + (1 - mu) G). All arrays are of the layout; nothing else in them is touched.
    void step(std::span<float> weights, std::span<const float> gradients, std::span<float> momentum,
              const Rates& rates, kernels::ThreadPool& pool);

  private:
    struct Worker;
    std::vector<MatrixPlace> matrices_;
    kernels::ProductTable products_;
    std::vector<std::unique_ptr<Worker>> workers_; // one for each of the pool's
};

} // namespace fulgurite
