// SPDX-License-Identifier: Apache-2.0
// Chooses an instruction set at run time and binds the drivers to its kernels.
#include "kernels/cpu/ops_cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace fulgurite::kernels {

namespace {

// One set of plain functions per instruction set: the table holds function pointers without state.
template <const SimdKernels* (*kSimd)()>
struct Bound {
    static void linear(std::span<const LinearTask> tasks, Queue& q) { cpuLinear(*kSimd(), tasks, q); }
    static void embed(const EmbedParams& p, Queue& q) { cpuEmbed(*kSimd(), p, q); }
    static void norm(const NormParams& p, Queue& q) { cpuNorm(*kSimd(), {.norm = p}, q); }
    static void normGate(const NormGateParams& p, Queue& q) { cpuNorm(*kSimd(), p, q); }
    static void sumSquares(const SumSquaresParams& p, Queue& q) { cpuSumSquares(*kSimd(), p, q); }
    static void silu(float* x, std::size_t count, Queue& q) { cpuSilu(*kSimd(), x, count, q); }
    static void swiglu(const SwigluParams& p, Queue& q) { cpuSwiglu(*kSimd(), p, q); }
    static void residual(const ResidualParams& p, Queue& q) { cpuResidual(*kSimd(), p, q); }
    static void softmaxAttention(const SoftmaxAttentionParams& p, Queue& q) { cpuSoftmaxAttention(*kSimd(), p, q); }
    static void lightningAttention(const LightningParams& p, Queue& q) { cpuLightningAttention(*kSimd(), p, q); }
    static void combine(const CombineParams& p, Queue& q) { cpuCombine(*kSimd(), p, q); }

    static constexpr OpTable table(const char* name) {
        return {.name = name,
                .linear = linear,
                .embed = embed,
                .norm = norm,
                .norm_gate = normGate,
                .sum_squares = sumSquares,
                .silu = silu,
                .swiglu = swiglu,
                .residual = residual,
                .rope = cpuRope,
                .kv_store = cpuKvStore,
                .softmax_attention = softmaxAttention,
                .lightning_attention = lightningAttention,
                .route = cpuRoute,
                .gather = cpuGather,
                .combine = combine};
    }
};

#if defined(__x86_64__)
// Clang 14 knows no name for this one.
bool supportsF16c() {
    unsigned eax = 0;
    unsigned ebx = 0;
    unsigned ecx = 0;
    unsigned edx = 0;
    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}
#endif

} // namespace

const char* nameOf(CpuLevel level) { return level == CpuLevel::Avx512 ? "AVX-512" : "AVX2"; }

bool isSupported(CpuLevel level) {
#if defined(__x86_64__)
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && supportsF16c();
    if (level == CpuLevel::Avx2) {
        return avx2;
    }
    return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
#else
    (void)level;
    return false;
#endif
}

const OpTable& cpuOps(CpuLevel level) {
#if defined(__x86_64__)
    static constexpr OpTable kAvx2 = Bound<avx2Kernels>::table("AVX2");
    static constexpr OpTable kAvx512 = Bound<avx512Kernels>::table("AVX-512");
    return level == CpuLevel::Avx512 ? kAvx512 : kAvx2;
#else
    (void)level;
    return referenceOps();
#endif
}

const OpTable& bestCpuOps() {
    for (const CpuLevel level : {CpuLevel::Avx512, CpuLevel::Avx2}) {
        if (isSupported(level)) {
            return cpuOps(level);
        }
    }
    return referenceOps();
}

} // namespace fulgurite::kernels
