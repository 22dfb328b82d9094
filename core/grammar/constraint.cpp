// SPDX-License-Identifier: Apache-2.0
#include "core/grammar/constraint.h"

#include <bit>
#include <utility>

namespace fulgurite::grammar {

namespace {

constexpr std::size_t kMaxMaskBytes = std::size_t{32} << 20; // of one constraint
constexpr std::size_t kRestFrom = Machine::kMaxConfigs / 2;  // a walk from here on has room for as many again

} // namespace

std::size_t Constraint::masksComputed() const {
    const std::lock_guard lock(mutex_);
    return computed_;
}

void Constraint::join(ConfigId* place) {
    const std::lock_guard lock(mutex_);
    *place = machine_.start();
    places_.insert(place);
}

void Constraint::leave(ConfigId* place) {
    const std::lock_guard lock(mutex_);
    places_.erase(place);
}

// Configurations are numbered anew, and masks go by the number.
void Constraint::forget() {
    machine_.reset({places_.begin(), places_.end()});
    masks_.clear();
}

bool Constraint::advance(ConfigId& place, std::string_view bytes) {
    const std::lock_guard lock(mutex_);
    for (const char c : bytes) {
        if (place == kDead) {
            break;
        }
        if (machine_.configs() >= kRestFrom) {
            forget();
        }
        place = machine_.next(place, static_cast<std::uint8_t>(c));
    }
    return place != kDead;
}

bool Constraint::complete(const ConfigId& place) const {
    const std::lock_guard lock(mutex_);
    return place != kDead && machine_.complete(place);
}

std::shared_ptr<const TokenMask> Constraint::mask(const ConfigId& place,
                                                  const std::shared_ptr<const TokenTrie>& trie) {
    const std::lock_guard lock(mutex_);
    if (trie_ != trie) {
        trie_ = trie;
        masks_.clear();
    }
    if (place == kDead) {
        return std::make_shared<TokenMask>();
    }
    if (machine_.configs() >= kRestFrom) {
        forget();
    }
    const std::size_t bytes = trie->tokenCount() / 8 + sizeof(TokenMask);
    if (masks_.size() * bytes > kMaxMaskBytes) {
        masks_.clear();
    }
    std::shared_ptr<const TokenMask>& known = masks_[place];
    if (known == nullptr) {
        known = compute(place, *trie);
        ++computed_;
    }
    return known;
}

// Walks the tree of the vocabulary and leaves out whole branches where a byte is not allowed.
std::shared_ptr<const TokenMask> Constraint::compute(ConfigId place, const TokenTrie& trie) {
    auto mask = std::make_shared<TokenMask>();
    mask->bits.assign((trie.tokenCount() + 63) / 64, 0);
    const auto allow = [&](TokenId id) {
        mask->bits.at(static_cast<std::size_t>(id) / 64) |= std::uint64_t{1} << static_cast<std::size_t>(id) % 64;
    };
    std::vector<ConfigId> path(trie.depth() + 1, kDead); // before the byte of each depth
    path[0] = place;
    const std::span<const TokenTrie::Step> steps = trie.steps();
    for (std::size_t i = 0; i < steps.size();) {
        const TokenTrie::Step& step = steps[i];
        const ConfigId after = machine_.next(path[step.depth], step.byte);
        if (after == kDead) {
            i = step.next;
            continue;
        }
        path[std::size_t{step.depth} + 1] = after;
        for (const TokenId id : trie.tokensAt(i)) {
            allow(id);
        }
        ++i;
    }
    if (machine_.accepts(place)) {
        for (const TokenId id : trie.ends()) {
            allow(id);
        }
    }
    for (const std::uint64_t word : mask->bits) {
        mask->count += static_cast<std::size_t>(std::popcount(word));
    }
    return mask;
}

ConstraintMatcher::ConstraintMatcher(std::shared_ptr<Constraint> constraint, std::shared_ptr<const TokenTrie> trie)
    : constraint_(std::move(constraint)), trie_(std::move(trie)) {
    constraint_->join(&place_);
}

ConstraintMatcher::~ConstraintMatcher() {
    constraint_->leave(&place_);
}

bool ConstraintMatcher::advance(std::string_view bytes) {
    return constraint_->advance(place_, bytes);
}

std::shared_ptr<const TokenMask> ConstraintMatcher::mask() {
    return constraint_->mask(place_, trie_);
}

bool ConstraintMatcher::complete() const {
    return constraint_->complete(place_);
}

} // namespace fulgurite::grammar
