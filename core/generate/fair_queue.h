// SPDX-License-Identifier: Apache-2.0
// Sequences that wait for room, a line for each tenant. Lines take turns, so that somebody who sends a thousand
// prompts delays the next of somebody else by one.
#pragma once

#include "core/generate/sequence.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace fulgurite {

class FairQueue {
  public:
    using Entry = std::unique_ptr<Sequence>;

    void push(Entry sequence);
    bool empty() const { return size_ == 0; }
    std::size_t size() const { return size_; }
    std::size_t tenants() const { return lines_.size(); } // with somebody waiting
    std::size_t waitingOf(const std::string& tenant) const;

    // Whose turn it is: the tenant with the fewest sequences at work; among equals, the one that was let in longest
    // ago. `working` gives the first; `allowed` passes over those for whom there is no room of their own. nullptr:
    // nobody's.
    Sequence* next(const std::function<std::size_t(const std::string&)>& working,
                   const std::function<bool(const Sequence&)>& allowed) const;
    // The first of that tenant's line, which counts as let in.
    Entry take(const std::string& tenant);

    // In the order in which they came.
    std::vector<Entry> remove(const std::set<GenerationId>& ids);
    std::vector<Entry> removeAll();

  private:
    std::map<std::string, std::deque<Entry>> lines_; // none is empty
    std::map<std::string, std::uint64_t> served_;    // when each tenant was let in last, in turns
    std::uint64_t turn_ = 0;
    std::size_t size_ = 0;
};

} // namespace fulgurite
