// SPDX-License-Identifier: Apache-2.0
#include "core/train/train_pass.h"

#include "core/base/error.h"
#include "core/train/layer_pass.h"

#include <algorithm>
#include <numeric>

namespace fulgurite {

namespace {

// Rows of logits that exist at one time: a batch may be long and the vocabulary large.
constexpr std::size_t kHeadRows = 256;

void roundToBf16(const float* from, std::size_t count, float* to) {
    std::transform(from, from + count, to, [](float x) { return bf16ToFloat(floatToBf16(x)); });
}

} // namespace

struct TrainPass::State {
    const TrainModel& model;
    kernels::Queue queue;
    const kernels::OpTable& ops;
    const kernels::BackwardOpTable& grads;
    kernels::ProductTable products;
    LayerScratch scratch;
    std::vector<LayerActivations> layers;
    TrainBuffer last; // [rows, h]: the output of the last layer
    std::vector<TokenId> tokens;
    std::vector<std::size_t> lengths;
    std::vector<std::int32_t> target_rows;
    std::vector<TokenId> targets; // of target_rows
    TrainBuffer rounded_head;     // [vocab, h], where a head in bfloat16 is asked for
    TrainBuffer head_rows, head_normed, head_gradient, logits, stream_gradient, other_gradient;
    std::vector<float> log_probs, log_sums, entropies, dlog_probs, dentropies;

    State(const TrainModel& m, kernels::ThreadPool& pool, const kernels::OpTable& o,
          const kernels::BackwardOpTable& b)
        : model(m),
          queue(pool),
          ops(o),
          grads(b),
          products{o.name, o.linear, b.linear_input, b.linear_weight},
          layers(m.config().layers.size()) {}

    std::size_t rows() const { return tokens.size(); }
    std::size_t width() const { return static_cast<std::size_t>(model.config().hidden_size); }
    std::size_t vocab() const { return static_cast<std::size_t>(model.config().vocab_size); }
    LayerContext context(float* gradients) {
        return {model, ops, grads, products, queue, scratch, lengths, rows(), gradients};
    }
    // What goes into layer i, or out of the last one.
    TrainBuffer& stream(std::size_t i) { return i < layers.size() ? layers[i].stream : last; }

