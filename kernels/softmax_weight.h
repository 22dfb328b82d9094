// SPDX-License-Identifier: Apache-2.0
// The arithmetic of a softmax over a vocabulary, in operations that have the same bits on every processor and GPU:
// float32 multiplications and additions, none of them fused, and sums in a fixed order. So what is sampled does not
// depend on where it is.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

// Always inline: a call in the middle of a loop would keep compilers from vectorising it.
#ifdef __CUDACC__
#define FG_EVERYWHERE __host__ __device__ __forceinline__
#else
#define FG_EVERYWHERE [[gnu::always_inline]] inline
#endif

namespace fulgurite::kernels {

// Sums are made of chunks of the vocabulary: in each, lane j adds the elements j, j + 16, j + 32 ... in this order,
// then the lanes are added in order. So are the chunks of a block, and the blocks.
inline constexpr std::size_t kSumLanes = 16;
inline constexpr std::size_t kSumChunk = 512;
inline constexpr std::size_t kSumBlock = 16 * kSumChunk;

// exp(x) is taken for 0 from here down.
inline constexpr float kSmallestExponent = -87.0f;

FG_EVERYWHERE float timesRounded(float a, float b) {
#ifdef __CUDA_ARCH__
    return __fmul_rn(a, b);
#else
    return a * b;
#endif
}

FG_EVERYWHERE float plusRounded(float a, float b) {
#ifdef __CUDA_ARCH__
    return __fadd_rn(a, b);
#else
    return a + b;
#endif
}

FG_EVERYWHERE float overRounded(float a, float b) {
#ifdef __CUDA_ARCH__
    return __fdiv_rn(a, b);
#else
    return a / b;
#endif
}

FG_EVERYWHERE double plusRounded(double a, double b) {
#ifdef __CUDA_ARCH__
    return __dadd_rn(a, b);
#else
    return a + b;
#endif
}

// exp(x) for -87 <= x <= 0 to 2 units in the last place, free of branches so that compilers vectorise it.
// Cody-Waite reduction x = n ln 2 + r, then a polynomial on r. NaN stays NaN.
FG_EVERYWHERE float expOfNegative(float x) {
    constexpr float kMagic = 12582912.0f; // 1.5 * 2^23: adding it rounds to an integer
    const float shifted = plusRounded(timesRounded(x, 1.44269504f), kMagic);
    const float n = plusRounded(shifted, -kMagic);
    const float r = plusRounded(plusRounded(x, -timesRounded(n, 0.693359375f)), timesRounded(n, 2.12194440e-4f));
    float p = 1.9875691500e-4f;
    p = plusRounded(timesRounded(p, r), 1.3981999507e-3f);
    p = plusRounded(timesRounded(p, r), 8.3334519073e-3f);
    p = plusRounded(timesRounded(p, r), 4.1665795894e-2f);
    p = plusRounded(timesRounded(p, r), 1.6666665459e-1f);
    p = plusRounded(timesRounded(p, r), 5.0000001201e-1f);
    p = plusRounded(plusRounded(timesRounded(timesRounded(p, r), r), r), 1.0f);
    const std::uint32_t exponent = std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(kMagic);
    return timesRounded(p, std::bit_cast<float>((exponent + 127u) << 23));
}

// The weight of a logit, and its exponent for the entropy; both 0 where the weight is.
struct SoftmaxWeight {
    float weight;
    float exponent;
};
FG_EVERYWHERE SoftmaxWeight softmaxWeightOf(float logit, float max, float scale) {
    const float x = timesRounded(plusRounded(logit, -max), scale);
    return x < kSmallestExponent ? SoftmaxWeight{0.0f, 0.0f} : SoftmaxWeight{expOfNegative(x), x};
}

// What differences of logits are multiplied with. 1 / temperature is infinite for the smallest temperatures, and the
// difference of the best logit to itself is 0.
inline float softmaxScale(float temperature) {
    return std::fmin(1.0f / temperature, std::numeric_limits<float>::max());
}

// A logit after what a request asks for: `bias`, and for a token that was seen before the penalties, of which two
// count only what was generated.
FG_EVERYWHERE float penalisedLogit(float logit, float repetition, float presence, float frequency, int generated) {
    logit = logit > 0 ? overRounded(logit, repetition) : timesRounded(logit, repetition);
    if (generated > 0) {
        logit = plusRounded(logit, -plusRounded(presence, timesRounded(frequency, static_cast<float>(generated))));
    }
    return logit;
}

// Of parts that lie side by side, the first whose end is beyond `mass`, which becomes what is left of it there.
// Where rounding has left it beyond all of them, the last part that is above 0, and `mass` becomes infinite; -1
// when none is.
template <class SumAt>
FG_EVERYWHERE int partAtMass(int count, double& mass, SumAt sumAt) {
    int last = -1;
    for (int i = 0; i < count; ++i) {
        const double sum = sumAt(i);
        if (mass < sum) {
            return i;
        }
        last = sum > 0 ? i : last;
        mass = plusRounded(mass, -sum);
    }
    mass = static_cast<double>(INFINITY);
    return last;
}

} // namespace fulgurite::kernels
