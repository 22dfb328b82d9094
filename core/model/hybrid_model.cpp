// SPDX-License-Identifier: Apache-2.0
#include "core/model/hybrid_model.h"

#include "core/base/error.h"
#include "core/model/activations.h"
#include "core/model/process_ranks.h"
#include "core/state/device_call.h"

#include <algorithm>
#include <new>

namespace fulgurite {

Workspace::Workspace() : buffers_(std::make_unique<Buffers>()) {}
Workspace::~Workspace() = default;
Workspace::Workspace(Workspace&&) noexcept = default;
Workspace& Workspace::operator=(Workspace&&) noexcept = default;

namespace {

// run(), from where on states change: what it throws says so. A device may be out of memory only then, for what its
// operations need in between.
template <class Run>
void runToTheEnd(const Run& run) {
    try {
        onDevice(run);
    } catch (const Error& error) {
        throw BrokenPass(error.kind(), error.what());
    }
}

} // namespace

// What all ranks run on.
struct HybridModel::Pass {
    std::span<SequenceChunk> batch;
    std::size_t rows;
    std::vector<float>& logits; // rank 0 of this process appends to it
    ForwardTap* tap;
    const HeadPoints& head_points;
    bool intervened;
};

HybridModel::HybridModel(std::unique_ptr<const ModelWeights> weights, const kernels::OpTable& ops)
    : HybridModel(std::move(weights), ops, ShardPlan{}) {}

HybridModel::HybridModel(std::unique_ptr<const ModelWeights> weights, const kernels::OpTable& ops,
                         const ShardPlan& plan)
    : weights_(std::move(weights)), ops_(&ops) {
    for (int rank = 0; rank == 0 || rank < plan.ranks; ++rank) {
        shards_.push_back(Shard::of(config(), plan, rank));
        if (plan.ranks > 1) {
            parts_.push_back(shardOf(*weights_, shards_.back()));
        }
    }
}

HybridModel::HybridModel(std::unique_ptr<const ModelWeights> weights, const kernels::OpTable& ops,
                         const ShardPlan& plan, std::shared_ptr<kernels::Communicator> comm,
                         std::shared_ptr<RankLeader> leader)
    : weights_(std::move(weights)), ops_(&ops), comm_(std::move(comm)), leader_(std::move(leader)) {
    for (int rank = 0; rank < plan.ranks; ++rank) {
        shards_.push_back(Shard::of(config(), plan, rank));
    }
    parts_.push_back(shardOf(*weights_, shards_[static_cast<std::size_t>(comm_->rank())]));
}

HybridModel::~HybridModel() = default;

std::shared_ptr<const HybridModel> HybridModel::load(const std::filesystem::path& folder) {
    return load(folder, kernels::bestCpuOps());
}

std::shared_ptr<const HybridModel> HybridModel::load(const std::filesystem::path& folder,
                                                     const kernels::OpTable& ops) {
    return load(folder, ops, ShardPlan{});
}

std::shared_ptr<const HybridModel> HybridModel::load(const std::filesystem::path& folder,
                                                     const kernels::OpTable& ops, const ShardPlan& plan,
                                                     const std::shared_ptr<kernels::Device>& device,
                                                     const CopyProgress& progress) {
    auto model = std::make_shared<HybridModel>(loadWeights(folder), ops, plan);
    model->placeOn(device, progress);
    return model;
}

const ModelConfig& HybridModel::config() const {
    return weights_->config;
}

int HybridModel::ranks() const {
    return static_cast<int>(shards_.size());
}

void HybridModel::placeOn(std::shared_ptr<kernels::Device> device, const CopyProgress& progress) {
    placement_.reset();
    if (device == nullptr) {
        return;
    }
    if (parts_.size() > 1) {
        fail(ErrorKind::Unsupported,
             "ranks that are threads compute on the processor; for several GPUs start one process "
             "for each");
    }
    placement_ =
        std::make_unique<const Placement>(std::move(device), parts_.empty() ? *weights_ : *parts_[0], progress);
}

std::shared_ptr<kernels::Device> HybridModel::device() const {
    return placement_ != nullptr ? placement_->device() : nullptr;
}

bool HybridModel::preselects() const {
    return placement_ != nullptr && comm_ == nullptr;
}

const char* HybridModel::kernelsName() const {
    return placement_ != nullptr ? placement_->ops().name : ops_->name;
}

StateShape HybridModel::stateShape() const {
    StateShape shape = StateShape::of(config());
    shape.device = device();
    shape.mirror = leader_;
    if (comm_ != nullptr) {
        const Shard& shard = shards_[static_cast<std::size_t>(comm_->rank())];
        shape.num_heads = static_cast<int>(shard.heads.count);
        shape.num_kv_heads = static_cast<int>(shard.kv_heads.count);
        shape.all_heads = config().num_heads;
        shape.all_kv_heads = config().num_kv_heads;
    }
    return shape;
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
        context.ops.embed({.table = context.weights.embedding,
                           .ids = chunk.tokens.data(),
                           .rows = chunk.tokens.size(),
                           .out = hidden + row * width,
                           .first_id = static_cast<std::int32_t>(context.shard.vocabulary.first)},
                          context.queue);
        row += chunk.tokens.size();
    }
    sumOverRanks(context, hidden, context.rows * width);
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

