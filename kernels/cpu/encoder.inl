// SPDX-License-Identifier: Apache-2.0
// Layer norm and the activations of encoders. Kernel body: included once per instruction set after math.inl.

namespace {

float sumOf(const float* x, std::size_t width) {
    V parts[4] = {Simd::zero(), Simd::zero(), Simd::zero(), Simd::zero()};
    std::size_t group = 0;
    forVectors(width, [&](std::size_t i, std::size_t lanes) {
        parts[group] = Simd::add(parts[group], loadUpTo(x + i, lanes));
        group = (group + 1) % 4;
    });
    return Simd::sum(Simd::add(Simd::add(parts[0], parts[1]), Simd::add(parts[2], parts[3])));
}

// Two passes, so that a large mean does not cancel the variance away; the centred row lies in `out` between them.
void layerNormRows(const float* x, const float* weight, const float* bias, float* out, std::size_t rows,
                   std::size_t width, float eps) {
    for (std::size_t r = 0; r < rows; ++r, x += width, out += width) {
        const V mean = Simd::set1(sumOf(x, width) / static_cast<float>(width));
        forVectors(width, [&](std::size_t i, std::size_t lanes) {
            storeUpTo(out + i, Simd::sub(loadUpTo(x + i, lanes), mean), lanes);
        });
        const float variance = sumOfSquares(out, width) / static_cast<float>(width);
        const V scale = Simd::set1(1.0f / __builtin_sqrtf(variance + eps));
        forVectors(width, [&](std::size_t i, std::size_t lanes) {
            const V v = Simd::mul(loadUpTo(out + i, lanes), scale);
            storeUpTo(out + i, Simd::fma(v, loadUpTo(weight + i, lanes), loadUpTo(bias + i, lanes)), lanes);
        });
    }
}

// x Phi(x) = max(x, 0) - |x| / 2 * erfc(|x| / sqrt 2), and erfc(z) = exp(-z^2) P(t) with t = 1 / (1 + 0.4 z). P
// interpolates at the Chebyshev points of t for z in [0, 6.7]; the product is within 5.1e-9 of erfc there, and
// beyond it exp(-z^2) is below 4e-20.
inline V geluV(V x) {
    const V magnitude = Simd::max(x, Simd::sub(Simd::zero(), x));
    const V z = Simd::mul(magnitude, Simd::set1(0.707106781f));
    const V t = Simd::div(Simd::set1(1.0f), Simd::fma(z, Simd::set1(0.4f), Simd::set1(1.0f)));
    V p = Simd::set1(0.086421732f);
    for (const float c : {-0.457550778f, 0.824771894f, -0.548958638f, 0.542012f, 0.076348491f, 0.254744697f,
                          0.222009605f, 0.000201002336f}) {
        p = Simd::fma(p, t, Simd::set1(c));
    }
    const V erfc = Simd::mul(p, expV(Simd::sub(Simd::zero(), Simd::mul(z, z))));
    return Simd::sub(Simd::max(x, Simd::zero()), Simd::mul(Simd::mul(magnitude, Simd::set1(0.5f)), erfc));
}

template <class Function>
inline void overBiased(float* x, const float* bias, std::size_t width, const Function& function) {
    forVectors(width, [&](std::size_t i, std::size_t lanes) {
        storeUpTo(x + i, function(Simd::add(loadUpTo(x + i, lanes), loadUpTo(bias + i, lanes))), lanes);
    });
}

void addBiasRow(float* x, const float* bias, std::size_t width) {
    overBiased(x, bias, width, [](V v) { return v; });
}

void biasGeluRow(float* x, const float* bias, std::size_t width) {
    overBiased(x, bias, width, [](V v) { return geluV(v); });
}

void biasQuickGeluRow(float* x, const float* bias, std::size_t width) {
    overBiased(x, bias, width, [](V v) { return Simd::mul(v, sigmoidV(Simd::mul(v, Simd::set1(1.702f)))); });
}

constexpr SimdEncoderKernels kEncoderTable{.layer_norm_rows = layerNormRows,
                                           .add_bias = addBiasRow,
                                           .bias_gelu = biasGeluRow,
                                           .bias_quick_gelu = biasQuickGeluRow};

} // namespace
