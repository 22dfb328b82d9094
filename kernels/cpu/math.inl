// SPDX-License-Identifier: Apache-2.0
// Vector exponential and what is built on it. Kernel body: included once per instruction set after its Simd.

namespace {

using V = Simd::V;
constexpr std::size_t kW = Simd::kWidth;

// e^x to about one unit in the last place: x = n ln 2 + r with |r| <= ln(2) / 2, then the Taylor polynomial of degree 7
// (its remainder, r^8 / 8!, is below 6e-9). Saturates at the largest and smallest normal powers of two. What is not a number
// stays so: the instructions give their second operand then, and weights that are damaged must not look like sound ones.
inline V expV(V x) {
    x = Simd::min(Simd::set1(88.0f), Simd::max(Simd::set1(-87.0f), x));
    const V n = Simd::roundNearest(Simd::mul(x, Simd::set1(1.44269504f)));
    // ln 2 in two parts, the first exact in products with small integers.
    V r = Simd::fma(n, Simd::set1(-0.693359375f), x);
    r = Simd::fma(n, Simd::set1(2.12194440e-4f), r);
    V p = Simd::set1(1.0f / 5040);
    for (const float c : {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f}) {
        p = Simd::fma(p, r, Simd::set1(c));
    }
    return Simd::mul(p, Simd::pow2(n));
}

inline V sigmoidV(V x) {
    return Simd::div(Simd::set1(1.0f), Simd::add(Simd::set1(1.0f), expV(Simd::sub(Simd::zero(), x))));
}

// Calls body(offset, lanes) over [0, count) in whole vectors and one last part.
template <class Body>
inline void forVectors(std::size_t count, const Body& body) {
    std::size_t i = 0;
    for (; i + kW <= count; i += kW) {
        body(i, kW);
    }
    if (i < count) {
        body(i, count - i);
    }
}

inline V loadUpTo(const float* p, std::size_t lanes) { return lanes == kW ? Simd::load(p) : Simd::loadPart(p, lanes); }

inline void storeUpTo(float* p, V v, std::size_t lanes) {
    if (lanes == kW) {
        Simd::store(p, v);
    } else {
        Simd::storePart(p, v, lanes);
    }
}

void siluRange(float* x, std::size_t count) {
    forVectors(count, [&](std::size_t i, std::size_t lanes) {
        const V v = loadUpTo(x + i, lanes);
        storeUpTo(x + i, Simd::mul(v, sigmoidV(v)), lanes);
    });
}

void swigluRange(const float* gate, const float* up, float* out, std::size_t count) {
    forVectors(count, [&](std::size_t i, std::size_t lanes) {
        const V g = loadUpTo(gate + i, lanes);
        storeUpTo(out + i, Simd::mul(Simd::mul(g, sigmoidV(g)), loadUpTo(up + i, lanes)), lanes);
    });
}

void residualRange(const float* residual, const float* branch, float* out, std::size_t count, float alpha, float beta) {
    const V a = Simd::set1(alpha);
    const V b = Simd::set1(beta);
    forVectors(count, [&](std::size_t i, std::size_t lanes) {
        const V scaled = Simd::mul(b, loadUpTo(branch + i, lanes));
        storeUpTo(out + i, Simd::fma(a, loadUpTo(residual + i, lanes), scaled), lanes);
    });
}

void addScaledRange(float* out, const float* x, float scale, std::size_t count, bool first) {
    const V s = Simd::set1(scale);
    forVectors(count, [&](std::size_t i, std::size_t lanes) {
        const V v = loadUpTo(x + i, lanes);
        storeUpTo(out + i, first ? Simd::mul(s, v) : Simd::fma(s, v, loadUpTo(out + i, lanes)), lanes);
    });
}

float sumOfSquares(const float* x, std::size_t width) {
    V parts[4] = {Simd::zero(), Simd::zero(), Simd::zero(), Simd::zero()};
    std::size_t lane_group = 0;
    forVectors(width, [&](std::size_t i, std::size_t lanes) {
        const V v = loadUpTo(x + i, lanes);
        parts[lane_group] = Simd::fma(v, v, parts[lane_group]);
        lane_group = (lane_group + 1) % 4;
    });
    return Simd::sum(Simd::add(Simd::add(parts[0], parts[1]), Simd::add(parts[2], parts[3])));
}

void normRows(const float* x, const float* weight, const float* gate, const float* squares, float* out,
              std::size_t rows, std::size_t width, std::size_t total_width, float eps) {
    for (std::size_t r = 0; r < rows; ++r, x += width, out += width) {
        const float sum = squares == nullptr ? sumOfSquares(x, width) : squares[r];
        const float mean = sum / static_cast<float>(squares == nullptr ? width : total_width);
        const V scale = Simd::set1(1.0f / __builtin_sqrtf(mean + eps));
        forVectors(width, [&](std::size_t i, std::size_t lanes) {
            V v = Simd::mul(Simd::mul(loadUpTo(x + i, lanes), scale), loadUpTo(weight + i, lanes));
            if (gate != nullptr) {
                v = Simd::mul(v, sigmoidV(loadUpTo(gate + r * width + i, lanes)));
            }
            storeUpTo(out + i, v, lanes);
        });
    }
}

float scalarWeight(const void* row, DType dtype, std::size_t i) {
    if (dtype == DType::F32) {
        float value = 0;
        __builtin_memcpy(&value, static_cast<const char*>(row) + i * sizeof(value), sizeof(value));
        return value;
    }
    if (dtype == DType::I8) {
        return static_cast<const std::int8_t*>(row)[i];
    }
    std::uint16_t bits = 0;
    __builtin_memcpy(&bits, static_cast<const char*>(row) + i * sizeof(bits), sizeof(bits));
    return dtype == DType::BF16 ? bf16ToFloat(bits) : f16ToFloat(bits);
}

// Weight loaders by element type, so that inner loops are compiled once for each.
struct LoadF32 {
    using Element = float;
    static V load(const Element* p) { return Simd::load(p); }
};
struct LoadBf16 {
    using Element = std::uint16_t;
    static V load(const Element* p) { return Simd::loadBf16(p); }
};
struct LoadF16 {
    using Element = std::uint16_t;
    static V load(const Element* p) { return Simd::loadF16(p); }
};
struct LoadI8 {
    using Element = std::int8_t;
    static V load(const Element* p) { return Simd::loadI8(p); }
};

float scaleAt(const void* scales, std::size_t row) {
    float scale = 0;
    __builtin_memcpy(&scale, static_cast<const char*>(scales) + row * sizeof(scale), sizeof(scale));
    return scale;
}

void convertRow(const void* row, DType dtype, std::size_t count, float* out) {
    const auto convert = [&](auto loader) {
        using Loader = decltype(loader);
        const auto* p = static_cast<const typename Loader::Element*>(row);
        std::size_t i = 0;
        for (; i + kW <= count; i += kW) {
            Simd::store(out + i, Loader::load(p + i));
        }
        for (; i < count; ++i) {
            out[i] = scalarWeight(row, dtype, i);
        }
    };
    if (dtype == DType::BF16) {
        convert(LoadBf16{});
    } else if (dtype == DType::F16) {
        convert(LoadF16{});
    } else if (dtype == DType::I8) {
        convert(LoadI8{});
    } else {
        convert(LoadF32{});
    }
}

} // namespace
