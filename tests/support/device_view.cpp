// SPDX-License-Identifier: Apache-2.0
#include "tests/support/device_view.h"

#include "tests/support/device_shadow.h"

#include <vector>

namespace fulgurite::test {

namespace {

using namespace kernels;

DeviceUnderTest& view = deviceUnderTest();
const OpTable* device_ops = nullptr;

// Weights lie at 256 bytes on a device, as core/model places them, whatever the file's alignment was.
struct Placed {
    explicit Placed(const WeightMatrix& w)
        : data(w.data, w.rows == 0 ? 0 : ((w.rows - 1) * w.rowStride() + w.cols) * sizeOf(w.dtype)),
          scales(w.scales, w.scales != nullptr ? w.rows * sizeof(float) : 0),
          matrix(w) {
        matrix.data = data.as<void>();
        matrix.scales = w.scales != nullptr ? scales.as<void>() : nullptr;
    }
    Shadow data;
    Shadow scales;
    WeightMatrix matrix;
};

void linear(std::span<const LinearTask> tasks, Queue&) {
    std::vector<std::unique_ptr<Placed>> weights;
    std::vector<std::unique_ptr<Shadow>> inputs;
    std::vector<std::unique_ptr<Output>> outputs;
    std::vector<LinearTask> placed(tasks.begin(), tasks.end());
    for (LinearTask& t : placed) {
        weights.push_back(std::make_unique<Placed>(t.weight));
        const std::size_t count = t.m_rows == 0 ? 0 : (t.m_rows - 1) * t.x_stride + t.weight.cols;
        inputs.push_back(std::make_unique<Shadow>(t.x, count * sizeof(float)));
        outputs.push_back(std::make_unique<Output>(t.y, t.m_rows, t.weight.rows, t.y_stride));
        t.x = inputs.back()->as();
        t.y = outputs.back()->address();
        t.weight = weights.back()->matrix;
    }
    device_ops->linear(placed, *view.queue);
    for (const auto& output : outputs) {
        output->back();
    }
}

void embed(const EmbedParams& p, Queue&) {
    const Placed table(p.table);
    Output out(p.out, p.rows, p.table.cols, p.table.cols);
    EmbedParams placed = p;
    placed.table = table.matrix;
    placed.out = out.address();
    device_ops->embed(placed, *view.queue);
    out.back();
}

void normGate(const NormGateParams& p, Queue&) {
    const std::size_t count = p.norm.rows * p.norm.width;
    const Shadow x = input(p.norm.x, count);
    const Shadow weight = input(p.norm.weight, p.norm.width);
    const Shadow gate = input(p.gate, p.gate != nullptr ? count : 0);
    const Shadow squares = input(p.squares, p.squares != nullptr ? p.norm.rows : 0);
    Output out = output(p.norm.out, count);
    NormGateParams placed = p;
    placed.norm.x = x.as();
    placed.norm.weight = weight.as();
    placed.norm.out = out.address();
    placed.gate = gate.as();
    placed.squares = p.squares != nullptr ? squares.as() : nullptr;
    if (p.gate != nullptr) {
        device_ops->norm_gate(placed, *view.queue);
    } else {
        device_ops->norm(placed.norm, *view.queue);
    }
    out.back();
}

void norm(const NormParams& p, Queue& queue) {
    normGate({p, nullptr, nullptr, 0}, queue);
}

void sumSquares(const SumSquaresParams& p, Queue&) {
    const Shadow x = input(p.x, p.rows * p.width);
    Output out = output(p.out, p.rows);
    device_ops->sum_squares({x.as(), p.rows, p.width, out.address()}, *view.queue);
    out.back();
}

void silu(float* x, std::size_t count, Queue&) {
    const Shadow values = input(x, count);
    device_ops->silu(values.as(), count, *view.queue);
    values.back(x);
}

void swiglu(const SwigluParams& p, Queue&) {
    const Shadow gate = input(p.gate, p.count);
    const Shadow up = input(p.up, p.count);
    Output out = output(p.out, p.count);
    device_ops->swiglu({gate.as(), up.as(), out.address(), p.count}, *view.queue);
    out.back();
}

void residual(const ResidualParams& p, Queue&) {
    const Shadow stream = input(p.residual, p.count);
    const Shadow branch = input(p.branch, p.count);
    Output out = output(p.out, p.count);
    device_ops->residual({stream.as(), branch.as(), out.address(), p.count, p.alpha, p.beta}, *view.queue);
    out.back();
}

void rope(const RopeParams& p, Queue&) {
    const Shadow x = input(p.x, p.rows * p.stride);
    const Shadow frequencies = input(p.inv_freq, p.rotary_dim / 2);
    RopeParams placed = p;
    placed.x = x.as();
    placed.inv_freq = frequencies.as();
    device_ops->rope(placed, *view.queue);
    x.back(p.x);
}

// Pages that the host addresses, in the device's memory.
class PageShadows {
  public:
    PageShadows(const float* const* pages, std::size_t count, std::size_t floats) {
        for (std::size_t i = 0; i < count; ++i) {
            shadows_.push_back(std::make_unique<Shadow>(pages[i], floats * sizeof(float)));
            addresses_.push_back(shadows_.back()->as());
        }
    }
    float* const* addresses() const { return addresses_.data(); }
    void back(float* const* pages) const {
        for (std::size_t i = 0; i < shadows_.size(); ++i) {
            shadows_[i]->back(pages[i]);
        }
    }

