// SPDX-License-Identifier: Apache-2.0
// Scratch arrays of one forward pass and the helpers that its parts share. Private to core/model.
#pragma once

#include "core/model/expert_plan.h"
#include "core/model/hybrid_model.h"
#include "core/model/placement.h"
#include "core/model/rank_team.h"
#include "core/model/shard.h"
#include "core/model/weights.h"
#include "kernels/comm/communicator.h"
#include "kernels/float_array.h"
#include "kernels/ops.h"

#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace fulgurite {

// Grows and never shrinks; contents are undefined after a call.
class FloatBuffer {
  public:
    // Drops what it holds; from now on it lies in the memory of `device`, or of the host when that is null.
    void moveTo(const std::shared_ptr<kernels::Device>& device) {
        values_ = {};
        device_ = device;
    }
    float* atLeast(std::size_t count) {
        if (values_.size() < count) {
            values_ = {}; // not both at once
            values_ = kernels::FloatArray(count, device_, "intermediate values");
        }
        return values_.data();
    }

  private:
    std::shared_ptr<kernels::Device> device_;
    kernels::FloatArray values_;
};

// A step of a device's queue, begun when `queue` is not null.
class DeviceStep {
  public:
    explicit DeviceStep(kernels::DeviceQueue* queue) : queue_(queue) {
        if (queue_ != nullptr) {
            queue_->beginStep();
        }
    }
    ~DeviceStep() {
        if (queue_ != nullptr) {
            queue_->dropStep();
        }
    }
    DeviceStep(const DeviceStep&) = delete;
    DeviceStep& operator=(const DeviceStep&) = delete;
    void end() {
        if (queue_ != nullptr) {
            std::exchange(queue_, nullptr)->endStep();
        }
    }

  private:
    kernels::DeviceQueue* queue_;
};

// Widths are those of the rank's part: its heads, its experts, its rows of the vocabulary.
struct Workspace::Buffers {
    std::unique_ptr<RankTeam> team;          // of a model whose ranks are threads; each rank has buffers of its own
    std::shared_ptr<kernels::Device> device; // null: the host
    std::unique_ptr<kernels::DeviceQueue> stream; // of the device
    std::optional<kernels::Queue> queue;          // for the pool of the last call
    FloatBuffer hidden;                           // [rows, hidden]: the stream between layers
    FloatBuffer normed;                           // [rows, hidden]
    FloatBuffer branch;                           // [rows, hidden]: what attention or experts add
    FloatBuffer projected;       // [rows, 3 * heads * head_dim]: qkv, or q | k | v of a softmax layer
    FloatBuffer gate;            // [rows, heads * head_dim]
    FloatBuffer attended;        // [rows, heads * head_dim]
    FloatBuffer squares;         // [rows]: of `attended`, over all ranks
    FloatBuffer router_logits;   // [rows, experts]
    FloatBuffer expert_weights;  // [rows, top_k]
    FloatBuffer ordered_weights; // [rows, top_k], by expert index
    FloatBuffer expert_in;       // [rows * top_k, hidden], by expert
    FloatBuffer expert_gate;     // [rows * top_k, intermediate]
    FloatBuffer expert_up;       // [rows * top_k, intermediate]
    FloatBuffer expert_out;      // [rows * top_k, hidden]
    FloatBuffer wanted;          // [wanted rows, hidden]
    FloatBuffer logits_part;     // [wanted rows, largest part of the vocabulary]
    FloatBuffer logits_parts;    // [ranks, as logits_part]
    FloatBuffer heads_parts;     // what the heads of all ranks show to a tap
    FloatBuffer heads_whole;     // the same in the order of one rank; the host's
    FloatBuffer device_ids;      // [rows, top_k] int32, on a device
    FloatBuffer device_logits;   // [wanted rows, vocab], on a device
    FloatBuffer device_answers;  // [wanted rows] of kernels::Preselected, on a device
    std::vector<kernels::PreselectRow> wishes;
    std::vector<kernels::LogitChange> changes;
    std::vector<kernels::Preselected> answers;
    std::vector<float> copied;              // what a device computed, for a tap or an intervention
    std::vector<std::int32_t> expert_ids;   // [rows, top_k], by falling weight
    std::vector<std::int32_t> gather_index; // [wanted rows]: which rows the head reads
    ExpertPlan plan;                        // rows of expert_in and expert_out
    std::vector<kernels::LinearTask> tasks;
    std::vector<float*> key_pages;
    std::vector<float*> value_pages;

    // The queue and the buffers for this pool and device.
    void use(kernels::ThreadPool& pool, const std::shared_ptr<kernels::Device>& on);
    // Room for all of it, so that a pass that has begun to change states no longer asks for memory.
    void prepare(const ModelConfig& config, const Shard& shard, std::size_t rows, std::size_t wanted_rows);
    // How many floats prepare() makes room for.
    static std::size_t floatsFor(const ModelConfig& config, const Shard& shard, std::size_t rows,
                                 std::size_t wanted_rows, bool on_device);
};