    void admit(const TrainBatch& batch);
    void norm(const float* x, std::size_t slot, std::size_t count, float* out);
    void addBranch(const ResidualScale& scale, const float* stream, const float* normed, const float* branch,
                   float* out);
    void forwardLayer(std::size_t i);
    double backwardLayer(std::size_t i, float* gradients, float*& dstream, float*& spare, double balance);
    // Gradient through y = alpha residual + beta block(norm(x)): from dstream (of y) to dstream (of x).
    template <class Block>
    void backwardBranch(LayerContext& context, const ResidualScale& scale, const float* x, std::size_t norm_slot,
                        float*& dstream, float*& spare, const Block& block);
    // Logits of rows with a target, part by part: body(first, count, logits, normed rows).
    template <class Body>
    void forHeadParts(float temperature, HeadArithmetic arithmetic, const Body& body);
    TargetRows viewOf(std::size_t first, std::size_t count);
    void headBackward(const Objective& objective, const BackwardOptions& options, float* gradients, float* dstream);
};

void TrainPass::State::admit(const TrainBatch& batch) {
    const std::size_t total = std::accumulate(batch.lengths.begin(), batch.lengths.end(), std::size_t{0});
    if (total != batch.tokens.size() || batch.targets.size() != total) {
        fail(ErrorKind::InvalidInput, "a batch of {} tokens has sequences of {} and {} targets",
             batch.tokens.size(), total, batch.targets.size());
    }
    const int limit = model.config().vocab_size;
    const auto check = [limit](TokenId id, TokenId lowest) {
        if (id < lowest || id >= limit) {
            fail(ErrorKind::InvalidInput, "token {} is outside the model's vocabulary of {}", id, limit);
        }
    };
    target_rows.clear();
    targets.clear();
    for (std::size_t r = 0; r < total; ++r) {
        check(batch.tokens[r], 0);
        check(batch.targets[r], TrainBatch::kNoTarget);
        if (batch.targets[r] != TrainBatch::kNoTarget) {
            target_rows.push_back(static_cast<std::int32_t>(r));
            targets.push_back(batch.targets[r]);
        }
    }
    tokens.assign(batch.tokens.begin(), batch.tokens.end());
    lengths.assign(batch.lengths.begin(), batch.lengths.end());
    for (std::vector<float>* array : {&log_probs, &log_sums, &entropies, &dlog_probs, &dentropies}) {
        array->resize(targets.size());
    }
}

void TrainPass::State::norm(const float* x, std::size_t slot, std::size_t count, float* out) {
    ops.norm({x, model.weights().data() + slot, out, count, width(), model.config().rms_norm_eps}, queue);
}

void TrainPass::State::addBranch(const ResidualScale& scale, const float* in, const float* normed,
                                 const float* branch, float* out) {
    const float* residual = model.config().postnorm ? normed : in;
    ops.residual({residual, branch, out, rows() * width(), scale.alpha, scale.beta}, queue);
}

void TrainPass::State::forwardLayer(std::size_t i) {
    const ModelConfig& config = model.config();
    const LayerSlots& slots = model.layout().slots().layers[i];
    const std::size_t count = rows() * width();
    LayerContext layer_context = context(nullptr);
    LayerActivations& saved = layers[i];
    const float* in = saved.stream.data();
    float* middle = saved.middle.atLeast(count);
    float* normed = scratch.normed.atLeast(count);
    float* branch = scratch.branch.atLeast(count);
    norm(in, slots.input_norm, rows(), normed);
    if (slots.kind == LayerKind::Lightning) {
        lightningForward(layer_context, i, normed, saved, branch);
        addBranch(config.lightning_scale, in, normed, branch, middle);
    } else {
        softmaxForward(layer_context, i, normed, saved, branch);
        addBranch(config.softmax_scale, in, normed, branch, middle);
    }
    norm(middle, slots.mlp_norm, rows(), normed);
    expertsForward(layer_context, i, normed, saved, branch);
    addBranch(config.mlp_scale, middle, normed, branch, stream(i + 1).atLeast(count));
}

template <class Block>
void TrainPass::State::backwardBranch(LayerContext& layer_context, const ResidualScale& scale, const float* x,
                                      std::size_t norm_slot, float*& dstream, float*& spare, const Block& block) {
    const bool postnorm = model.config().postnorm;
    const std::size_t count = rows() * width();
    float* normed = scratch.normed.atLeast(count);
    float* dnormed = scratch.dnormed.atLeast(count);
    float* dbranch = scratch.dbranch.atLeast(count);
    norm(x, norm_slot, rows(), normed);
    // postnorm: what is carried on is the normalised tensor, so all of the gradient passes through the norm.
    grads.residual({dstream, postnorm ? dnormed : spare, dbranch, count, scale.alpha, scale.beta, false}, queue);
    if (!postnorm) {
        std::fill_n(dnormed, count, 0.0f);
    }
    block(normed, dbranch, dnormed);
    grads.norm({x, model.weights().data() + norm_slot, dnormed, rows(), width(), model.config().rms_norm_eps, spare,
                !postnorm, layer_context.gradients + norm_slot},
               queue);
    std::swap(dstream, spare);
}

double TrainPass::State::backwardLayer(std::size_t i, float* gradients, float*& dstream, float*& spare,
                                       double balance) {
    const ModelConfig& config = model.config();
    const LayerSlots& slots = model.layout().slots().layers[i];
    LayerContext layer_context = context(gradients);
    LayerActivations& saved = layers[i];
    double loss = 0;
    backwardBranch(layer_context, config.mlp_scale, saved.middle.data(), slots.mlp_norm, dstream, spare,
                   [&](const float* normed, const float* dbranch, float* dnormed) {
                       loss = expertsBackward(layer_context, i, normed, saved, dbranch, dnormed, balance);
                   });
    const bool lightning = slots.kind == LayerKind::Lightning;
    backwardBranch(
        layer_context, lightning ? config.lightning_scale : config.softmax_scale, saved.stream.data(),
        slots.input_norm, dstream, spare, [&](const float* normed, const float* dbranch, float* dnormed) {
            (lightning ? lightningBackward : softmaxBackward)(layer_context, i, normed, saved, dbranch, dnormed);
        });
    return loss;
}

TargetRows TrainPass::State::viewOf(std::size_t first, std::size_t count) {
    const auto part = [&](auto& all) { return std::span(all).subspan(first, count); };
    return {first, part(target_rows), part(log_probs), part(entropies), part(dlog_probs), part(dentropies)};
}

template <class Body>
void TrainPass::State::forHeadParts(float temperature, HeadArithmetic arithmetic, const Body& body) {
    const float* head = model.weights().data() + model.layout().slots().head;
    const bool rounded = arithmetic == HeadArithmetic::Bfloat16;
    if (rounded) {
        float* copy = rounded_head.atLeast(vocab() * width());
        roundToBf16(head, vocab() * width(), copy);
        head = copy;
    }
    std::fill(dlog_probs.begin(), dlog_probs.end(), 0.0f);
    std::fill(dentropies.begin(), dentropies.end(), 0.0f);
    for (std::size_t first = 0; first < targets.size(); first += kHeadRows) {
        const std::size_t count = std::min(kHeadRows, targets.size() - first);
        float* gathered = head_rows.atLeast(kHeadRows * width());
        float* normed = head_normed.atLeast(kHeadRows * width());
        float* z = logits.atLeast(kHeadRows * vocab());
        ops.gather({last.data(), target_rows.data() + first, count, width(), gathered}, queue);
        norm(gathered, model.layout().slots().final_norm, count, normed);
        if (rounded) {
            roundToBf16(normed, count * width(), normed);
        }
        const kernels::LinearTask task{normed, width(), count, {head, DType::F32, vocab(), width()}, z, vocab()};
        ops.linear({&task, 1}, queue);
        if (rounded) {
            roundToBf16(z, count * vocab(), z);
        }
        grads.log_prob({z, targets.data() + first, count, vocab(), temperature, log_probs.data() + first,
                        log_sums.data() + first, entropies.data() + first},
                       queue);
        body(first, count, z);
    }
}

void TrainPass::State::headBackward(const Objective& objective, const BackwardOptions& options, float* gradients,
                                    float* dstream) {
    const ModelSlots& slots = model.layout().slots();
    std::fill_n(dstream, rows() * width(), 0.0f);
    forHeadParts(options.temperature, HeadArithmetic::Float32, [&](std::size_t first, std::size_t count, float* z) {
        objective(viewOf(first, count));
        grads.log_prob_grad({z, targets.data() + first, count, vocab(), options.temperature,
                             log_sums.data() + first, entropies.data() + first, dlog_probs.data() + first,
                             options.entropy_gradient ? dentropies.data() + first : nullptr},
                            queue);
        const kernels::LinearWeightGrad weight{z,       vocab(), count,   head_normed.data(),
                                               width(), vocab(), width(), gradients + slots.head};
        grads.linear_weight({&weight, 1}, queue);
        float* dnormed = head_gradient.atLeast(kHeadRows * width());
        const kernels::LinearInputGrad input{
            z, vocab(), count, model.weights().data() + slots.head, vocab(), width(), dnormed, width(), false};
        grads.linear_input({&input, 1}, queue);
        float* drows = head_normed.data(); // no longer needed
        grads.norm({head_rows.data(), model.weights().data() + slots.final_norm, dnormed, count, width(),
                    model.config().rms_norm_eps, drows, false, gradients + slots.final_norm},
                   queue);
        for (std::size_t i = 0; i < count; ++i) {
            std::copy_n(drows + i * width(), width(),
                        dstream + static_cast<std::size_t>(target_rows[first + i]) * width());
        }
    });
}

const kernels::ProductTable& productsOf(Arithmetic arithmetic) {
    static const kernels::OpTable& ops = kernels::bestCpuOps();
    static const kernels::BackwardOpTable& grads = kernels::bestCpuBackwardOps();
    static const kernels::ProductTable exact{ops.name, ops.linear, grads.linear_input, grads.linear_weight};
    if (arithmetic == Arithmetic::Float32) {
        return exact;
    }
    const kernels::ProductTable* rounded = kernels::cpuBf16Products();
    if (rounded == nullptr) {
        fail(ErrorKind::Unsupported,
             "this processor has no bfloat16 products (AVX-512 BF16): train with \"arithmetic\": \"f32\"");
    }
    return *rounded;
}

TrainPass::TrainPass(const TrainModel& model, kernels::ThreadPool& pool, Arithmetic arithmetic)
    : TrainPass(model, pool, kernels::bestCpuOps(), kernels::bestCpuBackwardOps()) {
    state_->products = productsOf(arithmetic);
}

TrainPass::TrainPass(const TrainModel& model, kernels::ThreadPool& pool, const kernels::OpTable& ops,
                     const kernels::BackwardOpTable& backward_ops)
    : state_(std::make_unique<State>(model, pool, ops, backward_ops)) {}

TrainPass::~TrainPass() = default;

void TrainPass::forward(const TrainBatch& batch) {
    State& s = *state_;
    s.admit(batch);
    float* first = s.stream(0).atLeast(s.rows() * s.width());
    s.ops.embed({{s.model.weights().data() + s.model.layout().slots().embedding, DType::F32, s.vocab(), s.width()},
                 s.tokens.data(),
                 s.rows(),
                 first},
                s.queue);
    for (std::size_t i = 0; i < s.layers.size(); ++i) {
        s.forwardLayer(i);
    }
}

double TrainPass::maxViolation() const {
    double sum = 0;
    for (const LayerActivations& layer : state_->layers) {
        std::size_t most = 0;
        for (const ExpertPlan::Group& group : layer.plan.groups) {
            most = std::max(most, group.count);
        }
        sum += static_cast<double>(most * layer.plan.groups.size()) / static_cast<double>(layer.plan.source.size());
    }
    return sum / static_cast<double>(state_->layers.size()) - 1;
}

void TrainPass::evaluate(const Objective& read, float temperature, HeadArithmetic head) {
    state_->forHeadParts(temperature, head, [&](std::size_t first, std::size_t count, const float*) {
        read(state_->viewOf(first, count));
    });
}

double TrainPass::backward(const Objective& objective, const BackwardOptions& options, std::span<float> gradients) {
    State& s = *state_;
    if (gradients.size() != s.model.layout().size()) {
        fail(ErrorKind::Internal, "gradients hold {} numbers, the model {}", gradients.size(),
             s.model.layout().size());
    }
    const std::size_t count = s.rows() * s.width();
    float* dstream = s.stream_gradient.atLeast(count);
    float* spare = s.other_gradient.atLeast(count);
    s.headBackward(objective, options, gradients.data(), dstream);
    const double layers = static_cast<double>(s.layers.size());
    double balance = 0;
    for (std::size_t i = s.layers.size(); i-- > 0;) {
        balance += s.backwardLayer(i, gradients.data(), dstream, spare, options.balance / layers);
    }
    s.grads.embed(
        {s.tokens.data(), dstream, s.rows(), s.width(), gradients.data() + s.model.layout().slots().embedding},
        s.queue);
    return balance / layers;
}

double TrainPass::activationBytes(const ModelConfig& config, std::size_t tokens) {
    const double h = config.hidden_size;
    const double inner = static_cast<double>(config.num_heads) * config.head_dim;
    const double kv = static_cast<double>(config.num_kv_heads) * config.head_dim;
    const double experts = 2.0 * h + config.num_experts + config.top_k * (4.0 + 2.0 * config.intermediate_size + h);
    const double lightning = 3 * inner + 2 * inner;
    const double softmax = inner + 2 * kv + inner;
    const double floats = config.lightningLayerCount() * lightning + config.softmaxLayerCount() * softmax +
                          config.layerCount() * experts + h;
    return floats * sizeof(float) * static_cast<double>(tokens);
}

} // namespace fulgurite
