// SPDX-License-Identifier: Apache-2.0
// Forks of sequence states by the tokens that they have absorbed: a prefix tree with a byte budget. A lightning
// layer's matrix cannot be rolled back, so a prefix can be entered again only where a snapshot of it was kept.
// Every tenant has a tree of its own: how fast a prompt is answered must not tell what others have asked.
#pragma once

#include "core/base/types.h"
#include "core/state/sequence_state.h"

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace fulgurite {

enum class SnapshotKind : std::uint8_t {
    Periodic, // may be thinned out again by whoever put it there
    Turn,     // end of a prompt or an answer: goes only when it is the least recently used
};

// Thread-safe.
class SnapshotCache {
  public:
    explicit SnapshotCache(std::size_t byte_budget);
    ~SnapshotCache();

    // A fork of the snapshot with the longest prefix of `tokens`, of at most `limit` tokens.
    std::optional<SequenceState> longest(const std::string& tenant, std::span<const TokenId> tokens,
                                         std::size_t limit);
    // Its length, 0 when there is none. Does not count as a use.
    std::size_t longestLength(const std::string& tenant, std::span<const TokenId> tokens, std::size_t limit) const;
    bool contains(const std::string& tenant, std::span<const TokenId> tokens) const;

    // `state` has absorbed exactly `tokens`. An equal snapshot that is there already stays, and becomes a Turn when
    // either is. Returns whether this one was kept.
    bool insert(const std::string& tenant, std::span<const TokenId> tokens, SequenceState state, SnapshotKind kind);
    // Drops a Periodic snapshot, if there is one.
    void erasePeriodic(const std::string& tenant, std::span<const TokenId> tokens);
    // Drops the least recently used until at most `bytes` are left.
    void shrinkTo(std::size_t bytes);

    // Matrices and pages, each page counted once however many snapshots share it.
    std::size_t bytes() const;
    std::size_t count() const;
    std::size_t budget() const { return budget_; }

  private:
    struct Node;
    struct Place {
        Node* node = nullptr;  // deepest node that lies on the path
        std::size_t depth = 0; // tokens up to its end
    };

    Place deepestSnapshot(const std::string& tenant, std::span<const TokenId> tokens, std::size_t limit) const;
    Node* find(const std::string& tenant, std::span<const TokenId> tokens) const;
    Node* makeNode(const std::string& tenant, std::span<const TokenId> tokens);
    static void splitEdge(Node& node, std::size_t length);
    static std::vector<const KvPage*> pagesOf(const SequenceState& state);
    // The change in bytes.
    std::size_t addUser(const SequenceState& state, const std::vector<const KvPage*>& pages);
    std::size_t removeUser(const SequenceState& state, const std::vector<const KvPage*>& pages) noexcept;
    void evict(Node* node) noexcept;
    void prune(Node* node) noexcept;
    void shrinkLocked(std::size_t bytes) noexcept;

    const std::size_t budget_;
    mutable std::mutex mutex_;
    std::map<std::string, std::unique_ptr<Node>> roots_; // by tenant
    std::list<Node*> by_use_;                            // most recent first
    std::unordered_map<const KvPage*, std::size_t> page_users_;
    std::size_t bytes_ = 0;
};

} // namespace fulgurite