// Where a rank's heads lie in the sequence states, and who writes what.
struct StatePart {
    std::size_t first_head = 0;
    std::size_t first_kv_head = 0;
    bool writes_kv = true;
    bool waits_for_kv = false; // another rank writes pages that this one reads, or the other way round
};

// Which head-wise points a tap wants: asked once before the ranks begin, since all of them take part in showing
// one.
class HeadPoints {
  public:
    HeadPoints(const ForwardTap* tap, int layers);
    bool wants(TapPoint point, int layer) const { return wanted_.contains({point, layer}); }
    std::vector<std::pair<std::uint8_t, std::int32_t>> list() const {
        std::vector<std::pair<std::uint8_t, std::int32_t>> points;
        for (const auto& [point, layer] : wanted_) {
            points.emplace_back(static_cast<std::uint8_t>(point), layer);
        }
        return points;
    }

  private:
    static constexpr TapPoint kPoints[] = {TapPoint::Projections, TapPoint::HeadOutput, TapPoint::HeadGate,
                                           TapPoint::HeadGated};
    std::set<std::pair<TapPoint, int>> wanted_;
};

// What every part of the forward pass of one rank needs. `rows` are the tokens of all chunks, concatenated.
struct ForwardContext {
    const ModelWeights& weights;   // the rank's part
    std::span<const Shard> shards; // of all ranks
    const Shard& shard;            // this rank's
    StatePart state;
    kernels::Communicator* comm; // nullptr: one rank has it all
    const kernels::OpTable& ops;
    kernels::Queue& queue;
    Workspace::Buffers& buffers;
    std::span<SequenceChunk> batch;
    std::size_t rows;
    ForwardTap* tap = nullptr;
    const HeadPoints& head_points;        // of a model with ranks
    bool intervened = false;              // some chunk carries an intervention
    const Placement* placement = nullptr; // null: the host computes
    const kernels::OpTable& exact;        // products that stay in float32: the router's and the head's
    DeviceStep& step;

    std::size_t headDim() const { return static_cast<std::size_t>(weights.config.head_dim); }
    // The width of the rank's heads.
    std::size_t inner() const { return shard.heads.count * headDim(); }

    // A vector of `weights` where the operations read it.
    const float* vector(const std::vector<float>& values) const {
        return placement != nullptr ? placement->vector(values) : values.data();
    }
    // The same values in the host's memory, good until the next call.
    const float* onHost(const float* values, std::size_t count) const {
        if (placement == nullptr) {
            return values;
        }
        buffers.copied.resize(count);
        queue.device()->copyOut(buffers.copied.data(), values, count * sizeof(float));
        return buffers.copied.data();
    }

    // values [rows, width] pass `point`.
    void offer(TapPoint point, int layer, const float* values, std::size_t width) {
        if (tap != nullptr && tap->wants(point, layer)) {
            tap->onValues(point, layer, {onHost(values, rows * width), rows * width}, rows);
        }
    }
};

// What the ranks' parts add up to, in place. Nothing to do for one rank.
void sumOverRanks(ForwardContext& context, float* values, std::size_t count);

// How a row of head-wise values is laid out, over the heads of one rank or of all.
struct HeadColumns {
    std::size_t per_head = 1; // in multiples of head_dim
    bool keys = false;        // then the rank's key heads twice: keys and values
};
// As ForwardContext::offer for values [rows, _] of this rank's heads: a tap sees those of all ranks, as one rank
// has them.
void offerHeads(ForwardContext& context, TapPoint point, int layer, const float* values,
                const HeadColumns& columns);

// Interventions of the batch, each on the rows of its sequence from Intervention::from on. No-ops where none is
// carried.
// attended: [rows, heads of the rank, head_dim], the output projection's input.
void scaleHeads(const ForwardContext& context, int layer, float* attended);
// weights: [rows, top_k] of the experts in buffers.expert_ids.
void dropExperts(const ForwardContext& context, int layer, float* weights);
// branch: [rows, hidden], what `part` of the layer is about to add to the stream.
void silence(const ForwardContext& context, int layer, BlockPart part, float* branch);

// branch [rows, hidden] = attention(normed [rows, hidden]); updates the states of the batch.
void lightningForward(ForwardContext& context, int layer, const float* normed, float* branch);
void softmaxForward(ForwardContext& context, int layer, const float* normed, float* branch);

// The part of it after the router's logits, on a device that has OpTable::experts.
void expertsOnDevice(ForwardContext& context, int layer, const float* normed, const float* logits, float* branch);
// branch [rows, hidden] = mixture of experts of normed [rows, hidden]; leaves ids and weights in the buffers.
void moeForward(ForwardContext& context, int layer, const float* normed, float* branch);

} // namespace fulgurite
