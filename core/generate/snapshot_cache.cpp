// SPDX-License-Identifier: Apache-2.0
#include "core/generate/snapshot_cache.h"

#include <algorithm>
#include <utility>

namespace fulgurite {

struct SnapshotCache::Node {
    TokenIds edge; // from the parent to here; not empty but for the root
    Node* parent = nullptr;
    std::map<TokenId, std::unique_ptr<Node>> children; // by the first token of their edge
    std::optional<SequenceState> state;
    SnapshotKind kind = SnapshotKind::Periodic;
    std::list<Node*>::iterator use{}; // valid while there is a state
};

SnapshotCache::SnapshotCache(std::size_t byte_budget) : budget_(byte_budget) {}

SnapshotCache::~SnapshotCache() = default;

SnapshotCache::Place SnapshotCache::deepestSnapshot(const std::string& tenant, std::span<const TokenId> tokens,
                                                    std::size_t limit) const {
    tokens = tokens.first(std::min(limit, tokens.size()));
    Place best;
    const auto root = roots_.find(tenant);
    if (root == roots_.end()) {
        return best;
    }
    Node* node = root->second.get();
    std::size_t depth = 0;
    while (depth < tokens.size()) {
        const auto child = node->children.find(tokens[depth]);
        if (child == node->children.end()) {
            break;
        }
        node = child->second.get();
        const auto rest = tokens.subspan(depth);
        if (rest.size() < node->edge.size() || !std::equal(node->edge.begin(), node->edge.end(), rest.begin())) {
            break;
        }
        depth += node->edge.size();
        if (node->state) {
            best = {node, depth};
        }
    }
    return best;
}

std::optional<SequenceState> SnapshotCache::longest(const std::string& tenant, std::span<const TokenId> tokens,
                                                    std::size_t limit) {
    const std::lock_guard lock(mutex_);
    const Place place = deepestSnapshot(tenant, tokens, limit);
    if (place.node == nullptr) {
        return std::nullopt;
    }
    by_use_.splice(by_use_.begin(), by_use_, place.node->use);
    return place.node->state->fork();
}

std::size_t SnapshotCache::longestLength(const std::string& tenant, std::span<const TokenId> tokens,
                                         std::size_t limit) const {
    const std::lock_guard lock(mutex_);
    return deepestSnapshot(tenant, tokens, limit).depth;
}

SnapshotCache::Node* SnapshotCache::find(const std::string& tenant, std::span<const TokenId> tokens) const {
    const Place place = deepestSnapshot(tenant, tokens, tokens.size());
    return place.depth == tokens.size() ? place.node : nullptr;
}

bool SnapshotCache::contains(const std::string& tenant, std::span<const TokenId> tokens) const {
    const std::lock_guard lock(mutex_);
    return find(tenant, tokens) != nullptr;
}

// Cuts the edge that leads to `node` after `length` tokens, with a new node between.
void SnapshotCache::splitEdge(Node& node, std::size_t length) {
    Node& parent = *node.parent;
    std::unique_ptr<Node>& slot = parent.children.at(node.edge.front());
    auto between = std::make_unique<Node>();
    between->edge.assign(node.edge.begin(), node.edge.begin() + static_cast<std::ptrdiff_t>(length));
    between->parent = &parent;
    node.edge.erase(node.edge.begin(), node.edge.begin() + static_cast<std::ptrdiff_t>(length));
    node.parent = between.get();
    const TokenId first = node.edge.front();
    between->children.emplace(first, std::exchange(slot, nullptr));
    slot = std::move(between);
}

SnapshotCache::Node* SnapshotCache::makeNode(const std::string& tenant, std::span<const TokenId> tokens) {
    std::unique_ptr<Node>& root = roots_[tenant];
    if (!root) {
        root = std::make_unique<Node>();
    }
    Node* node = root.get();
    while (!tokens.empty()) {
        auto& slot = node->children[tokens.front()];
        if (!slot) {
            slot = std::make_unique<Node>();
            slot->edge.assign(tokens.begin(), tokens.end());
            slot->parent = node;
            return slot.get();
        }
        Node* child = slot.get();
        const auto [edge_end, token_end] =
            std::mismatch(child->edge.begin(), child->edge.end(), tokens.begin(), tokens.end());
        const auto shared = static_cast<std::size_t>(edge_end - child->edge.begin());
        if (shared < child->edge.size()) {
            splitEdge(*child, shared);
            child = child->parent;
        }
        tokens = tokens.subspan(shared);
        node = child;
    }
    return node;
}

// Pages of all softmax layers are made and shared together, so those of the first stand for all.
void SnapshotCache::account(const SequenceState& state, bool added) {
    const StateShape& shape = state.shape();
    std::size_t change = shape.lightningBytes();
    const auto softmax = std::find(shape.layers.begin(), shape.layers.end(), LayerKind::Softmax);
    if (softmax != shape.layers.end()) {
        const auto layer = static_cast<int>(softmax - shape.layers.begin());
        const std::size_t page_bytes = kPageTokens * shape.kvBytesPerToken();
        for (std::size_t page = 0; page * kPageTokens < state.position(); ++page) {
            const KvPage* key = &state.page(layer, page);
            if (added) {
                change += page_users_[key]++ == 0 ? page_bytes : 0;
            } else if (--page_users_[key] == 0) {
                page_users_.erase(key);
                change += page_bytes;
            }
        }
    }
    bytes_ = added ? bytes_ + change : bytes_ - change;
}

bool SnapshotCache::insert(const std::string& tenant, std::span<const TokenId> tokens, SequenceState state,
                           SnapshotKind kind) {
    if (tokens.empty() || state.shape().bytesAt(tokens.size()) > budget_) {
        return false;
    }
    const std::lock_guard lock(mutex_);
    Node* node = makeNode(tenant, tokens);
    if (node->state) {
        node->kind = std::max(node->kind, kind);
        by_use_.splice(by_use_.begin(), by_use_, node->use);
        return false;
    }
    account(state, true);
    node->state.emplace(std::move(state));
    node->kind = kind;
    by_use_.push_front(node);
    node->use = by_use_.begin();
    shrinkLocked(budget_);
    return true;
}

void SnapshotCache::erasePeriodic(const std::string& tenant, std::span<const TokenId> tokens) {
    const std::lock_guard lock(mutex_);
    Node* node = find(tenant, tokens);
    if (node != nullptr && node->kind == SnapshotKind::Periodic) {
        evict(node);
    }
}

void SnapshotCache::shrinkTo(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    shrinkLocked(bytes);
}

void SnapshotCache::shrinkLocked(std::size_t bytes) {
    while (bytes_ > bytes && !by_use_.empty()) {
        evict(by_use_.back());
    }
}

void SnapshotCache::evict(Node* node) {
    account(*node->state, false);
    by_use_.erase(node->use);
    node->state.reset();
    prune(node);
}

// Removes nodes that lead nowhere and joins edges at nodes that mean nothing any more.
void SnapshotCache::prune(Node* node) {
    while (node->parent != nullptr && !node->state && node->children.empty()) {
        Node* parent = node->parent;
        parent->children.erase(node->edge.front());
        node = parent;
    }
    if (node->parent == nullptr || node->state || node->children.size() != 1) {
        return;
    }
    std::unique_ptr<Node> child = std::move(node->children.begin()->second);
    child->edge.insert(child->edge.begin(), node->edge.begin(), node->edge.end());
    child->parent = node->parent;
    node->parent->children[child->edge.front()] = std::move(child); // ends `node`
}

std::size_t SnapshotCache::bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
}

std::size_t SnapshotCache::count() const {
    const std::lock_guard lock(mutex_);
    return by_use_.size();
}

} // namespace fulgurite