  private:
    std::vector<std::unique_ptr<Shadow>> shadows_;
    std::vector<float*> addresses_;
};

void kvStore(const KvStoreParams& p, Queue&) {
    const std::size_t count = (p.first_position + p.rows + kPageTokens - 1) / kPageTokens;
    const std::size_t floats = p.kv_heads * p.head_dim * kPageTokens;
    const PageShadows keys(p.key_pages, count, floats);
    const PageShadows values(p.value_pages, count, floats);
    const Shadow k = input(p.k, p.rows * p.stride);
    const Shadow v = input(p.v, p.rows * p.stride);
    KvStoreParams placed = p;
    placed.k = k.as();
    placed.v = v.as();
    placed.key_pages = keys.addresses();
    placed.value_pages = values.addresses();
    device_ops->kv_store(placed, *view.queue);
    view.stream->wait();
    keys.back(p.key_pages);
    values.back(p.value_pages);
}

void softmaxAttention(const SoftmaxAttentionParams& p, Queue&) {
    const std::size_t count = (p.first_position + p.rows + kPageTokens - 1) / kPageTokens;
    const std::size_t floats = p.kv_heads * p.head_dim * kPageTokens;
    const PageShadows keys(p.key_pages, count, floats);
    const PageShadows values(p.value_pages, count, floats);
    const Shadow q = input(p.q, p.rows * p.q_stride);
    Output out = output(p.out, p.rows * p.heads * p.head_dim);
    SoftmaxAttentionParams placed = p;
    placed.q = q.as();
    placed.key_pages = keys.addresses();
    placed.value_pages = values.addresses();
    placed.out = out.address();
    device_ops->softmax_attention(placed, *view.queue);
    out.back();
}

void lightningAttention(const LightningParams& p, Queue&) {
    const std::size_t width = p.heads * p.head_dim;
    const Shadow qkv = input(p.qkv, p.rows * 3 * width);
    const Shadow rates = input(p.rates, p.heads);
    const Shadow state = input(p.state, width * p.head_dim);
    Output out = output(p.out, p.rows * width);
    LightningParams placed = p;
    placed.qkv = qkv.as();
    placed.rates = rates.as();
    placed.state = state.as();
    placed.out = out.address();
    device_ops->lightning_attention(placed, *view.queue);
    out.back();
    state.back(p.state);
}

void route(const RouteParams& p, Queue&) {
    const Shadow logits = input(p.logits, p.rows * p.experts);
    const Shadow ids(nullptr, p.rows * p.top_k * sizeof(std::int32_t));
    Output weights = output(p.weights, p.rows * p.top_k);
    RouteParams placed = p;
    placed.logits = logits.as();
    placed.ids = ids.as<std::int32_t>();
    placed.weights = weights.address();
    device_ops->route(placed, *view.queue);
    weights.back();
    ids.back(p.ids);
}

void gather(const GatherParams& p, Queue&) {
    std::int32_t last = 0;
    for (std::size_t i = 0; i < p.rows; ++i) {
        last = std::max(last, p.index[i]);
    }
    const Shadow x = input(p.x, (static_cast<std::size_t>(last) + 1) * p.width);
    Output out = output(p.out, p.rows * p.width);
    device_ops->gather({x.as(), p.index, p.rows, p.width, out.address()}, *view.queue);
    out.back();
}

void combine(const CombineParams& p, Queue&) {
    const Shadow x = input(p.expert_out, p.rows * p.top_k * p.width);
    const Shadow slots(p.slots, p.rows * p.top_k * sizeof(std::int32_t));
    const Shadow weights = input(p.weights, p.rows * p.top_k);
    Output out = output(p.out, p.rows * p.width);
    CombineParams placed = p;
    placed.expert_out = x.as();
    placed.slots = slots.as<std::int32_t>();
    placed.weights = weights.as();
    placed.out = out.address();
    device_ops->combine(placed, *view.queue);
    out.back();
}

void experts(const ExpertsParams& p, Queue&) {
    std::vector<std::unique_ptr<Placed>> weights;
    std::vector<ExpertMatrices> matrices;
    for (std::size_t e = 0; e < p.count; ++e) {
        ExpertMatrices placed{};
        for (WeightMatrix ExpertMatrices::*which :
             {&ExpertMatrices::gate, &ExpertMatrices::up, &ExpertMatrices::down}) {
            weights.push_back(std::make_unique<Placed>(p.experts[e].*which));
            placed.*which = weights.back()->matrix;
        }
        matrices.push_back(placed);
    }
    const std::size_t width = p.experts[0].gate.cols;
    const Shadow x = input(p.x, p.rows * width);
    const Shadow ids(p.ids, p.rows * p.top_k * sizeof(std::int32_t));
    const Shadow row_weights = input(p.weights, p.rows * p.top_k);
    Output out = output(p.out, p.rows * width);
    ExpertsParams placed = p;
    placed.x = x.as();
    placed.ids = ids.as<std::int32_t>();
    placed.weights = row_weights.as();
    const Shadow table(matrices.data(), matrices.size() * sizeof(ExpertMatrices));
    placed.experts = table.as<const ExpertMatrices>();
    placed.like = matrices.front();
    placed.out = out.address();
    device_ops->experts(placed, *view.queue);
    out.back();
}

} // namespace

const OpTable& viewOf(std::shared_ptr<Device> device, Precision precision) {
    static OpTable table;
    view.use(std::move(device));
    device_ops = &view.device->ops(precision);
    table = {.name = device_ops->name,
             .linear = linear,
             .embed = embed,
             .norm = norm,
             .norm_gate = normGate,
             .sum_squares = sumSquares,
             .silu = silu,
             .swiglu = swiglu,
             .residual = residual,
             .rope = rope,
             .kv_store = kvStore,
             .softmax_attention = softmaxAttention,
             .lightning_attention = lightningAttention,
             .route = route,
             .gather = gather,
             .combine = combine,
             .experts = experts};
    return table;
}

} // namespace fulgurite::test
