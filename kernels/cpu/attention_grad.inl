// SPDX-License-Identifier: Apache-2.0
// The gradient of softmax attention, page by page. Kernel body: included once per instruction set after
// attention.inl.
//
// With w the weights and m = dout . out: dscore_t = w_t (dout . v_t - m). Queries come first: one walk over their
// pages with a running maximum gives dq and the log of the weights' sum. Keys then meet the queries that see them,
// and need that log and m alone.

namespace {

struct AttentionGradScratch {
    float* scores;      // [rows, kAttentionPage]
    float* dscores;     // [rows, kAttentionPage]
    float* queries;     // [rows, dim]: scaled
    float* douts;       // [rows, dim]
    float* accumulated; // [rows, dim]
    float* maxima;      // [rows]
    float* sums;        // [rows]
};

inline AttentionGradScratch loadTile(const AttentionGradTile& a) {
    const std::size_t dim = a.head_dim;
    AttentionGradScratch s{};
    s.scores = a.scratch;
    s.dscores = s.scores + kAttentionRows * kAttentionPage;
    s.queries = s.dscores + kAttentionRows * kAttentionPage;
    s.douts = s.queries + kAttentionRows * dim;
    s.accumulated = s.douts + kAttentionRows * dim;
    s.maxima = s.accumulated + kAttentionRows * dim;
    s.sums = s.maxima + kAttentionRows;
    for (std::size_t r = 0; r < a.rows; ++r) {
        addScaledRange(s.queries + r * dim, a.q_rows[r], a.scale, dim, true);
        __builtin_memcpy(s.douts + r * dim, a.dout_rows[r], dim * sizeof(float));
    }
    return s;
}

// Scores and dout . v of the tile's rows with the tokens of one page.
inline void pageProducts(const AttentionGradTile& a, const AttentionGradScratch& s, std::size_t page) {
    const std::size_t dim = a.head_dim;
    const std::size_t offset = page * dim * kAttentionPage;
    fillZero(s.scores, a.rows * kAttentionPage);
    fillZero(s.dscores, a.rows * kAttentionPage);
    addProduct({s.queries, dim, 1}, a.key_pages + offset, kAttentionPage, s.scores, kAttentionPage, a.rows,
               kAttentionPage, dim);
    addProduct({s.douts, dim, 1}, a.value_pages + offset, kAttentionPage, s.dscores, kAttentionPage, a.rows,
               kAttentionPage, dim);
}

// dscores <- weights (dscores - mean); a weight of zero gives zero.
inline void toScoreGradients(const float* weights, float* dscores, float mean) {
    const V m = Simd::set1(mean);
    for (std::size_t t = 0; t < kAttentionPage; t += kW) {
        Simd::store(dscores + t, Simd::mul(Simd::load(weights + t), Simd::sub(Simd::load(dscores + t), m)));
    }
}

// Tokens of a page that a row sees.
inline std::size_t visibleOf(std::size_t context, std::size_t page) {
    const std::size_t first = page * kAttentionPage;
    const std::size_t left = context <= first ? 0 : context - first;
    return left < kAttentionPage ? left : kAttentionPage;
}

void attentionQueriesGrad(const AttentionGradTile& a) {
    const std::size_t dim = a.head_dim;
    const AttentionGradScratch s = loadTile(a);
    std::size_t longest = 0;
    for (std::size_t r = 0; r < a.rows; ++r) {
        *a.means[r] = dotOf(a.dout_rows[r], a.out_rows[r], dim);
        s.maxima[r] = -__builtin_huge_valf();
        s.sums[r] = 0;
        longest = a.contexts[r] > longest ? a.contexts[r] : longest;
    }
    fillZero(s.accumulated, a.rows * dim);
    for (std::size_t page = 0; page * kAttentionPage < longest; ++page) {
        pageProducts(a, s, page);
        std::size_t deepest = 0;
        for (std::size_t r = 0; r < a.rows; ++r) {
            const std::size_t visible = visibleOf(a.contexts[r], page);
            float* weights = s.scores + r * kAttentionPage;
            if (visible == 0) {
                fillZero(s.dscores + r * kAttentionPage, kAttentionPage);
                continue;
            }
            deepest = visible > deepest ? visible : deepest;
            softmaxPage(weights, visible, s.maxima[r], s.sums[r], s.accumulated + r * dim, dim);
            toScoreGradients(weights, s.dscores + r * kAttentionPage, *a.means[r]);
        }
        addProduct({s.dscores, kAttentionPage, 1}, a.keys + page * kAttentionPage * a.key_stride, a.key_stride,
                   s.accumulated, dim, a.rows, dim, deepest);
    }
    for (std::size_t r = 0; r < a.rows; ++r) {
        addScaledRange(a.dq_rows[r], s.accumulated + r * dim, a.scale / s.sums[r], dim, true);
        *a.log_sums[r] = s.maxima[r] + __builtin_logf(s.sums[r]);
    }
}

void attentionKeysGrad(const AttentionGradTile& a) {
    const std::size_t dim = a.head_dim;
    const AttentionGradScratch s = loadTile(a);
    pageProducts(a, s, a.page);
    for (std::size_t r = 0; r < a.rows; ++r) {
        float* weights = s.scores + r * kAttentionPage;
        const std::size_t visible = visibleOf(a.contexts[r], a.page);
        const V log_sum = Simd::set1(*a.log_sums[r]);
        for (std::size_t t = 0; t < kAttentionPage; t += kW) {
            Simd::store(weights + t, expV(Simd::sub(Simd::load(weights + t), log_sum)));
        }
        fillZero(weights + visible, kAttentionPage - visible);
        toScoreGradients(weights, s.dscores + r * kAttentionPage, *a.means[r]);
    }
    addProduct({s.scores, 1, kAttentionPage}, s.douts, dim, a.dvalues, dim, kAttentionPage, dim, a.rows);
    addProduct({s.dscores, 1, kAttentionPage}, s.queries, dim, a.dkeys, dim, kAttentionPage, dim, a.rows);
}

} // namespace
