// SPDX-License-Identifier: Apache-2.0
// Reads bytes against a grammar. What may be going on after some bytes is a set of stacks of calls; equal sets are
// one configuration, and where each byte leads from it is computed once.
#pragma once

#include "core/grammar/grammar.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace fulgurite::grammar {

using ConfigId = std::int32_t;
inline constexpr ConfigId kDead = -1; // no continuation is in the grammar

// Not synchronised. Every configuration but kDead can be read to an end: calls that would go deeper than kMaxDepth
// are never begun.
class Machine {
  public:
    static constexpr int kMaxDepth = 192;
    // Beyond this many configurations new ones are dead, until reset().
    static constexpr std::size_t kMaxConfigs = 1 << 15;

    explicit Machine(Grammar grammar);

    ConfigId start();
    ConfigId next(ConfigId config, std::uint8_t byte);
    // The bytes so far are whole.
    bool accepts(ConfigId config) const { return configs_[static_cast<std::size_t>(config)].accepts; }
    // Whole, and nothing can follow.
    bool complete(ConfigId config) const;

    std::size_t configs() const { return configs_.size(); }
    // Forgets all configurations but these and renumbers them in place.
    void reset(std::vector<ConfigId*> kept);

  private:
    using FrameId = std::int32_t;
    // A call in progress: where it returns to, with the count of a repetition, and what called that.
    struct Frame {
        NodeId node = 0;
        std::uint32_t count = 0;
        FrameId parent = -1;
        int depth = 0;
    };
    // One thing that may be going on. `count` is of the repetition at `node`, 0 elsewhere.
    struct Item {
        NodeId node = 0;
        std::uint32_t count = 0;
        FrameId frame = 0;
        auto operator<=>(const Item&) const = default;
    };
    using Items = std::vector<Item>;
    struct ItemsHash {
        std::size_t operator()(const Items& items) const;
    };
    struct Config {
        Items items; // each reads bytes
        bool accepts = false;
        std::vector<ConfigId> next; // for each class of bytes; empty until asked
    };
    class Closure;

    const Node& nodeAt(NodeId id) const { return grammar_.nodes[static_cast<std::size_t>(id)]; }
    void classifyBytes();
    FrameId frame(NodeId node, std::uint32_t count, FrameId parent);
    FrameId copyFrame(const std::vector<Frame>& frames, FrameId id);
    ConfigId intern(Items kernel);
    ConfigId internItems(Items items, bool accepts);

    Grammar grammar_;
    std::array<std::uint8_t, 256> classes_{}; // bytes that no edge tells apart
    std::size_t class_count_ = 0;
    std::vector<Frame> frames_;
    std::unordered_map<Items, FrameId, ItemsHash> frame_ids_; // of one item: node, count, parent
    std::vector<Config> configs_;
    std::unordered_map<Items, ConfigId, ItemsHash> kernels_;
    std::unordered_map<Items, ConfigId, ItemsHash> closed_; // with {-1, accepts, -1} in front
};

} // namespace fulgurite::grammar
