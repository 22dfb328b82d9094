// SPDX-License-Identifier: Apache-2.0
// Lightning attention of one head. Kernel body: included once per instruction set after tile_product.inl.
//
// A block of m tokens with local 1-based index i and previous state S:
//   o_i = decay^i (q_i S) + sum over j <= i of decay^(i - j) (q_i k_j) v_j
//   S'  = decay^m S + sum over j of decay^(m - j) k_j (x) v_j
// Only powers with exponents >= 0 appear: dividing by decay^j would overflow for fast heads.

namespace {

// A few tokens: the recurrence itself, one pass over the state for each token. The decay is used in two parts: the
// rounding of one float32 factor would grow to 1e-5 over the few hundred tokens that a slow head remembers.
void lightningSteps(const LightningHead& h, std::size_t begin, std::size_t end) {
    const std::size_t dim = h.head_dim;
    const V decay = Simd::set1(h.decay_powers[1]);
    const V rest = Simd::set1(h.decay_rest);
    for (std::size_t t = begin; t < end; ++t) {
        const float* q = h.qkv + t * h.stride;
        const float* k = q + dim;
        const float* v = k + dim;
        float* out = h.out + t * h.out_stride;
        forVectors(dim, [&](std::size_t j, std::size_t lanes) {
            const V value = loadUpTo(v + j, lanes);
            V sum = Simd::zero();
            for (std::size_t d = 0; d < dim; ++d) {
                float* cell = h.state + d * dim + j;
                const V old = loadUpTo(cell, lanes);
                const V written = Simd::fma(rest, old, Simd::mul(Simd::set1(k[d]), value));
                const V updated = Simd::fma(decay, old, written);
                storeUpTo(cell, updated, lanes);
                sum = Simd::fma(Simd::set1(q[d]), updated, sum);
            }
            storeUpTo(out + j, sum, lanes);
        });
    }
}

void lightningBlock(const LightningHead& h, std::size_t begin, std::size_t m) {
    const std::size_t dim = h.head_dim;
    float* scores = h.scratch;                                // [m, kLightningBlock]
    float* keys = scores + kLightningBlock * kLightningBlock; // [dim, kLightningBlock], transposed
    float* queries = keys + dim * kLightningBlock;            // [m, dim]: decay^i q_i
    float* decayed_keys = queries + kLightningBlock * dim;    // [m, dim]: decay^(m - i) k_i
    for (std::size_t i = 0; i < m; ++i) {
        const float* q = h.qkv + (begin + i) * h.stride;
        const float* k = q + dim;
        const float to_state = h.decay_powers[i + 1];
        const float from_block = h.decay_powers[m - 1 - i];
        for (std::size_t d = 0; d < dim; ++d) {
            keys[d * kLightningBlock + i] = k[d];
            queries[i * dim + d] = to_state * q[d];
            decayed_keys[i * dim + d] = from_block * k[d];
        }
        fillZero(h.out + (begin + i) * h.out_stride, dim);
    }
    // The tail columns of `keys` belong to no token; only columns <= i of a row are used below.
    const float* block = h.qkv + begin * h.stride;
    fillZero(scores, m * kLightningBlock);
    addProduct({block, h.stride, 1}, keys, kLightningBlock, scores, kLightningBlock, m, m, dim);
    for (std::size_t i = 0; i < m; ++i) {
        for (std::size_t j = 0; j < m; ++j) {
            float& score = scores[i * kLightningBlock + j];
            score = j <= i ? score * h.decay_powers[i - j] : 0.0f;
        }
    }
    float* out = h.out + begin * h.out_stride;
    const float* values = block + 2 * dim;
    addProduct({scores, kLightningBlock, 1}, values, h.stride, out, h.out_stride, m, dim, m);
    addProduct({queries, dim, 1}, h.state, dim, out, h.out_stride, m, dim, dim);
    const V decay = Simd::set1(h.decay_powers[m]);
    forVectors(dim * dim, [&](std::size_t i, std::size_t lanes) {
        storeUpTo(h.state + i, Simd::mul(decay, loadUpTo(h.state + i, lanes)), lanes);
    });
    addProduct({decayed_keys, 1, dim}, values, h.stride, h.state, dim, dim, dim, m);
}

void lightningHead(const LightningHead& h) {
    constexpr std::size_t kShort = 4; // below this a block costs more than the recurrence
    std::size_t begin = 0;
    while (begin < h.rows) {
        const std::size_t m = h.rows - begin < kLightningBlock ? h.rows - begin : kLightningBlock;
        if (m < kShort) {
            lightningSteps(h, begin, begin + m);
        } else {
            lightningBlock(h, begin, m);
        }
        begin += m;
    }
}

} // namespace
