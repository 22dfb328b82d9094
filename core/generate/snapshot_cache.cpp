// SPDX-License-Identifier: Apache-2.0
#include "core/generate/snapshot_cache.h"

#include <algorithm>
#include <new>
#include <utility>

namespace fulgurite {

struct SnapshotCache::Node {
    TokenIds edge; // from the parent to here; not empty but for the root
    Node* parent = nullptr;
    std::map<TokenId, std::unique_ptr<Node>> children; // by the first token of their edge
    std::optional<SequenceState> state;
    std::vector<const KvPage*> pages; // of `state`, as they are counted
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

// Cuts the edge that leads to `node` after `length` tokens, with a new node between. What may throw comes before
// anything is changed.
void SnapshotCache::splitEdge(Node& node, std::size_t length) {
    Node& parent = *node.parent;
    std::unique_ptr<Node>& slot = parent.children.at(node.edge.front());
    auto between = std::make_unique<Node>();
    between->edge.assign(node.edge.begin(), node.edge.begin() + static_cast<std::ptrdiff_t>(length));
    between->parent = &parent;
    std::unique_ptr<Node>& below = between->children[node.edge[length]];
    node.edge.erase(node.edge.begin(), node.edge.begin() + static_cast<std::ptrdiff_t>(length));
    node.parent = between.get();
    below = std::move(slot);
    slot = std::move(between);
}

SnapshotCache::Node* SnapshotCache::makeNode(const std::string& tenant, std::span<const TokenId> tokens) {
    std::unique_ptr<Node>& root = roots_[tenant];
    if (!root) {
        root = std::make_unique<Node>();
    }
    Node* node = root.get();
    while (!tokens.empty()) {
        const auto found = node->children.find(tokens.front());
        if (found == node->children.end()) {
            auto leaf = std::make_unique<Node>();
            leaf->edge.assign(tokens.begin(), tokens.end());
            leaf->parent = node;
            return node->children.emplace(tokens.front(), std::move(leaf)).first->second.get();
        }
        Node* child = found->second.get();
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

// Pages of all softmax layers are made and shared together, so those of the first stand for all. Empty without
// softmax layers.
std::vector<const KvPage*> SnapshotCache::pagesOf(const SequenceState& state) {
    std::vector<const KvPage*> pages;
    const StateShape& shape = state.shape();
    const auto softmax = std::find(shape.layers.begin(), shape.layers.end(), LayerKind::Softmax);
    if (softmax != shape.layers.end()) {
        const auto layer = static_cast<int>(softmax - shape.layers.begin());
        pages.reserve(state.position() / kPageTokens + 1);
        for (std::size_t page = 0; page * kPageTokens < state.position(); ++page) {
            pages.push_back(&state.page(layer, page));
        }
    }
    return pages;
}

// Throws before anything is counted; a page with no users is as one that is not listed.
std::size_t SnapshotCache::addUser(const SequenceState& state, const std::vector<const KvPage*>& pages) {
    for (const KvPage* page : pages) {
        page_users_.try_emplace(page, 0);
    }
    std::size_t added = state.shape().lightningBytes();
    for (const KvPage* page : pages) {
        added += page_users_.find(page)->second++ == 0 ? kPageTokens * state.shape().kvBytesPerToken() : 0;
    }
    return added;
}

std::size_t SnapshotCache::removeUser(const SequenceState& state, const std::vector<const KvPage*>& pages) noexcept {
    std::size_t removed = state.shape().lightningBytes();
    for (const KvPage* page : pages) {
        const auto users = page_users_.find(page);
        if (--users->second == 0) {
            page_users_.erase(users);
            removed += kPageTokens * state.shape().kvBytesPerToken();
        }
    }
    return removed;
}

// Without memory for its own lists it throws, and the cache is as it was.
bool SnapshotCache::insert(const std::string& tenant, std::span<const TokenId> tokens, SequenceState state,
                           SnapshotKind kind) {
    if (tokens.empty() || state.shape().bytesAt(tokens.size()) > budget_) {
        return false;
    }
    const std::lock_guard lock(mutex_);
    std::vector<const KvPage*> pages = pagesOf(state);
    std::list<Node*> use(1);
    Node* node = makeNode(tenant, tokens);
    if (node->state) {
        node->kind = std::max(node->kind, kind);
        by_use_.splice(by_use_.begin(), by_use_, node->use);
        return false;
    }
    try {
        bytes_ += addUser(state, pages);
    } catch (...) {
        prune(node);
        throw;
    }
    node->state.emplace(std::move(state));
    node->pages = std::move(pages);
    node->kind = kind;
    use.front() = node;
    by_use_.splice(by_use_.begin(), use);
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

void SnapshotCache::shrinkLocked(std::size_t bytes) noexcept {
    while (bytes_ > bytes && !by_use_.empty()) {
        evict(by_use_.back());
    }
}

void SnapshotCache::evict(Node* node) noexcept {
    bytes_ -= removeUser(*node->state, node->pages);
    by_use_.erase(node->use);
    node->state.reset();
    node->pages = {};
    prune(node);
}

// Removes nodes that lead nowhere and joins edges at nodes that mean nothing any more.
void SnapshotCache::prune(Node* node) noexcept {
    while (node->parent != nullptr && !node->state && node->children.empty()) {
        Node* parent = node->parent;
        parent->children.erase(node->edge.front());
        node = parent;
    }
    if (node->parent == nullptr || node->state || node->children.size() != 1) {
        return;
    }
    std::unique_ptr<Node>& below = node->children.begin()->second;
    try {
        below->edge.insert(below->edge.begin(), node->edge.begin(), node->edge.end());
    } catch (const std::bad_alloc&) {
        return; // two edges lead where one would
    }
    std::unique_ptr<Node> child = std::move(below);
    child->parent = node->parent;
    std::unique_ptr<Node>& slot = node->parent->children.find(node->edge.front())->second;
    slot = std::move(child); // ends `node`
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
