// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/ops_backward_cuda.h"
#include "kernels/device_training.h"

// What kernels/device_training.cpp looks up.
extern "C" __attribute__((visibility("default"))) const fulgurite::kernels::DeviceTraining*
fulgurite_device_training() {
    using namespace fulgurite::kernels;
    static constexpr BackwardOpTable gradients{.name = "cuda",
                                               .linear_input = cuda::linearInputGrad,
                                               .linear_weight = cuda::linearWeightGrad,
                                               .embed = cuda::embedGrad,
                                               .norm = cuda::normGrad,
                                               .norm_gate = cuda::normGateGrad,
                                               .silu = cuda::siluGrad,
                                               .swiglu = cuda::swigluGrad,
                                               .residual = cuda::residualGrad,
                                               .rope = cuda::ropeGrad,
                                               .softmax_attention = cuda::softmaxAttentionGrad,
                                               .lightning_attention = cuda::lightningGrad,
                                               .route = cuda::routeGrad,
                                               .balance = cuda::balanceGrad,
                                               .combine = cuda::combineGrad,
                                               .scatter = cuda::scatterGrad,
                                               .log_prob = cuda::logProb,
                                               .log_prob_grad = cuda::logProbGrad,
                                               .adam = cuda::adam,
                                               .square_sum = cuda::squareSum,
                                               .clear = cuda::clear,
                                               .copy = cuda::copy,
                                               .round_bf16 = cuda::roundBf16};
    static constexpr ProductTable rounded{"cuda", cuda::roundedLinear, cuda::roundedLinearInputGrad,
                                          cuda::roundedLinearWeightGrad};
    static const DeviceTraining training{kTrainingInterface, &gradients, &rounded};
    return &training;
}
