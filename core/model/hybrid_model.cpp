// SPDX-License-Identifier: Apache-2.0
#include "core/model/hybrid_model.h"

#include "core/base/error.h"
#include "core/model/activations.h"

#include <algorithm>
#include <new>

namespace fulgurite {

Workspace::Workspace() : buffers_(std::make_unique<Buffers>()) {}
Workspace::~Workspace() = default;
Workspace::Workspace(Workspace&&) noexcept = default;
Workspace& Workspace::operator=(Workspace&&) noexcept = default;

HybridModel::HybridModel(std::unique_ptr<const ModelWeights> weights, const kernels::OpTable& ops)
    : weights_(std::move(weights)), ops_(&ops) {}

HybridModel::~HybridModel() = default;

std::shared_ptr<const HybridModel> HybridModel::load(const std::filesystem::path& folder) {
    return load(folder, kernels::bestCpuOps());
}

std::shared_ptr<const HybridModel> HybridModel::load(const std::filesystem::path& folder,
                                                     const kernels::OpTable& ops) {
    return std::make_shared<const HybridModel>(loadWeights(folder), ops);
}

const ModelConfig& HybridModel::config() const {
    return weights_->config;
}

namespace {

// Checks the batch and returns its number of rows.
std::size_t admit(const ModelConfig& config, std::span<SequenceChunk> batch) {
    std::size_t rows = 0;
    for (const SequenceChunk& chunk : batch) {
        for (const TokenId id : chunk.tokens) {
            if (id < 0 || id >= config.vocab_size) {
                fail(ErrorKind::InvalidInput, "token {} is outside the model's vocabulary of {}", id,
                     config.vocab_size);
            }
        }
        rows += chunk.tokens.size();
    }
    return rows;
}

void embed(ForwardContext& context, float* hidden) {
    const std::size_t width = static_cast<std::size_t>(context.weights.config.hidden_size);
    std::size_t row = 0;
    for (const SequenceChunk& chunk : context.batch) {
        context.ops.embed(
            {context.weights.embedding, chunk.tokens.data(), chunk.tokens.size(), hidden + row * width},
            context.queue);
        row += chunk.tokens.size();
    }
}

void addBranch(ForwardContext& context, const ResidualScale& scale, float* hidden, const float* normed,
               const float* branch) {
    const ModelConfig& config = context.weights.config;
    // postnorm: what is carried on is the normalised tensor, not what went into the norm.
    const float* residual = config.postnorm ? normed : hidden;
    context.ops.residual({residual, branch, hidden, context.rows * static_cast<std::size_t>(config.hidden_size),
                          scale.alpha, scale.beta},
                         context.queue);
}

void runLayer(ForwardContext& context, int index, float* hidden) {
    const ModelConfig& config = context.weights.config;
    const LayerWeights& layer = context.weights.layers[static_cast<std::size_t>(index)];
    const std::size_t width = static_cast<std::size_t>(config.hidden_size);
    float* normed = context.buffers.normed.atLeast(context.rows * width);
    float* branch = context.buffers.branch.atLeast(context.rows * width);
    const bool lightning = layer.kind == LayerKind::Lightning;

    context.ops.norm({hidden, layer.input_norm.data(), normed, context.rows, width, config.rms_norm_eps},
                     context.queue);
    if (lightning) {
        lightningForward(context, index, normed, branch);
    } else {
        softmaxForward(context, index, normed, branch);
    }
    silence(context, index, BlockPart::Attention, branch);
    context.offer(TapPoint::Attention, index, branch, width);
    addBranch(context, lightning ? config.lightning_scale : config.softmax_scale, hidden, normed, branch);
    context.offer(TapPoint::AttentionSum, index, hidden, width);

    context.ops.norm({hidden, layer.mlp_norm.data(), normed, context.rows, width, config.rms_norm_eps},
                     context.queue);
    moeForward(context, index, normed, branch);
    silence(context, index, BlockPart::Experts, branch);
    context.offer(TapPoint::Experts, index, branch, width);
    addBranch(context, config.mlp_scale, hidden, normed, branch);
}

std::size_t wantedRows(const SequenceChunk& chunk) {
    switch (chunk.logits) {
    case LogitsWanted::All:
        return chunk.tokens.size();
    case LogitsWanted::Last:
        return std::min<std::size_t>(chunk.tokens.size(), 1);
    case LogitsWanted::None:
        break;
    }
    return 0;
}

// Everything the pass will need, before it touches a state: whoever called can try again with less.
void takeMemory(const ModelConfig& config, std::span<SequenceChunk> batch, std::size_t rows,
                Workspace::Buffers& buffers, std::vector<float>& logits) {
    std::size_t wanted = 0;
    for (const SequenceChunk& chunk : batch) {
        wanted += wantedRows(chunk);
    }
    try {
        for (const SequenceChunk& chunk : batch) {
            chunk.state->reserve(chunk.tokens.size());
        }
        buffers.prepare(config, rows, wanted);
        logits.reserve(logits.size() + wanted * static_cast<std::size_t>(config.vocab_size));
    } catch (const std::bad_alloc&) {
        fail(ErrorKind::OutOfMemory,
             "the machine has no memory left to compute {} tokens at once; free some, or compute fewer at a time",
             rows);
    }
}

// Appends the logits of the wanted rows: final norm, then the head in float32.
void appendLogits(ForwardContext& context, const float* hidden, std::vector<float>& logits) {
    const ModelConfig& config = context.weights.config;
    const std::size_t width = static_cast<std::size_t>(config.hidden_size);
    std::vector<std::int32_t>& index = context.buffers.gather_index;
    index.clear();
    std::size_t row = 0;
    for (const SequenceChunk& chunk : context.batch) {
        const std::size_t count = chunk.tokens.size();
        for (std::size_t i = count - wantedRows(chunk); i < count; ++i) {
            index.push_back(static_cast<std::int32_t>(row + i));
        }
        row += count;
    }
    if (index.empty()) {
        return;
    }
    const std::size_t rows = index.size();
    const std::size_t vocab = static_cast<std::size_t>(config.vocab_size);
    float* wanted = context.buffers.wanted.atLeast(rows * width);
    context.ops.gather({hidden, index.data(), rows, width, wanted}, context.queue);
    context.ops.norm({wanted, context.weights.final_norm.data(), wanted, rows, width, config.rms_norm_eps},
                     context.queue);
    const std::size_t before = logits.size();
    logits.resize(before + rows * vocab);
    const kernels::LinearTask head[] = {{wanted, width, rows, context.weights.head, logits.data() + before, vocab}};
    context.ops.linear(std::span(head), context.queue);
}

} // namespace

void HybridModel::forward(std::span<SequenceChunk> batch, kernels::ThreadPool& pool, Workspace& workspace,
                          std::vector<float>& logits, ForwardTap* tap) const {
    const std::size_t rows = admit(config(), batch);
    if (rows == 0) {
        return;
    }
    Workspace::Buffers& buffers = workspace.buffers();
    if (!buffers.queue || &buffers.queue->pool() != &pool) {
        buffers.queue.emplace(pool);
    }
    takeMemory(config(), batch, rows, buffers, logits);
    const bool intervened = std::any_of(batch.begin(), batch.end(), [](const SequenceChunk& chunk) {
        return chunk.intervention != nullptr && !chunk.intervention->empty();
    });
    ForwardContext context{*weights_, *ops_, *buffers.queue, buffers, batch, rows, tap, intervened};
    const std::size_t width = static_cast<std::size_t>(config().hidden_size);
    float* hidden = buffers.hidden.atLeast(rows * width);
    embed(context, hidden);
    context.offer(TapPoint::Hidden, 0, hidden, width);
    for (int layer = 0; layer < config().layerCount(); ++layer) {
        runLayer(context, layer, hidden);
        context.offer(TapPoint::Hidden, layer + 1, hidden, width);
    }
    for (SequenceChunk& chunk : batch) {
        chunk.state->advance(chunk.tokens.size());
    }
    appendLogits(context, hidden, logits);
}

} // namespace fulgurite
