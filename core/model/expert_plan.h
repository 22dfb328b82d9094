// SPDX-License-Identifier: Apache-2.0
// Which rows go to which expert, in the order in which forward and backward pass work: by expert, then by row. Over
// all experts, or over those of one rank.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace fulgurite {

struct ExpertPlan {
    struct Group {
        std::size_t first = 0; // slot
        std::size_t count = 0;
    };
    std::vector<Group> groups;        // by expert, from the first one planned for
    std::vector<std::int32_t> source; // the row behind each slot; rows * top_k of them when all experts are here
    // [rows, top_k], by rising expert index: the published order of summation. -1: an expert that is not here.
    std::vector<std::int32_t> slots;
    std::vector<std::int32_t> choice; // [rows, top_k]: which of the row's choices (by falling weight) that slot is

    // ids: [rows, top_k], the router's choices; planned for are experts [first, first + experts).
    void build(std::span<const std::int32_t> ids, std::size_t top_k, std::size_t experts, std::size_t first = 0);
    // So that build() asks for no memory up to so many choices.
    void reserve(std::size_t choices, std::size_t experts);

  private:
    std::vector<std::size_t> next_; // of each group: the next free slot
};

} // namespace fulgurite
