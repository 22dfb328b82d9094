// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/routing_store.h"

#include "ui/inspect/inspection_source.h"

#include <QPointer>

#include <algorithm>

namespace fulgurite {

void RoutingStore::setSource(InspectionSource* source) {
    source_ = source;
    tokens_ = source ? source->info().tokens : 0;
    ++generation_;
    held_.clear();
    queue_.clear();
    asked_.clear();
    bytes_ = 0;
}

RoutingChunk RoutingStore::chunk(std::size_t index) {
    const auto found = held_.find(index);
    if (found == held_.end()) {
        return nullptr;
    }
    found->second.used = ++clock_;
    return found->second.chunk;
}

std::vector<RoutingChunk> RoutingStore::chunks(std::size_t first, std::size_t last) {
    std::vector<RoutingChunk> all;
    for (std::size_t index = first / kChunk; index * kChunk < std::min(last, tokens_); ++index) {
        all.push_back(chunk(index));
        if (!all.back()) {
            return {};
        }
    }
    return all;
}

void RoutingStore::want(const std::vector<std::size_t>& chunks) {
    queue_.clear();
    for (auto index = chunks.rbegin(); index != chunks.rend(); ++index) {
        if (!held_.contains(*index) && !asked_.contains(*index)) {
            queue_.push_back(*index);
        }
    }
    pump();
}

void RoutingStore::pump() {
    while (source_ && asked_.size() < kMostAsked && !queue_.empty()) {
        const std::size_t index = queue_.back();
        queue_.pop_back();
        const std::size_t first = index * kChunk;
        asked_.insert(index);
        source_->routing(first, std::min(kChunk, tokens_ - first),
                         [self = QPointer(this), generation = generation_,
                          index](client::Outcome<capture::RoutingSlice> outcome) {
                             if (!self || generation != self->generation_) {
                                 return;
                             }
                             self->asked_.erase(index);
                             if (outcome.ok()) {
                                 // The outcome is this call's own: its arrays are shared, not copied.
                                 auto whole = std::make_shared<const client::Outcome<capture::RoutingSlice>>(
                                     std::move(outcome));
                                 self->keep(index, RoutingChunk(whole, &whole->value()));
                             } else {
                                 self->queue_.clear();
                                 emit self->failed(outcome.error());
                             }
                             self->pump();
                         });
    }
}

void RoutingStore::keep(std::size_t index, RoutingChunk chunk) {
    Held& held = held_[index];
    held.bytes = chunk->experts.size() * sizeof(std::int16_t) +
                 (chunk->weights.size() + chunk->margin.size()) * sizeof(float);
    held.chunk = std::move(chunk);
    held.used = ++clock_;
    bytes_ += held.bytes;
    while (bytes_ > kMostBytes && held_.size() > 1) {
        const auto oldest = std::min_element(
            held_.begin(), held_.end(), [](const auto& a, const auto& b) { return a.second.used < b.second.used; });
        bytes_ -= oldest->second.bytes;
        held_.erase(oldest);
    }
    emit arrived(index);
}

} // namespace fulgurite
