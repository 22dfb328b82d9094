// SPDX-License-Identifier: Apache-2.0
// Keeps answers inside a grammar: which tokens may come next, and where the answer is. Many answers share one
// constraint, so that what one of them has worked out serves the others.
#pragma once

#include "core/grammar/machine.h"
#include "core/grammar/token_trie.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace fulgurite::grammar {

// One bit for each token id.
struct TokenMask {
    std::vector<std::uint64_t> bits;
    std::size_t count = 0; // bits that are set

    bool allows(TokenId id) const {
        const auto at = static_cast<std::size_t>(id);
        return at / 64 < bits.size() && (bits[at / 64] >> at % 64 & 1U) != 0;
    }
};

// Thread-safe. One vocabulary at a time: masks of another one are forgotten.
class Constraint {
  public:
    explicit Constraint(Grammar grammar) : machine_(std::move(grammar)) {}
    Constraint(const Constraint&) = delete;
    Constraint& operator=(const Constraint&) = delete;

    // Masks that were worked out rather than found, for figures.
    std::size_t masksComputed() const;

  private:
    friend class ConstraintMatcher;

    void join(ConfigId* place);
    void leave(ConfigId* place);
    bool advance(ConfigId& place, std::string_view bytes);
    bool complete(const ConfigId& place) const;
    std::shared_ptr<const TokenMask> mask(const ConfigId& place, const std::shared_ptr<const TokenTrie>& trie);
    std::shared_ptr<const TokenMask> compute(ConfigId place, const TokenTrie& trie);
    void forget();

    mutable std::mutex mutex_;
    Machine machine_;
    std::set<ConfigId*> places_; // of the answers in progress
    std::shared_ptr<const TokenTrie> trie_;
    std::unordered_map<ConfigId, std::shared_ptr<const TokenMask>> masks_;
    std::size_t computed_ = 0;
};

// Where one answer is. Any thread, one at a time.
class ConstraintMatcher {
  public:
    ConstraintMatcher(std::shared_ptr<Constraint> constraint, std::shared_ptr<const TokenTrie> trie);
    ~ConstraintMatcher();
    ConstraintMatcher(const ConstraintMatcher&) = delete;
    ConstraintMatcher& operator=(const ConstraintMatcher&) = delete;

    // False when the bytes break the rules; the place is then lost.
    bool advance(std::string_view bytes);
    // What may come next; the tokens that end an answer are among them where it is whole.
    std::shared_ptr<const TokenMask> mask();
    // Nothing but the end can follow.
    bool complete() const;

  private:
    std::shared_ptr<Constraint> constraint_;
    std::shared_ptr<const TokenTrie> trie_;
    ConfigId place_ = kDead;
};

} // namespace fulgurite::grammar
