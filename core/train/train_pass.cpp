// SPDX-License-Identifier: Apache-2.0
#include "core/train/train_pass.h"

#include "core/base/error.h"
#include "core/state/device_call.h"
#include "core/train/layer_pass.h"
#include "kernels/device_training.h"

#include <algorithm>
#include <numeric>

namespace fulgurite {

namespace {

// Rows of logits that exist at one time: a batch may be long and the vocabulary large.
constexpr std::size_t kHeadRows = 256;

// One number for each row of logits that exists.
struct HeadFigures {
    explicit HeadFigures(std::shared_ptr<kernels::Device> where) : device(std::move(where)) {}

    std::shared_ptr<kernels::Device> device;
    TrainIndices targets{device};
    TrainBuffer log_probs{device}, log_sums{device}, entropies{device}, dlog_probs{device}, dentropies{device};
};

} // namespace

struct TrainPass::State {
    const TrainModel& model;
    TrainPlace place;
    kernels::Queue& queue = place.queue;
    const kernels::OpTable& ops;
    const kernels::BackwardOpTable& grads;
    kernels::ProductTable products;
    LayerScratch scratch{place.device};
    std::vector<LayerActivations> layers;
    TrainBuffer last{place.device}; // [rows, h]: the output of the last layer
    std::vector<TokenId> tokens;
    std::vector<std::size_t> lengths;
    std::vector<std::int32_t> target_rows;
    std::vector<TokenId> targets;           // of target_rows
    TrainBuffer rounded_head{place.device}; // [vocab, h], where a head in bfloat16 is asked for
    TrainBuffer head_rows{place.device}, head_normed{place.device}, head_gradient{place.device},
        logits{place.device}, stream_gradient{place.device}, other_gradient{place.device};
    HeadFigures head{place.device};                                  // of a part of the rows with a target
    std::vector<float> log_probs, entropies, dlog_probs, dentropies; // of all of them, for the objective

    State(const TrainModel& m, kernels::ThreadPool& pool, const kernels::OpTable& o,
          const kernels::BackwardOpTable& b)
        : model(m),
          place(m.device(), pool),
          ops(o),
          grads(b),
          products{o.name, o.linear, b.linear_input, b.linear_weight} {
        for (std::size_t i = 0; i < m.config().layers.size(); ++i) {
            layers.emplace_back(place.device);
        }
    }

