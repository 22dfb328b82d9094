// SPDX-License-Identifier: Apache-2.0
// Gradients of what treats elements and rows one by one. Kernel body: included once per instruction set after
// math.inl.

namespace {

// The derivative of x sigmoid(x), given s = sigmoid(x).
inline V siluSlopeV(V x, V s) {
    const V one = Simd::set1(1.0f);
    return Simd::mul(s, Simd::fma(x, Simd::sub(one, s), one));
}

void siluGrad(const float* x, const float* dout, float* dx, std::size_t count) {
    forVectors(count, [&](std::size_t i, std::size_t lanes) {
        const V v = loadUpTo(x + i, lanes);
        storeUpTo(dx + i, Simd::mul(loadUpTo(dout + i, lanes), siluSlopeV(v, sigmoidV(v))), lanes);
    });
}

void swigluGrad(const float* gate, const float* up, const float* dout, float* dgate, float* dup,
                std::size_t count) {
    forVectors(count, [&](std::size_t i, std::size_t lanes) {
        const V g = loadUpTo(gate + i, lanes);
        const V s = sigmoidV(g);
        const V d = loadUpTo(dout + i, lanes);
        const V u = loadUpTo(up + i, lanes);
        storeUpTo(dgate + i, Simd::mul(Simd::mul(d, u), siluSlopeV(g, s)), lanes);
        storeUpTo(dup + i, Simd::mul(d, Simd::mul(g, s)), lanes);
    });
}

float dotOf(const float* a, const float* b, std::size_t count) {
    V parts[2] = {Simd::zero(), Simd::zero()};
    std::size_t which = 0;
    forVectors(count, [&](std::size_t i, std::size_t lanes) {
        parts[which] = Simd::fma(loadUpTo(a + i, lanes), loadUpTo(b + i, lanes), parts[which]);
        which ^= 1;
    });
    return Simd::sum(Simd::add(parts[0], parts[1]));
}

// One row; `dout` is what reaches the norm itself (for a gated one, dout sigmoid(gate)).
inline void normRowGrad(const NormRowsGrad& p, std::size_t offset, float scale) {
    const std::size_t width = p.width;
    const float* x = p.x + offset;
    const V s = Simd::set1(scale);
    V dot = Simd::zero();
    const auto reaching = [&](std::size_t i, std::size_t lanes) {
        const V d = loadUpTo(p.dout + offset + i, lanes);
        return p.gate == nullptr ? d : Simd::mul(d, sigmoidV(loadUpTo(p.gate + offset + i, lanes)));
    };
    forVectors(width, [&](std::size_t i, std::size_t lanes) {
        const V value = loadUpTo(x + i, lanes);
        const V weight = loadUpTo(p.weight + i, lanes);
        const V d = loadUpTo(p.dout + offset + i, lanes);
        const V normed = Simd::mul(value, s);
        V through = d;
        if (p.gate != nullptr) {
            const V open = sigmoidV(loadUpTo(p.gate + offset + i, lanes));
            through = Simd::mul(d, open);
            const V slope = Simd::mul(through, Simd::sub(Simd::set1(1.0f), open));
            storeUpTo(p.dgate + offset + i, Simd::mul(slope, Simd::mul(normed, weight)), lanes);
        }
        dot = Simd::fma(Simd::mul(through, weight), value, dot);
        storeUpTo(p.dweight + i, Simd::fma(through, normed, loadUpTo(p.dweight + i, lanes)), lanes);
    });
    const V shared = Simd::set1(scale * scale * scale * Simd::sum(dot) / static_cast<float>(width));
    forVectors(width, [&](std::size_t i, std::size_t lanes) {
        const V inner = Simd::mul(reaching(i, lanes), Simd::mul(s, loadUpTo(p.weight + i, lanes)));
        V d = Simd::sub(inner, Simd::mul(shared, loadUpTo(x + i, lanes)));
        if (p.add) {
            d = Simd::add(d, loadUpTo(p.dx + offset + i, lanes));
        }
        storeUpTo(p.dx + offset + i, d, lanes);
    });
}

void normRowsGrad(const NormRowsGrad& p) {
    __builtin_memset(p.dweight, 0, p.width * sizeof(float));
    for (std::size_t r = 0; r < p.rows; ++r) {
        const float mean = sumOfSquares(p.x + r * p.width, p.width) / static_cast<float>(p.width);
        normRowGrad(p, r * p.width, 1.0f / __builtin_sqrtf(mean + p.eps));
    }
}

LogSums logSumsOf(const float* z, std::size_t count, float scale) {
    const V s = Simd::set1(scale);
    V top = Simd::set1(z[0] * scale);
    float tail_top = z[0] * scale;
    std::size_t i = 0;
    for (; i + kW <= count; i += kW) {
        top = Simd::max(top, Simd::mul(s, Simd::load(z + i)));
    }
    for (; i < count; ++i) {
        tail_top = z[i] * scale > tail_top ? z[i] * scale : tail_top;
    }
    LogSums result;
    result.top = Simd::largest(top) > tail_top ? Simd::largest(top) : tail_top;
    const V largest = Simd::set1(result.top);
    V sum = Simd::zero();
    V weighted = Simd::zero();
    forVectors(count, [&](std::size_t at, std::size_t lanes) {
        const V x = Simd::sub(Simd::mul(s, loadUpTo(z + at, lanes)), largest);
        V e = expV(x);
        if (lanes < kW) { // lanes beyond the end count for nothing
            float part[kW];
            Simd::store(part, e);
            e = Simd::loadPart(part, lanes);
        }
        sum = Simd::add(sum, e);
        weighted = Simd::fma(e, x, weighted);
    });
    result.sum = Simd::sum(sum);
    result.weighted = Simd::sum(weighted);
    return result;
}

void logProbRow(float* z, std::size_t count, float scale, float log_sum, float c, float h, float entropy) {
    const V s = Simd::set1(scale);
    const V base = Simd::set1(-c);
    const V slope = Simd::set1(-h);
    forVectors(count, [&](std::size_t i, std::size_t lanes) {
        const V log_p = Simd::sub(Simd::mul(s, loadUpTo(z + i, lanes)), Simd::set1(log_sum));
        const V factor = Simd::fma(slope, Simd::add(log_p, Simd::set1(entropy)), base);
        storeUpTo(z + i, Simd::mul(s, Simd::mul(expV(log_p), factor)), lanes);
    });
}

} // namespace
