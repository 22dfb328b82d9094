// SPDX-License-Identifier: Apache-2.0
#include "tests/grad/double_model.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fulgurite::test {

namespace {

class DoubleModel {
  public:
    DoubleModel(const TrainModel& model, const Values& weights)
        : model_(model),
          config_(model.config()),
          weights_(weights),
          hidden_(size(config_.hidden_size)),
          heads_(size(config_.num_heads)),
          kv_heads_(size(config_.num_kv_heads)),
          dim_(size(config_.head_dim)),
          experts_(size(config_.num_experts)),
          top_k_(size(config_.top_k)) {}

    double loss(const TrainBatch& batch, double balance) {
        rows_ = batch.tokens.size();
        lengths_ = batch.lengths;
        Values stream;
        for (const TokenId id : batch.tokens) {
            append(stream, slice(model_.layout().slots().embedding + size(id) * hidden_, hidden_));
        }
        double balance_loss = 0;
        for (std::size_t i = 0; i < config_.layers.size(); ++i) {
            stream = layer(i, stream, balance_loss);
        }
        const ModelSlots& slots = model_.layout().slots();
        const std::size_t vocab = size(config_.vocab_size);
        const Values normed = normOf(stream, slots.final_norm);
        const Values logits = linear(normed, slice(slots.head, vocab * hidden_), rows_, vocab, hidden_);
        double total = 0;
        double count = 0;
        for (std::size_t r = 0; r < rows_; ++r) {
            if (batch.targets[r] != TrainBatch::kNoTarget) {
                total -= std::log(softmax(logits.data() + r * vocab, vocab)[size(batch.targets[r])]);
                ++count;
            }
        }
        return total / count + balance * balance_loss / static_cast<double>(config_.layers.size());
    }

    double margin() const { return margin_; }

  private:
    static std::size_t size(std::int64_t value) { return static_cast<std::size_t>(value); }
    static void append(Values& all, const Values& part) { all.insert(all.end(), part.begin(), part.end()); }
    static Values cut(const Values& all, std::size_t begin, std::size_t count) {
        const auto first = all.begin() + static_cast<std::ptrdiff_t>(begin);
        return {first, first + static_cast<std::ptrdiff_t>(count)};
    }
    Values slice(std::size_t slot, std::size_t count) const { return cut(weights_, slot, count); }
    Values project(const Values& x, std::size_t slot, std::size_t outputs, std::size_t inputs) const {
        return linear(x, slice(slot, outputs * inputs), x.size() / inputs, outputs, inputs);
    }
    Values normOf(const Values& x, std::size_t slot) const {
        return norm(x, slice(slot, hidden_), rows_, hidden_, static_cast<double>(config_.rms_norm_eps));
    }
    Values addBranch(const ResidualScale& scale, const Values& stream, const Values& normed,
                     const Values& branch) const {
        const Values& residual = config_.postnorm ? normed : stream;
        Values out(stream.size());
        for (std::size_t i = 0; i < out.size(); ++i) {
            out[i] = static_cast<double>(scale.alpha) * residual[i] + static_cast<double>(scale.beta) * branch[i];
        }
        return out;
    }

    Values layer(std::size_t index, const Values& stream, double& balance) {
        const LayerSlots& slots = model_.layout().slots().layers[index];
        const bool is_lightning = slots.kind == LayerKind::Lightning;
        const Values u = normOf(stream, slots.input_norm);
        const Values attention = is_lightning ? lightning(slots, index, u) : attend(slots, u);
        const Values middle =
            addBranch(is_lightning ? config_.lightning_scale : config_.softmax_scale, stream, u, attention);
        const Values v = normOf(middle, slots.mlp_norm);
        return addBranch(config_.mlp_scale, middle, v, mixture(slots, v, balance));
    }

