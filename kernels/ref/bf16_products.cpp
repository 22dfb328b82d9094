// SPDX-License-Identifier: Apache-2.0
#include "kernels/bf16_products.h"

#include "kernels/dtype.h"

namespace fulgurite::kernels {

namespace {

double rounded(float x) {
    return static_cast<double>(bf16ToFloat(floatToBf16(x)));
}

void linear(std::span<const LinearTask> tasks, Queue&) {
    for (const LinearTask& t : tasks) {
        const auto* weight = static_cast<const float*>(t.weight.data);
        for (std::size_t m = 0; m < t.m_rows; ++m) {
            for (std::size_t n = 0; n < t.weight.rows; ++n) {
                double sum = 0;
                for (std::size_t k = 0; k < t.weight.cols; ++k) {
                    sum += rounded(t.x[m * t.x_stride + k]) * rounded(weight[n * t.weight.cols + k]);
                }
                t.y[m * t.y_stride + n] = static_cast<float>(sum);
            }
        }
    }
}

void linearInput(std::span<const LinearInputGrad> tasks, Queue&) {
    for (const LinearInputGrad& t : tasks) {
        for (std::size_t m = 0; m < t.m_rows; ++m) {
            for (std::size_t k = 0; k < t.weight_cols; ++k) {
                float& dx = t.dx[m * t.dx_stride + k];
                double sum = t.add ? static_cast<double>(dx) : 0.0;
                for (std::size_t n = 0; n < t.weight_rows; ++n) {
                    sum += rounded(t.dy[m * t.dy_stride + n]) * rounded(t.weight[n * t.weight_cols + k]);
                }
                dx = static_cast<float>(sum);
            }
        }
    }
}

void linearWeight(std::span<const LinearWeightGrad> tasks, Queue&) {
    for (const LinearWeightGrad& t : tasks) {
        for (std::size_t n = 0; n < t.weight_rows; ++n) {
            for (std::size_t k = 0; k < t.weight_cols; ++k) {
                float& dweight = t.dweight[n * t.weight_cols + k];
                double sum = static_cast<double>(dweight);
                for (std::size_t m = 0; m < t.m_rows; ++m) {
                    sum += rounded(t.dy[m * t.dy_stride + n]) * rounded(t.x[m * t.x_stride + k]);
                }
                dweight = static_cast<float>(sum);
            }
        }
    }
}

} // namespace

const ProductTable& referenceBf16Products() {
    static constexpr ProductTable kTable{"reference bf16", linear, linearInput, linearWeight};
    return kTable;
}

} // namespace fulgurite::kernels
