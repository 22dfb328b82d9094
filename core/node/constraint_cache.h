// SPDX-License-Identifier: Apache-2.0
// Constraints that were compiled lately: requests that ask for the same are answered with the same one, and so
// share what it has worked out about the vocabulary.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace fulgurite::grammar {
class Constraint;
struct Grammar;
} // namespace fulgurite::grammar

namespace fulgurite::node {

// Thread-safe.
class ConstraintCache {
  public:
    // `key` spells out everything that `compile` depends on; what it throws passes through.
    std::shared_ptr<grammar::Constraint> get(const std::string& key,
                                             const std::function<grammar::Grammar()>& compile);

  private:
    static constexpr std::size_t kKept = 32;

    std::mutex mutex_;
    std::list<std::pair<std::string, std::shared_ptr<grammar::Constraint>>> recent_; // the newest first
};

} // namespace fulgurite::node