    Values lightning(const LayerSlots& slots, std::size_t index, const Values& u) const {
        const std::size_t inner = heads_ * dim_;
        const Values qkv = silu(project(u, slots.qkv, 3 * inner, hidden_));
        const Values gate = project(u, slots.gate, inner, hidden_);
        Values out;
        std::size_t first = 0;
        for (const std::size_t length : lengths_) {
            append(out, lightningAttention(cut(qkv, first * 3 * inner, length * 3 * inner), length, heads_, dim_,
                                           model_.decayRates(index)));
            first += length;
        }
        out = norm(out, slice(slots.inner_norm, inner), rows_, inner, static_cast<double>(1e-6f));
        for (std::size_t i = 0; i < out.size(); ++i) {
            out[i] *= sigmoid(gate[i]);
        }
        return project(out, slots.out, hidden_, inner);
    }

    Values attend(const LayerSlots& slots, const Values& u) const {
        const std::size_t inner = heads_ * dim_;
        const std::size_t kv = kv_heads_ * dim_;
        const Values q = project(u, slots.q, inner, hidden_);
        const Values k = project(u, slots.k, kv, hidden_);
        const Values v = project(u, slots.v, kv, hidden_);
        Values out;
        std::size_t first = 0;
        for (const std::size_t n : lengths_) {
            const auto& freq = model_.inverseFrequencies();
            append(out, softmaxAttention(rope(cut(q, first * inner, n * inner), n, heads_, dim_, freq),
                                         rope(cut(k, first * kv, n * kv), n, kv_heads_, dim_, freq),
                                         cut(v, first * kv, n * kv), n, heads_, kv_heads_, dim_));
            first += n;
        }
        return project(out, slots.out, hidden_, inner);
    }

    Values mixture(const LayerSlots& slots, const Values& v, double& balance) {
        const std::size_t f = size(config_.intermediate_size);
        const Values logits = project(v, slots.router, experts_, hidden_);
        Values out(v.size(), 0.0);
        Values counts(experts_, 0.0);
        Values sums(experts_, 0.0);
        for (std::size_t r = 0; r < rows_; ++r) {
            const double* row_logits = logits.data() + r * experts_;
            const Values p = softmax(row_logits, experts_);
            auto order = bestOf(row_logits, experts_, experts_);
            if (top_k_ < experts_) {
                margin_ = std::min(margin_, row_logits[order[top_k_ - 1]] - row_logits[order[top_k_]]);
            }
            order.resize(top_k_);
            double chosen_sum = 0;
            for (const std::int32_t e : order) {
                chosen_sum += p[size(e)];
            }
            for (std::size_t e = 0; e < experts_; ++e) {
                sums[e] += p[e];
            }
            const Values x = cut(v, r * hidden_, hidden_);
            for (const std::int32_t id : order) {
                const ExpertSlots& expert = slots.experts[size(id)];
                ++counts[size(id)];
                Values inner = silu(project(x, expert.gate, f, hidden_));
                const Values up = project(x, expert.up, f, hidden_);
                std::transform(inner.begin(), inner.end(), up.begin(), inner.begin(), std::multiplies<>());
                const Values y = project(inner, expert.down, hidden_, f);
                for (std::size_t i = 0; i < hidden_; ++i) {
                    out[r * hidden_ + i] += p[size(id)] / chosen_sum * y[i];
                }
            }
        }
        const double n = static_cast<double>(rows_);
        balance += static_cast<double>(experts_) * dotOf(counts, sums) / (n * n);
        return out;
    }

    const TrainModel& model_;
    const ModelConfig& config_;
    const Values& weights_;
    std::size_t hidden_, heads_, kv_heads_, dim_, experts_, top_k_;
    std::size_t rows_ = 0;
    std::span<const std::size_t> lengths_;
    double margin_ = std::numeric_limits<double>::infinity();
};

} // namespace

double lossOf(const TrainModel& model, const Values& weights, const TrainBatch& batch, double balance) {
    return DoubleModel(model, weights).loss(batch, balance);
}

double routerMargin(const TrainModel& model, const Values& weights, const TrainBatch& batch) {
    DoubleModel in_double(model, weights);
    in_double.loss(batch, 0);
    return in_double.margin();
}

} // namespace fulgurite::test