    std::size_t rows() const { return tokens.size(); }
    std::size_t width() const { return static_cast<std::size_t>(model.config().hidden_size); }
    std::size_t vocab() const { return static_cast<std::size_t>(model.config().vocab_size); }
    LayerContext context(float* gradients) {
        return {model, ops, grads, products, place, queue, scratch, lengths, rows(), gradients};
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
    void forward(const TrainBatch& batch);
    double backward(const Objective& objective, const BackwardOptions& options, float* gradients);
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
    for (std::vector<float>* array : {&log_probs, &entropies, &dlog_probs, &dentropies}) {
        array->resize(targets.size());
    }
}

void TrainPass::State::norm(const float* x, std::size_t slot, std::size_t count, float* out) {
    ops.norm({x, model.data() + slot, out, count, width(), model.config().rms_norm_eps}, queue);
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
        grads.clear(dnormed, count, queue);
    }
    block(normed, dbranch, dnormed);
    grads.norm({x, model.data() + norm_slot, dnormed, rows(), width(), model.config().rms_norm_eps, spare,
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
    const float* head_weights = model.data() + model.layout().slots().head;
    const bool rounded = arithmetic == HeadArithmetic::Bfloat16;
    if (rounded) {
        float* copy = rounded_head.atLeast(vocab() * width());
        grads.round_bf16(head_weights, vocab() * width(), copy, queue);
        head_weights = copy;
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
            grads.round_bf16(normed, count * width(), normed, queue);
        }
        const kernels::LinearTask task{normed, width(), count, {head_weights, DType::F32, vocab(), width()},
                                       z,      vocab()};
        ops.linear({&task, 1}, queue);
        if (rounded) {
            grads.round_bf16(z, count * vocab(), z, queue);
        }
        place.put(head.targets.atLeast(kHeadRows), targets.data() + first, count);
        grads.log_prob({z, head.targets.data(), count, vocab(), temperature, head.log_probs.atLeast(kHeadRows),
                        head.log_sums.atLeast(kHeadRows), head.entropies.atLeast(kHeadRows)},
                       queue);
        place.get(log_probs.data() + first, head.log_probs.data(), count);
        place.get(entropies.data() + first, head.entropies.data(), count);
        body(first, count, z);
    }
}

void TrainPass::State::headBackward(const Objective& objective, const BackwardOptions& options, float* gradients,
                                    float* dstream) {
    const ModelSlots& slots = model.layout().slots();
    grads.clear(dstream, rows() * width(), queue);
    forHeadParts(options.temperature, HeadArithmetic::Float32, [&](std::size_t first, std::size_t count, float* z) {
        objective(viewOf(first, count));
        place.put(head.dlog_probs.atLeast(kHeadRows), dlog_probs.data() + first, count);
        place.put(head.dentropies.atLeast(kHeadRows), dentropies.data() + first, count);
        grads.log_prob_grad({z, head.targets.data(), count, vocab(), options.temperature, head.log_sums.data(),
                             head.entropies.data(), head.dlog_probs.data(),
                             options.entropy_gradient ? head.dentropies.data() : nullptr},
                            queue);
        const kernels::LinearWeightGrad weight{z,       vocab(), count,   head_normed.data(),
                                               width(), vocab(), width(), gradients + slots.head};
        grads.linear_weight({&weight, 1}, queue);
        float* dnormed = head_gradient.atLeast(kHeadRows * width());
        const kernels::LinearInputGrad input{z,       vocab(), count, model.data() + slots.head, vocab(), width(),
                                             dnormed, width(), false};
        grads.linear_input({&input, 1}, queue);
        float* drows = head_normed.data(); // no longer needed
        grads.norm({head_rows.data(), model.data() + slots.final_norm, dnormed, count, width(),
                    model.config().rms_norm_eps, drows, false, gradients + slots.final_norm},
                   queue);
        grads.embed({target_rows.data() + first, drows, count, width(), dstream}, queue); // each row once
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

namespace {

const kernels::OpTable& opsFor(const TrainModel& model) {
    return model.device() ? model.device()->ops(kernels::Precision::Exact) : kernels::bestCpuOps();
}

const kernels::BackwardOpTable& gradientsFor(const TrainModel& model) {
    return model.device() ? onDevice([]() -> const auto& { return *kernels::cudaTraining().gradients; })
                          : kernels::bestCpuBackwardOps();
}

} // namespace

TrainPass::TrainPass(const TrainModel& model, kernels::ThreadPool& pool, Arithmetic arithmetic)
    : TrainPass(model, pool, opsFor(model), gradientsFor(model)) {
    if (arithmetic == Arithmetic::Bfloat16) {
        state_->products = model.device() ? *kernels::cudaTraining().rounded : productsOf(arithmetic);
    }
}

TrainPass::TrainPass(const TrainModel& model, kernels::ThreadPool& pool, const kernels::OpTable& ops,
                     const kernels::BackwardOpTable& backward_ops)
    : state_(std::make_unique<State>(model, pool, ops, backward_ops)) {}

TrainPass::~TrainPass() = default;

void TrainPass::State::forward(const TrainBatch& batch) {
    admit(batch);
    float* first = stream(0).atLeast(rows() * width());
    ops.embed({{model.data() + model.layout().slots().embedding, DType::F32, vocab(), width()},
               tokens.data(),
               rows(),
               first},
              queue);
    for (std::size_t i = 0; i < layers.size(); ++i) {
        forwardLayer(i);
    }
}

void TrainPass::forward(const TrainBatch& batch) {
    onDevice([&] { state_->forward(batch); });
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
    onDevice([&] {
        state_->forHeadParts(temperature, head, [&](std::size_t first, std::size_t count, const float*) {
            read(state_->viewOf(first, count));
        });
    });
}

double TrainPass::State::backward(const Objective& objective, const BackwardOptions& options, float* gradients) {
    const std::size_t count = rows() * width();
    float* dstream = stream_gradient.atLeast(count);
    float* spare = other_gradient.atLeast(count);
    headBackward(objective, options, gradients, dstream);
    const double layer_count = static_cast<double>(layers.size());
    double balance = 0;
    for (std::size_t i = layers.size(); i-- > 0;) {
        balance += backwardLayer(i, gradients, dstream, spare, options.balance / layer_count);
    }
    grads.embed({tokens.data(), dstream, rows(), width(), gradients + model.layout().slots().embedding}, queue);
    place.wait();
    return balance / layer_count;
}

double TrainPass::backward(const Objective& objective, const BackwardOptions& options, std::span<float> gradients) {
    State& s = *state_;
    if (gradients.size() != s.model.layout().size()) {
        fail(ErrorKind::Internal, "gradients hold {} numbers, the model {}", gradients.size(),
             s.model.layout().size());
    }
    return onDevice([&] { return s.backward(objective, options, gradients.data()); });
}

void TrainPass::clear(std::span<float> gradients) {
    onDevice([&] { state_->grads.clear(gradients.data(), gradients.size(), state_->queue); });
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
