// SPDX-License-Identifier: Apache-2.0
// The gradient of lightning attention of one head. Kernel body: included once per instruction set after
// lightning.inl.
//
// All three gradients are lightning attentions themselves: dq runs forwards with (dout, v, k) in the place of
// (q, k, v), dk and dv backwards with (v, dout, q) and (k, q, dout). So each sweep keeps one matrix and works block
// by block with powers of the decay that are never negative.

namespace {

struct LightningGradScratch {
    float* first;   // [m, kLightningBlock]: decayed scores
    float* second;  // likewise
    float* columns; // [dim, kLightningBlock]: an operand transposed
    float* rows;    // [m, dim]: an operand times powers of the decay
    float* state;   // [dim, dim]
    float* turned;  // [dim, dim]
};

inline LightningGradScratch gradScratch(const LightningHeadGrad& h) {
    const std::size_t dim = h.head_dim;
    LightningGradScratch s{};
    s.first = h.scratch;
    s.second = s.first + kLightningBlock * kLightningBlock;
    s.columns = s.second + kLightningBlock * kLightningBlock;
    s.rows = s.columns + dim * kLightningBlock;
    s.state = s.rows + kLightningBlock * dim;
    s.turned = s.state + dim * dim;
    return s;
}

// scores[i, j] = decay^(i - j) (a_i . b_j) for j <= i, else 0.
inline void decayedScores(const LightningHeadGrad& h, const float* a, std::size_t a_stride, const float* b,
                          std::size_t b_stride, std::size_t m, float* columns, float* scores) {
    for (std::size_t j = 0; j < m; ++j) {
        for (std::size_t d = 0; d < h.head_dim; ++d) {
            columns[d * kLightningBlock + j] = b[j * b_stride + d];
        }
    }
    fillZero(scores, m * kLightningBlock);
    addProduct({a, a_stride, 1}, columns, kLightningBlock, scores, kLightningBlock, m, m, h.head_dim);
    for (std::size_t i = 0; i < m; ++i) {
        for (std::size_t j = 0; j < m; ++j) {
            float& score = scores[i * kLightningBlock + j];
            score = j <= i ? score * h.decay_powers[i - j] : 0.0f;
        }
    }
}

// rows[i] = decay^(first + i * step) x_i.
inline void decayedRows(const LightningHeadGrad& h, const float* x, std::size_t stride, std::size_t m,
                        std::size_t first, int step, float* rows) {
    for (std::size_t i = 0; i < m; ++i) {
        const std::size_t power = step > 0 ? first + i : first - i;
        addScaledRange(rows + i * h.head_dim, x + i * stride, h.decay_powers[power], h.head_dim, true);
    }
}

inline void decayState(const LightningHeadGrad& h, float* state, std::size_t m) {
    addScaledRange(state, state, h.decay_powers[m], h.head_dim * h.head_dim, true);
}

// The state, turned so that values are its rows, meets dout.
void lightningGradForwards(const LightningHeadGrad& h, const LightningGradScratch& s) {
    const std::size_t dim = h.head_dim;
    fillZero(s.state, dim * dim);
    for (std::size_t begin = 0; begin < h.rows; begin += kLightningBlock) {
        const std::size_t m = h.rows - begin < kLightningBlock ? h.rows - begin : kLightningBlock;
        const float* k = h.qkv + begin * h.stride + dim;
        const float* v = k + dim;
        const float* dout = h.dout + begin * h.dout_stride;
        float* dq = h.dqkv + begin * h.stride;
        for (std::size_t i = 0; i < m; ++i) {
            fillZero(dq + i * h.stride, dim);
        }
        decayedScores(h, dout, h.dout_stride, v, h.stride, m, s.columns, s.first);
        addProduct({s.first, kLightningBlock, 1}, k, h.stride, dq, h.stride, m, dim, m);
        decayedRows(h, dout, h.dout_stride, m, 1, 1, s.rows);
        addProduct({s.rows, dim, 1}, s.state, dim, dq, h.stride, m, dim, dim);
        decayState(h, s.state, m);
        decayedRows(h, v, h.stride, m, m - 1, -1, s.rows);
        addProduct({s.rows, 1, dim}, k, h.stride, s.state, dim, dim, dim, m);
    }
}

// s.state: the sum over later tokens of decay^distance q (x) dout, distances from the end of the block.
void lightningGradBackwards(const LightningHeadGrad& h, const LightningGradScratch& s) {
    const std::size_t dim = h.head_dim;
    fillZero(s.state, dim * dim);
    for (std::size_t end = h.rows; end > 0;) {
        const std::size_t begin = (end - 1) / kLightningBlock * kLightningBlock;
        const std::size_t m = end - begin;
        const float* q = h.qkv + begin * h.stride;
        const float* k = q + dim;
        const float* v = k + dim;
        const float* dout = h.dout + begin * h.dout_stride;
        float* dk = h.dqkv + begin * h.stride + dim;
        float* dv = dk + dim;
        for (std::size_t i = 0; i < m; ++i) {
            fillZero(dk + i * h.stride, 2 * dim);
        }
        for (std::size_t i = 0; i < dim; ++i) {
            for (std::size_t j = 0; j < dim; ++j) {
                s.turned[j * dim + i] = s.state[i * dim + j];
            }
        }
        decayedScores(h, dout, h.dout_stride, v, h.stride, m, s.columns, s.first);
        decayedScores(h, q, h.stride, k, h.stride, m, s.columns, s.second);
        addProduct({s.first, 1, kLightningBlock}, q, h.stride, dk, h.stride, m, dim, m);
        addProduct({s.second, 1, kLightningBlock}, dout, h.dout_stride, dv, h.stride, m, dim, m);
        decayedRows(h, v, h.stride, m, m - 1, -1, s.rows);
        addProduct({s.rows, dim, 1}, s.turned, dim, dk, h.stride, m, dim, dim);
        decayedRows(h, k, h.stride, m, m - 1, -1, s.rows);
        addProduct({s.rows, dim, 1}, s.state, dim, dv, h.stride, m, dim, dim);
        decayState(h, s.state, m);
        decayedRows(h, q, h.stride, m, 1, 1, s.rows);
        addProduct({s.rows, 1, dim}, dout, h.dout_stride, s.state, dim, dim, dim, m);
        end = begin;
    }
}

void lightningHeadGrad(const LightningHeadGrad& h) {
    const LightningGradScratch scratch = gradScratch(h);
    lightningGradForwards(h, scratch);
    lightningGradBackwards(h, scratch);
}

} // namespace
