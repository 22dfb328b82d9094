// SPDX-License-Identifier: Apache-2.0
#include "tests/support/backward_view.h"

#include "kernels/device_training.h"
#include "tests/support/device_shadow.h"

namespace fulgurite::test {

namespace {

using namespace kernels;

DeviceUnderTest& view = deviceUnderTest();
const DeviceTraining* training = nullptr;

// What an array of rows spans, from its first element to its last.
std::size_t extent(std::size_t rows, std::size_t width, std::size_t stride) {
    return rows == 0 ? 0 : (rows - 1) * stride + width;
}
Before before(bool add) {
    return add ? Before::Kept : Before::Poison;
}

template <class Task, class Run>
void products(std::span<const Task> tasks, const Run& run,
              std::unique_ptr<Output> (*place)(Task&, std::vector<std::unique_ptr<Shadow>>&)) {
    std::vector<std::unique_ptr<Shadow>> inputs;
    std::vector<std::unique_ptr<Output>> outputs;
    std::vector<Task> placed(tasks.begin(), tasks.end());
    for (Task& t : placed) {
        outputs.push_back(place(t, inputs));
    }
    run(std::span<const Task>(placed), *view.queue);
    for (const auto& output : outputs) {
        output->back();
    }
}

const float* shadowOf(const float* host, std::size_t count, std::vector<std::unique_ptr<Shadow>>& inputs) {
    inputs.push_back(std::make_unique<Shadow>(host, count * sizeof(float)));
    return inputs.back()->as();
}

std::unique_ptr<Output> placeInput(LinearInputGrad& t, std::vector<std::unique_ptr<Shadow>>& inputs) {
    auto out = std::make_unique<Output>(t.dx, t.m_rows, t.weight_cols, t.dx_stride, before(t.add));
    t.dy = shadowOf(t.dy, extent(t.m_rows, t.weight_rows, t.dy_stride), inputs);
    t.weight = shadowOf(t.weight, t.weight_rows * t.weight_cols, inputs);
    t.dx = out->address();
    return out;
}
std::unique_ptr<Output> placeWeight(LinearWeightGrad& t, std::vector<std::unique_ptr<Shadow>>& inputs) {
    auto out = std::make_unique<Output>(t.dweight, t.weight_rows, t.weight_cols, t.weight_cols, Before::Kept);
    t.dy = shadowOf(t.dy, extent(t.m_rows, t.weight_rows, t.dy_stride), inputs);
    t.x = shadowOf(t.x, extent(t.m_rows, t.weight_cols, t.x_stride), inputs);
    t.dweight = out->address();
    return out;
}
std::unique_ptr<Output> placeForward(LinearTask& t, std::vector<std::unique_ptr<Shadow>>& inputs) {
    auto out = std::make_unique<Output>(t.y, t.m_rows, t.weight.rows, t.y_stride);
    t.x = shadowOf(t.x, extent(t.m_rows, t.weight.cols, t.x_stride), inputs);
    t.weight.data = shadowOf(static_cast<const float*>(t.weight.data), t.weight.rows * t.weight.cols, inputs);
    t.y = out->address();
    return out;
}

void linearInput(std::span<const LinearInputGrad> tasks, Queue&) {
    products(tasks, training->gradients->linear_input, placeInput);
}
void linearWeight(std::span<const LinearWeightGrad> tasks, Queue&) {
    products(tasks, training->gradients->linear_weight, placeWeight);
}
void roundedLinear(std::span<const LinearTask> tasks, Queue&) {
    products(tasks, training->rounded->linear, placeForward);
}
void roundedLinearInput(std::span<const LinearInputGrad> tasks, Queue&) {
    products(tasks, training->rounded->linear_input, placeInput);
}
void roundedLinearWeight(std::span<const LinearWeightGrad> tasks, Queue&) {
    products(tasks, training->rounded->linear_weight, placeWeight);
}

void embed(const EmbedGrad& p, Queue&) {
    std::size_t vocab = 0;
    for (std::size_t r = 0; r < p.rows; ++r) {
        vocab = std::max(vocab, static_cast<std::size_t>(p.ids[r]) + 1);
    }
    const Shadow dout = input(p.dout, p.rows * p.width);
    Output table = output(p.dtable, vocab * p.width, Before::Kept);
    training->gradients->embed({p.ids, dout.as(), p.rows, p.width, table.address()}, *view.queue);
    table.back();
}

void normGate(const NormGateGrad& p, Queue&) {
    const std::size_t count = p.norm.rows * p.norm.width;
    const Shadow x = input(p.norm.x, count);
    const Shadow weight = input(p.norm.weight, p.norm.width);
    const Shadow dout = input(p.norm.dout, count);
    const Shadow gate = input(p.gate, p.gate != nullptr ? count : 0);
    Output dx = output(p.norm.dx, count, before(p.norm.add));
    Output dweight = output(p.norm.dweight, p.norm.width, Before::Kept);
    Output dgate = output(p.dgate, p.gate != nullptr ? count : 0);
    NormGateGrad placed = p;
    placed.norm.x = x.as();
    placed.norm.weight = weight.as();
    placed.norm.dout = dout.as();
    placed.norm.dx = dx.address();
    placed.norm.dweight = dweight.address();
    placed.gate = gate.as();
    placed.dgate = dgate.address();
    if (p.gate != nullptr) {
        training->gradients->norm_gate(placed, *view.queue);
    } else {
        training->gradients->norm(placed.norm, *view.queue);
    }
    dx.back();
    dweight.back();
    dgate.back();
}

void norm(const NormGrad& p, Queue& queue) {
    normGate({p, nullptr, nullptr}, queue);
}

void silu(const SiluGrad& p, Queue&) {
    const Shadow x = input(p.x, p.count);
    const Shadow dout = input(p.dout, p.count);
    Output dx = output(p.dx, p.count);
    training->gradients->silu({x.as(), dout.as(), dx.address(), p.count}, *view.queue);
    dx.back();
}

void swiglu(const SwigluGrad& p, Queue&) {
    const Shadow gate = input(p.gate, p.count);
    const Shadow up = input(p.up, p.count);
    const Shadow dout = input(p.dout, p.count);
    Output dgate = output(p.dgate, p.count);
    Output dup = output(p.dup, p.count);
    training->gradients->swiglu({gate.as(), up.as(), dout.as(), dgate.address(), dup.address(), p.count},
                                *view.queue);
    dgate.back();
    dup.back();
}

void residual(const ResidualGrad& p, Queue&) {
    const Shadow dout = input(p.dout, p.count);
    Output dresidual = output(p.dresidual, p.count, before(p.add));
    Output dbranch = output(p.dbranch, p.count);
    ResidualGrad placed = p;
    placed.dout = dout.as();
    placed.dresidual = dresidual.address();
    placed.dbranch = dbranch.address();
    training->gradients->residual(placed, *view.queue);
    dresidual.back();
    dbranch.back();
}

void rope(const RopeParams& p, Queue&) {
    Output x = output(p.x, p.rows * p.stride, Before::Kept);
    const Shadow frequencies = input(p.inv_freq, p.rotary_dim / 2);
    RopeParams placed = p;
    placed.x = x.address();
    placed.inv_freq = frequencies.as();
    training->gradients->rope(placed, *view.queue);
    x.back();
}

void softmaxAttention(const SoftmaxAttentionGrad& p, Queue&) {
    const std::size_t q_width = p.heads * p.head_dim;
    const std::size_t kv_width = p.kv_heads * p.head_dim;
    const Shadow q = input(p.q, extent(p.rows, q_width, p.stride));
    const Shadow k = input(p.k, extent(p.rows, kv_width, p.stride));
    const Shadow v = input(p.v, extent(p.rows, kv_width, p.stride));
    const Shadow out = input(p.out, p.rows * q_width);
    const Shadow dout = input(p.dout, p.rows * q_width);
    Output dq(p.dq, p.rows, q_width, p.dstride);
    Output dk(p.dk, p.rows, kv_width, p.dstride);
    Output dv(p.dv, p.rows, kv_width, p.dstride);
    SoftmaxAttentionGrad placed = p;
    placed.q = q.as();
    placed.k = k.as();
    placed.v = v.as();
    placed.out = out.as();
    placed.dout = dout.as();
    placed.dq = dq.address();
    placed.dk = dk.address();
    placed.dv = dv.address();
    training->gradients->softmax_attention(placed, *view.queue);
    dq.back();
    dk.back();
    dv.back();
}

void lightningAttention(const LightningGrad& p, Queue&) {
    const std::size_t width = p.heads * p.head_dim;
    const Shadow qkv = input(p.qkv, p.rows * 3 * width);
    const Shadow rates = input(p.rates, p.heads);
    const Shadow dout = input(p.dout, p.rows * width);
    Output dqkv = output(p.dqkv, p.rows * 3 * width);
    LightningGrad placed = p;
    placed.qkv = qkv.as();
    placed.rates = rates.as();
    placed.dout = dout.as();
    placed.dqkv = dqkv.address();
    training->gradients->lightning_attention(placed, *view.queue);
    dqkv.back();
}

void route(const RouteGrad& p, Queue&) {
    const Shadow ids(p.ids, p.rows * p.top_k * sizeof(std::int32_t));
    const Shadow weights = input(p.weights, p.rows * p.top_k);
    const Shadow dweights = input(p.dweights, p.rows * p.top_k);
    Output dlogits = output(p.dlogits, p.rows * p.experts);
    training->gradients->route(
        {ids.as<std::int32_t>(), weights.as(), dweights.as(), p.rows, p.experts, p.top_k, dlogits.address()},
        *view.queue);
    dlogits.back();
}

void balance(const BalanceGrad& p, Queue&) {
    const Shadow logits = input(p.logits, p.rows * p.experts);
    const Shadow slope = input(p.slope, p.experts);
    const Shadow sums(p.probability_sums, p.experts * sizeof(double));
    Output dlogits = output(p.dlogits, p.rows * p.experts, Before::Kept);
    training->gradients->balance({logits.as(), slope.as(), p.rows, p.experts, dlogits.address(), sums.as<double>()},
                                 *view.queue);
    dlogits.back();
    sums.back(p.probability_sums);
}

void combine(const CombineGrad& p, Queue&) {
    const std::size_t choices = p.rows * p.top_k;
    const Shadow expert_out = input(p.expert_out, choices * p.width);
    const Shadow slots(p.slots, choices * sizeof(std::int32_t));
    const Shadow weights = input(p.weights, choices);
    const Shadow dout = input(p.dout, p.rows * p.width);
    Output dexpert = output(p.dexpert_out, choices * p.width);
    Output dweights = output(p.dweights, choices);
    training->gradients->combine({expert_out.as(), slots.as<std::int32_t>(), weights.as(), dout.as(), p.rows,
                                  p.top_k, p.width, dexpert.address(), dweights.address()},
                                 *view.queue);
    dexpert.back();
    dweights.back();
}

void scatter(const ScatterGrad& p, Queue&) {
    const Shadow dgathered = input(p.dgathered, p.rows * p.top_k * p.width);
    const Shadow slots(p.slots, p.rows * p.top_k * sizeof(std::int32_t));
    Output dx = output(p.dx, p.rows * p.width, Before::Kept);
    training->gradients->scatter({dgathered.as(), slots.as<std::int32_t>(), p.rows, p.top_k, p.width, dx.address()},
                                 *view.queue);
    dx.back();
}

void logProb(const LogProbParams& p, Queue&) {
    const Shadow logits = input(p.logits, p.rows * p.vocab);
    const Shadow targets(p.targets, p.rows * sizeof(std::int32_t));
    Output log_probs = output(p.log_probs, p.rows);
    Output log_sums = output(p.log_sums, p.rows);
    Output entropies = output(p.entropies, p.rows);
    training->gradients->log_prob({logits.as(), targets.as<std::int32_t>(), p.rows, p.vocab, p.temperature,
                                   log_probs.address(), log_sums.address(), entropies.address()},
                                  *view.queue);
    log_probs.back();
    log_sums.back();
    entropies.back();
}

void logProbGrad(const LogProbGrad& p, Queue&) {
    Output logits = output(p.logits, p.rows * p.vocab, Before::Kept);
    const Shadow targets(p.targets, p.rows * sizeof(std::int32_t));
    const Shadow log_sums = input(p.log_sums, p.rows);
    const Shadow entropies = input(p.entropies, p.rows * (p.dentropies != nullptr ? 1 : 0));
    const Shadow dlog_probs = input(p.dlog_probs, p.rows);
    const Shadow dentropies = input(p.dentropies, p.rows * (p.dentropies != nullptr ? 1 : 0));
    LogProbGrad placed = p;
    placed.logits = logits.address();
    placed.targets = targets.as<std::int32_t>();
    placed.log_sums = log_sums.as();
    placed.entropies = entropies.as();
    placed.dlog_probs = dlog_probs.as();
    placed.dentropies = p.dentropies != nullptr ? dentropies.as() : nullptr;
    training->gradients->log_prob_grad(placed, *view.queue);
    logits.back();
}

void adam(const AdamParams& p, Queue&) {
    const Shadow gradients = input(p.gradients, p.count);
    Output weights = output(p.weights, p.count, Before::Kept);
    Output first = output(p.first, p.count, Before::Kept);
    Output second = output(p.second, p.count, Before::Kept);
    AdamParams placed = p;
    placed.gradients = gradients.as();
    placed.weights = weights.address();
    placed.first = first.address();
    placed.second = second.address();
    training->gradients->adam(placed, *view.queue);
    weights.back();
    first.back();
    second.back();
}

double squareSum(const float* x, std::size_t count, Queue&) {
    return training->gradients->square_sum(input(x, count).as(), count, *view.queue);
}

void clear(float* x, std::size_t count, Queue&) {
    Output out = output(x, count);
    training->gradients->clear(out.address(), count, *view.queue);
    out.back();
}

void copy(const float* from, std::size_t count, float* to, Queue&) {
    const Shadow x = input(from, count);
    Output out = output(to, count);
    training->gradients->copy(x.as(), count, out.address(), *view.queue);
    out.back();
}

void roundBf16(const float* from, std::size_t count, float* to, Queue&) {
    const Shadow x = input(from, count);
    Output out = output(to, count);
    training->gradients->round_bf16(x.as(), count, out.address(), *view.queue);
    out.back();
}

} // namespace

const BackwardOpTable& backwardViewOf(std::shared_ptr<Device> device) {
    view.use(std::move(device));
    training = &cudaTraining();
    static const BackwardOpTable table{.name = training->gradients->name,
                                       .linear_input = linearInput,
                                       .linear_weight = linearWeight,
                                       .embed = embed,
                                       .norm = norm,
                                       .norm_gate = normGate,
                                       .silu = silu,
                                       .swiglu = swiglu,
                                       .residual = residual,
                                       .rope = rope,
                                       .softmax_attention = softmaxAttention,
                                       .lightning_attention = lightningAttention,
                                       .route = route,
                                       .balance = balance,
                                       .combine = combine,
                                       .scatter = scatter,
                                       .log_prob = logProb,
                                       .log_prob_grad = logProbGrad,
                                       .adam = adam,
                                       .square_sum = squareSum,
                                       .clear = clear,
                                       .copy = copy,
                                       .round_bf16 = roundBf16};
    return table;
}

const ProductTable& roundedViewOf(std::shared_ptr<Device> device) {
    view.use(std::move(device));
    training = &cudaTraining();
    static const ProductTable table{training->rounded->name, roundedLinear, roundedLinearInput,
                                    roundedLinearWeight};
    return table;
}

} // namespace fulgurite::test
