// SPDX-License-Identifier: Apache-2.0
// Binds the drivers of the gradients to the kernels of an instruction set.
#include "kernels/cpu/ops_backward.h"

namespace fulgurite::kernels {

#if defined(__x86_64__)

namespace {

template <const SimdKernels* (*kForward)(), const SimdBackwardKernels* (*kSimd)()>
struct Bound {
    static void linearInput(std::span<const LinearInputGrad> tasks, Queue& q) {
        cpuLinearInput(*kSimd(), tasks, q);
    }
    static void linearWeight(std::span<const LinearWeightGrad> tasks, Queue& q) {
        cpuLinearWeight(*kSimd(), tasks, q);
    }
    static void embed(const EmbedGrad& p, Queue& q) { cpuEmbedGrad(*kForward(), p, q); }
    static void norm(const NormGrad& p, Queue& q) { cpuNormGrad(*kSimd(), p, nullptr, nullptr, q); }
    static void normGate(const NormGateGrad& p, Queue& q) { cpuNormGrad(*kSimd(), p.norm, p.gate, p.dgate, q); }
    static void silu(const SiluGrad& p, Queue& q) { cpuSiluGrad(*kSimd(), p, q); }
    static void swiglu(const SwigluGrad& p, Queue& q) { cpuSwigluGrad(*kSimd(), p, q); }
    static void residual(const ResidualGrad& p, Queue& q) { cpuResidualGrad(*kForward(), p, q); }
    static void softmaxAttention(const SoftmaxAttentionGrad& p, Queue& q) {
        cpuSoftmaxAttentionGrad(*kSimd(), p, q);
    }
    static void lightningAttention(const LightningGrad& p, Queue& q) { cpuLightningGrad(*kSimd(), p, q); }
    static void combine(const CombineGrad& p, Queue& q) { cpuCombineGrad(*kForward(), *kSimd(), p, q); }
    static void scatter(const ScatterGrad& p, Queue& q) { cpuScatterGrad(*kForward(), p, q); }
    static void logProb(const LogProbParams& p, Queue& q) { cpuLogProb(*kSimd(), p, q); }
    static void logProbGrad(const LogProbGrad& p, Queue& q) { cpuLogProbGrad(*kSimd(), p, q); }

    static constexpr BackwardOpTable table(const char* name) {
        return {.name = name,
                .linear_input = linearInput,
                .linear_weight = linearWeight,
                .embed = embed,
                .norm = norm,
                .norm_gate = normGate,
                .silu = silu,
                .swiglu = swiglu,
                .residual = residual,
                .rope = cpuRopeGrad,
                .softmax_attention = softmaxAttention,
                .lightning_attention = lightningAttention,
                .route = cpuRouteGrad,
                .balance = cpuBalanceGrad,
                .combine = combine,
                .scatter = scatter,
                .log_prob = logProb,
                .log_prob_grad = logProbGrad,
                .adam = cpuAdam,
                .square_sum = cpuSquareSum,
                .clear = cpuClear,
                .copy = cpuCopy,
                .round_bf16 = cpuRoundBf16};
    }
};

} // namespace

#endif

const BackwardOpTable& cpuBackwardOps(CpuLevel level) {
#if defined(__x86_64__)
    static constexpr BackwardOpTable kAvx2 = Bound<avx2Kernels, avx2BackwardKernels>::table("AVX2");
    static constexpr BackwardOpTable kAvx512 = Bound<avx512Kernels, avx512BackwardKernels>::table("AVX-512");
    return level == CpuLevel::Avx512 ? kAvx512 : kAvx2;
#else
    (void)level;
    return referenceBackwardOps();
#endif
}

const BackwardOpTable& bestCpuBackwardOps() {
    for (const CpuLevel level : {CpuLevel::Avx512, CpuLevel::Avx2}) {
        if (isSupported(level)) {
            return cpuBackwardOps(level);
        }
    }
    return referenceBackwardOps();
}

} // namespace fulgurite::kernels