    context.ops.norm({hidden, context.vector(layer.input_norm), normed, context.rows, width, config.rms_norm_eps},
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

    context.ops.norm({hidden, context.vector(layer.mlp_norm), normed, context.rows, width, config.rms_norm_eps},
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

std::size_t wantedRows(std::span<const SequenceChunk> batch) {
    std::size_t wanted = 0;
    for (const SequenceChunk& chunk : batch) {
        wanted += wantedRows(chunk);
    }
    return wanted;
}

// Everything the pass will need, before it touches a state: whoever called can try again with less.
// prepare(wanted rows) takes that of the buffers.
template <class Prepare>
void takeMemory(const ModelConfig& config, std::span<SequenceChunk> batch, std::size_t rows,
                std::vector<float>& logits, const Prepare& prepare) {
    const std::size_t wanted = wantedRows(batch);
    try {
        for (const SequenceChunk& chunk : batch) {
            chunk.state->reserve(chunk.tokens.size());
        }
        prepare(wanted);
        logits.reserve(logits.size() + wanted * static_cast<std::size_t>(config.vocab_size));
    } catch (const std::bad_alloc&) {
        fail(ErrorKind::OutOfMemory,
             "the machine has no memory left to compute {} tokens at once; free some, or compute fewer at a time",
             rows);
    }
}

// The head's product for rows [rows, hidden] of which every rank computes the logits of its part of the vocabulary.
// `logits` [rows, vocab] of all parts; null on a rank that gives them to the others only.
void gatherLogits(ForwardContext& context, const float* wanted, std::size_t rows, float* logits) {
    const ModelConfig& config = context.weights.config;
    const std::size_t width = static_cast<std::size_t>(config.hidden_size);
    const std::size_t vocab = static_cast<std::size_t>(config.vocab_size);
    const std::size_t most = largestVocabularyPart(config, context.shard.ranks);
    float* mine = context.buffers.logits_part.atLeast(rows * most);
    float* all = context.buffers.logits_parts.atLeast(rows * most * context.shards.size());
    const kernels::LinearTask head[] = {{wanted, width, rows, context.weights.head, mine, most}};
    context.exact.linear(std::span(head), context.queue);
    context.comm->allGather(mine, all, rows * most * sizeof(float), context.queue);
    const float* shown = logits != nullptr ? context.onHost(all, rows * most * context.shards.size()) : nullptr;
    for (std::size_t rank = 0; logits != nullptr && rank < context.shards.size(); ++rank) {
        const Part& part = context.shards[rank].vocabulary;
        for (std::size_t row = 0; row < rows; ++row) {
            std::copy_n(shown + (rank * rows + row) * most, part.count, logits + row * vocab + part.first);
        }
    }
}

// Of rows of logits on a device: one look-up for each run of rows whose chunks wish for one.
void answerWishes(ForwardContext& context, const float* logits) {
    Workspace::Buffers& buffers = context.buffers;
    const auto vocab = static_cast<std::size_t>(context.weights.config.vocab_size);
    const auto wishes = [](const SequenceChunk& chunk) {
        return chunk.wish != nullptr && chunk.answer != nullptr && wantedRows(chunk) == 1;
    };
    std::size_t row = 0;
    for (auto first = context.batch.begin(); first != context.batch.end();) {
        if (!wishes(*first)) {
            row += wantedRows(*first++);
            continue;
        }
        const std::size_t known = first->wish->known;
        const auto last = std::find_if(first, context.batch.end(), [&](const SequenceChunk& chunk) {
            return !wishes(chunk) || chunk.wish->known != known;
        });
        buffers.wishes.clear();
        buffers.changes.clear();
        for (auto chunk = first; chunk != last; ++chunk) {
            buffers.wishes.push_back(chunk->wish->row);
            buffers.wishes.back().first_change = static_cast<std::int32_t>(buffers.changes.size());
            buffers.changes.insert(buffers.changes.end(), chunk->wish->changes.begin(), chunk->wish->changes.end());
        }
        const std::size_t rows = buffers.wishes.size();
        auto* answers = reinterpret_cast<kernels::Preselected*>(
            buffers.device_answers.atLeast(rows * sizeof(kernels::Preselected) / sizeof(float)));
        kernels::cudaSampling().preselect({logits + row * vocab, rows, vocab, known, buffers.wishes.data(),
                                           buffers.changes.data(), buffers.changes.size(), answers},
                                          context.queue);
        buffers.answers.resize(rows);
        context.queue.device()->copyOut(buffers.answers.data(), answers, rows * sizeof(kernels::Preselected));
        for (std::size_t i = 0; i < rows; ++i) {
            LogitsAnswer& answer = *first[static_cast<std::ptrdiff_t>(i)].answer;
            answer.found = kernels::suffices(buffers.wishes[i], buffers.answers[i]);
            answer.row = buffers.answers[i];
        }
        row += rows;
        first = last;
    }
}

// Appends the logits of the wanted rows: final norm, then the head in float32. `logits` null: see gatherLogits.
void appendLogits(ForwardContext& context, const float* hidden, std::vector<float>* logits) {
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
    context.ops.norm({wanted, context.vector(context.weights.final_norm), wanted, rows, width, config.rms_norm_eps},
                     context.queue);
    const auto room = [&](std::size_t more) {
        const std::size_t before = logits->size();
        logits->resize(before + more * vocab);
        return logits->data() + before;
    };
    if (context.comm != nullptr) {
        gatherLogits(context, wanted, rows, logits != nullptr ? room(rows) : nullptr);
        return;
    }
    float* target = context.placement == nullptr ? room(rows) : context.buffers.device_logits.atLeast(rows * vocab);
    const kernels::LinearTask head[] = {{wanted, width, rows, context.weights.head, target, vocab}};
    context.exact.linear(std::span(head), context.queue);
    if (context.placement == nullptr) {
        return;
    }
    context.step.end();
    answerWishes(context, target);
    std::size_t first = 0; // of `target`
    for (const SequenceChunk& chunk : context.batch) {
        const std::size_t count = wantedRows(chunk);
        if (count > 0 && (chunk.answer == nullptr || !chunk.answer->found)) {
            context.queue.device()->copyOut(room(count), target + first * vocab, count * vocab * sizeof(float));
        }
        first += count;
    }
}

// Steps of so few rows are launches of many small kernels: worth replaying.
constexpr std::size_t kReplayedRows = 4;

} // namespace

void HybridModel::runRank(const Pass& pass, std::size_t part, kernels::Communicator* comm,
                          kernels::ThreadPool& pool, Workspace::Buffers& buffers) const {
    buffers.use(pool, device());
    const bool replayed = placement_ != nullptr && comm == nullptr && pass.tap == nullptr && !pass.intervened &&
                          pass.rows <= kReplayedRows;
    DeviceStep step(replayed ? buffers.stream.get() : nullptr);
    const Shard& shard = shards_[comm == nullptr ? 0 : static_cast<std::size_t>(comm->rank())];
    const bool first = part == 0; // of this process
    const bool shares_state = parts_.size() > 1;
    StatePart state;
    if (shares_state) {
        const bool shared_kv = shard.ranks > config().num_kv_heads;
        state = {shard.heads.first, shard.kv_heads.first, shard.owns_kv, shared_kv};
    }
    const ModelWeights& host_weights = parts_.empty() ? *weights_ : *parts_[part];
    ForwardContext context{.weights = placement_ != nullptr ? placement_->weights() : host_weights,
                           .shards = shards_,
                           .shard = shard,
                           .state = state,
                           .comm = comm,
                           .ops = placement_ != nullptr ? placement_->ops() : *ops_,
                           .queue = *buffers.queue,
                           .buffers = buffers,
                           .batch = pass.batch,
                           .rows = pass.rows,
                           .tap = first ? pass.tap : nullptr,
                           .head_points = pass.head_points,
                           .intervened = pass.intervened,
                           .placement = placement_.get(),
                           .exact = placement_ != nullptr ? placement_->exact() : *ops_,
                           .step = step};
    const std::size_t width = static_cast<std::size_t>(config().hidden_size);
    float* hidden = buffers.hidden.atLeast(pass.rows * width);
    embed(context, hidden);
    context.offer(TapPoint::Hidden, 0, hidden, width);
    for (int layer = 0; layer < config().layerCount(); ++layer) {
        runLayer(context, layer, hidden);
        context.offer(TapPoint::Hidden, layer + 1, hidden, width);
    }
    appendLogits(context, hidden, first ? &pass.logits : nullptr);
    step.end();
    if (placement_ != nullptr) {
        buffers.stream->wait(); // states may be copied and forked from now on
    }
}

void HybridModel::runTeam(const Pass& pass, kernels::ThreadPool& pool, Workspace::Buffers& buffers) const {
    const std::size_t wanted = wantedRows(pass.batch);
    std::unique_ptr<RankTeam>& team = buffers.team;
    takeMemory(config(), pass.batch, pass.rows, pass.logits, [&](std::size_t) {
        if (!team || team->isBroken() || team->size() != parts_.size() || team->threads() != pool.size()) {
            team.reset();
            team = std::make_unique<RankTeam>(ranks(), pool.size());
        }
        for (std::size_t rank = 0; rank < team->size(); ++rank) {
            team->rank(rank).workspace.buffers().prepare(config(), shards_[rank], pass.rows, wanted);
        }
    });
    runToTheEnd([&] {
        team->run([&](RankTeam::Rank& rank) {
            runRank(pass, static_cast<std::size_t>(rank.index), rank.comm.get(), rank.pool,
                    rank.workspace.buffers());
        });
    });
}

void HybridModel::runProcess(const Pass& pass, kernels::ThreadPool& pool, Workspace::Buffers& buffers) const {
    try {
        if (leader_) {
            leader_->announce(pass.batch, pass.head_points.list());
        }
        runRank(pass, 0, comm_.get(), pool, buffers);
        if (comm_) {
            comm_->check(); // or what was computed means nothing
        }
    } catch (const kernels::CommError& error) {
        fail(ErrorKind::Unavailable, "the ranks of the model stopped: {}", error.what());
    } catch (const std::exception& error) {
        if (comm_ != nullptr) {
            comm_->abort(error.what()); // or the other processes would wait
        }
        throw;
    }
}

std::size_t HybridModel::passBytes(std::size_t rows, std::size_t wanted_rows) const {
    std::size_t floats = wanted_rows * static_cast<std::size_t>(config().vocab_size);
    if (device() == nullptr) { // or the buffers lie there
        const std::size_t first = comm_ == nullptr ? 0 : static_cast<std::size_t>(comm_->rank());
        const std::size_t here = std::max<std::size_t>(parts_.size(), 1);
        for (std::size_t rank = first; rank < first + here; ++rank) {
            floats += Workspace::Buffers::floatsFor(config(), shards_[rank], rows, wanted_rows, false);
        }
    }
    return floats * sizeof(float);
}

void HybridModel::forward(std::span<SequenceChunk> batch, kernels::ThreadPool& pool, Workspace& workspace,
                          std::vector<float>& logits, ForwardTap* tap) const {
    const std::size_t rows = admit(config(), batch);
    for (const SequenceChunk& chunk : batch) {
        if (chunk.answer != nullptr) {
            chunk.answer->found = false;
        }
    }
    if (rows == 0) {
        return;
    }
    const bool intervened = std::any_of(batch.begin(), batch.end(), [](const SequenceChunk& chunk) {
        return chunk.intervention != nullptr && !chunk.intervention->empty();
    });
    const HeadPoints head_points(ranks() > 1 ? tap : nullptr, config().layerCount());
    const Pass pass{batch, rows, logits, tap, head_points, intervened};
    Workspace::Buffers& buffers = workspace.buffers();
    if (parts_.size() > 1) {
        runTeam(pass, pool, buffers);
    } else {
        const auto rank = comm_ == nullptr ? std::size_t{0} : static_cast<std::size_t>(comm_->rank());
        takeMemory(config(), batch, rows, logits, [&](std::size_t wanted) {
            onDevice([&] {
                buffers.use(pool, device());
                buffers.prepare(config(), shards_[rank], rows, wanted);
            });
        });
        const auto turn = leader_ ? std::unique_lock(leader_->turn()) : std::unique_lock<std::mutex>();
        runToTheEnd([&] { runProcess(pass, pool, buffers); });
    }
    for (SequenceChunk& chunk : batch) {
        chunk.state->advance(chunk.tokens.size());
    }
}

} // namespace fulgurite
