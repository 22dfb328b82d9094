// SPDX-License-Identifier: Apache-2.0
// Softmax attention of up to kAttentionRows query rows that share a key head, page by page with a running maximum and
// sum. Kernel body: included once per instruction set after tile_product.inl.

namespace {

// Turns one row of scores into weights exp(score - maximum), rescaling what was accumulated when the maximum rises.
inline void softmaxPage(float* scores, std::size_t visible, float& maximum, float& sum, float* accumulated,
                        std::size_t dim) {
    V top = Simd::set1(maximum);
    float tail_top = maximum;
    std::size_t t = 0;
    for (; t + kW <= visible; t += kW) {
        top = Simd::max(top, Simd::load(scores + t));
    }
    for (; t < visible; ++t) {
        tail_top = scores[t] > tail_top ? scores[t] : tail_top;
    }
    const float vector_top = Simd::largest(top);
    const float new_maximum = vector_top > tail_top ? vector_top : tail_top;
    if (new_maximum > maximum && sum > 0) {
        float rescale[kW];
        Simd::store(rescale, expV(Simd::set1(maximum - new_maximum)));
        sum *= rescale[0];
        addScaledRange(accumulated, accumulated, rescale[0], dim, true);
    }
    maximum = new_maximum;
    V total = Simd::zero();
    forVectors(kAttentionPage, [&](std::size_t i, std::size_t lanes) {
        if (i >= visible) {
            storeUpTo(scores + i, Simd::zero(), lanes);
            return;
        }
        V weight = expV(Simd::sub(loadUpTo(scores + i, lanes), Simd::set1(maximum)));
        if (i + lanes > visible) { // beyond the causal edge: exactly zero
            float part[kW];
            Simd::store(part, weight);
            weight = Simd::loadPart(part, visible - i);
        }
        storeUpTo(scores + i, weight, lanes);
        total = Simd::add(total, weight);
    });
    sum += Simd::sum(total);
}

void attentionTile(const AttentionTile& a) {
    const std::size_t dim = a.head_dim;
    float* scores = a.scratch;                            // [rows, kAttentionPage]
    float* queries = scores + kAttentionRows * kAttentionPage; // [rows, dim]: scaled
    float* accumulated = queries + kAttentionRows * dim;  // [rows, dim]
    float* maxima = accumulated + kAttentionRows * dim;
    float* sums = maxima + kAttentionRows;
    std::size_t longest = 0;
    for (std::size_t r = 0; r < a.rows; ++r) {
        addScaledRange(queries + r * dim, a.q_rows[r], a.scale, dim, true);
        maxima[r] = -__builtin_huge_valf();
        sums[r] = 0;
        longest = a.contexts[r] > longest ? a.contexts[r] : longest;
    }
    fillZero(accumulated, a.rows * dim);
    for (std::size_t page = 0; page * kAttentionPage < longest; ++page) {
        const std::size_t first_token = page * kAttentionPage;
        const float* keys = a.key_pages[page] + a.key_offset;
        const float* values = a.value_pages[page] + a.value_offset;
        fillZero(scores, a.rows * kAttentionPage);
        addProduct({queries, dim, 1}, keys, kAttentionPage, scores, kAttentionPage, a.rows, kAttentionPage, dim);
        std::size_t deepest = 0; // tokens of this page that any row sees
        for (std::size_t r = 0; r < a.rows; ++r) {
            const std::size_t context = a.contexts[r];
            if (context <= first_token) { // nothing of this page: its weights are zero
                fillZero(scores + r * kAttentionPage, kAttentionPage);
                continue;
            }
            const std::size_t visible = context - first_token < kAttentionPage ? context - first_token : kAttentionPage;
            deepest = visible > deepest ? visible : deepest;
            softmaxPage(scores + r * kAttentionPage, visible, maxima[r], sums[r], accumulated + r * dim, dim);
        }
        addProduct({scores, kAttentionPage, 1}, values, dim, accumulated, dim, a.rows, dim, deepest);
    }
    for (std::size_t r = 0; r < a.rows; ++r) {
        addScaledRange(a.out_rows[r], accumulated + r * dim, 1.0f / sums[r], dim, true);
    }
}

} // namespace
