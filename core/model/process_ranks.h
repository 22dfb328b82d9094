// SPDX-License-Identifier: Apache-2.0
// A model that is split over processes and yet has one caller: rank 0. It tells the others of every state that
// begins, is copied or goes, and of every batch before it runs; they do the same with their heads, and meet it in
// the communicator's calls.
#pragma once

#include "core/model/hybrid_model.h"
#include "kernels/comm/process_group.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace fulgurite {

// Rank 0's side. Lives as long as the model or one of its states; then the others are told that it is over.
class RankLeader final : public StateMirror {
  public:
    explicit RankLeader(std::shared_ptr<kernels::ProcessGroup> group) : group_(std::move(group)) {}
    ~RankLeader() override;

    std::uint64_t begin() override;
    std::uint64_t fork(std::uint64_t from) override;
    void drop(std::uint64_t state) noexcept override;
    void skipTo(std::uint64_t state, std::size_t position) override;
    std::vector<float> gather(std::uint64_t state, const StateArray& array,
                              const std::vector<float>& mine) override;
    void scatter(std::uint64_t state, const StateArray& array, std::span<const float> whole) override;

    // Before the batch is run. `wanted`: the head-wise points that its tap wants, as TapPoint and layer.
    using Wanted = std::vector<std::pair<std::uint8_t, std::int32_t>>;
    void announce(std::span<const SequenceChunk> batch, const Wanted& wanted);
    // Held while an announced batch runs: the calls of two must not meet.
    std::mutex& turn() { return turn_; }

  private:
    // What was to be said so far and the order, and then the call that all ranks make together.
    void callTogether(const std::string& order, const std::function<void(kernels::Queue&)>& call);
    std::string pending(); // what happened to states since the last order

    std::shared_ptr<kernels::ProcessGroup> group_;
    std::mutex turn_;
    std::mutex mutex_; // guards the rest
    std::uint64_t last_ = 0;
    std::string events_;
};

// Every other rank's side: does what rank 0 tells until that ends. `model` is this rank's part. Throws
// Error{Unavailable} when another rank has died.
void followRanks(const HybridModel& model, kernels::ProcessGroup& group, kernels::ThreadPool& pool);

} // namespace fulgurite
