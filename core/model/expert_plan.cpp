// SPDX-License-Identifier: Apache-2.0
#include "core/model/expert_plan.h"

#include <algorithm>
#include <numeric>

namespace fulgurite {

void ExpertPlan::build(std::span<const std::int32_t> ids, std::size_t top_k, std::size_t experts) {
    groups.assign(experts, {});
    source.resize(ids.size());
    slots.resize(ids.size());
    choice.resize(ids.size());
    for (const std::int32_t id : ids) {
        ++groups[static_cast<std::size_t>(id)].count;
    }
    next_.clear();
    std::size_t first = 0;
    for (Group& group : groups) {
        group.first = first;
        next_.push_back(first);
        first += group.count;
    }
    for (std::size_t begin = 0; begin < ids.size(); begin += top_k) {
        const auto row_choice = std::span(choice).subspan(begin, top_k);
        std::iota(row_choice.begin(), row_choice.end(), 0);
        std::sort(row_choice.begin(), row_choice.end(), [&](std::int32_t a, std::int32_t b) {
            return ids[begin + static_cast<std::size_t>(a)] < ids[begin + static_cast<std::size_t>(b)];
        });
        for (std::size_t j = 0; j < top_k; ++j) {
            const std::int32_t id = ids[begin + static_cast<std::size_t>(row_choice[j])];
            const std::size_t slot = next_[static_cast<std::size_t>(id)]++;
            source[slot] = static_cast<std::int32_t>(begin / top_k);
            slots[begin + j] = static_cast<std::int32_t>(slot);
        }
    }
}

void ExpertPlan::reserve(std::size_t choices, std::size_t experts) {
    groups.reserve(experts);
    next_.reserve(experts);
    for (std::vector<std::int32_t>* indices : {&source, &slots, &choice}) {
        indices->reserve(choices);
    }
}

} // namespace fulgurite
