// SPDX-License-Identifier: Apache-2.0
#include "core/model/expert_plan.h"

#include <algorithm>
#include <numeric>

namespace fulgurite {

void ExpertPlan::build(std::span<const std::int32_t> ids, std::size_t top_k, std::size_t experts,
                       std::size_t first) {
    // Beyond `experts` for one that is not here, whether before `first` or after the last.
    const auto groupOf = [first](std::int32_t id) { return static_cast<std::size_t>(id) - first; };
    groups.assign(experts, {});
    slots.resize(ids.size());
    choice.resize(ids.size());
    for (const std::int32_t id : ids) {
        if (groupOf(id) < experts) {
            ++groups[groupOf(id)].count;
        }
    }
    next_.clear();
    std::size_t planned = 0;
    for (Group& group : groups) {
        group.first = planned;
        next_.push_back(planned);
        planned += group.count;
    }
    source.resize(planned);
    for (std::size_t begin = 0; begin < ids.size(); begin += top_k) {
        const auto row_choice = std::span(choice).subspan(begin, top_k);
        std::iota(row_choice.begin(), row_choice.end(), 0);
        std::sort(row_choice.begin(), row_choice.end(), [&](std::int32_t a, std::int32_t b) {
            return ids[begin + static_cast<std::size_t>(a)] < ids[begin + static_cast<std::size_t>(b)];
        });
        for (std::size_t j = 0; j < top_k; ++j) {
            const std::int32_t id = ids[begin + static_cast<std::size_t>(row_choice[j])];
            if (groupOf(id) >= experts) {
                slots[begin + j] = -1;
                continue;
            }
            const std::size_t slot = next_[groupOf(id)]++;
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
