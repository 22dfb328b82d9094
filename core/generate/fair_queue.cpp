// SPDX-License-Identifier: Apache-2.0
#include "core/generate/fair_queue.h"

#include <tuple>
#include <utility>

namespace fulgurite {

void FairQueue::push(Entry sequence) {
    lines_[sequence->tenant().name].push_back(std::move(sequence));
    ++size_;
}

std::size_t FairQueue::waitingOf(const std::string& tenant) const {
    const auto line = lines_.find(tenant);
    return line == lines_.end() ? 0 : line->second.size();
}

Sequence* FairQueue::next(const std::function<std::size_t(const std::string&)>& working,
                          const std::function<bool(const Sequence&)>& allowed) const {
    Sequence* best = nullptr;
    std::tuple<std::size_t, std::uint64_t, GenerationId> best_key{};
    for (const auto& [tenant, line] : lines_) {
        Sequence& first = *line.front();
        const auto served = served_.find(tenant);
        const std::tuple key{working(tenant), served == served_.end() ? 0 : served->second, first.id()};
        if ((best == nullptr || key < best_key) && allowed(first)) {
            best = &first;
            best_key = key;
        }
    }
    return best;
}

FairQueue::Entry FairQueue::take(const std::string& tenant) {
    const auto line = lines_.find(tenant);
    served_[tenant] = ++turn_; // first, for it may throw: nobody who waits is lost
    Entry entry = std::move(line->second.front());
    line->second.pop_front();
    --size_;
    if (line->second.empty()) {
        lines_.erase(line);
    }
    return entry;
}

std::vector<FairQueue::Entry> FairQueue::remove(const std::set<GenerationId>& ids) {
    std::vector<Entry> removed;
    removed.reserve(size_); // what follows does not throw: nobody who waits is lost
    for (auto line = lines_.begin(); line != lines_.end();) {
        for (Entry& entry : line->second) {
            if (ids.contains(entry->id())) {
                removed.push_back(std::move(entry));
            }
        }
        std::erase(line->second, nullptr);
        line = line->second.empty() ? lines_.erase(line) : std::next(line);
    }
    size_ -= removed.size();
    return removed;
}

std::vector<FairQueue::Entry> FairQueue::removeAll() {
    std::vector<Entry> removed;
    removed.reserve(size_);
    for (auto& [tenant, line] : lines_) {
        for (Entry& entry : line) {
            removed.push_back(std::move(entry));
        }
    }
    lines_.clear();
    size_ = 0;
    return removed;
}

} // namespace fulgurite
