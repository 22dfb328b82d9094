// SPDX-License-Identifier: Apache-2.0
// Which rows go to which expert, in the order in which forward and backward pass work: by expert, then by row.
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
    std::vector<Group> groups;        // [experts]
    std::vector<std::int32_t> source; // [rows * top_k]: the row behind each slot
    std::vector<std::int32_t> slots;  // [rows, top_k], by rising expert index: the published order of summation
    std::vector<std::int32_t> choice; // [rows, top_k]: which of the row's choices (by falling weight) that slot is

    // ids: [rows, top_k], the router's choices.
    void build(std::span<const std::int32_t> ids, std::size_t top_k, std::size_t experts);
    // So that build() asks for no memory up to so many choices.
    void reserve(std::size_t choices, std::size_t experts);

  private:
    std::vector<std::size_t> next_; // [experts]: the next free slot
};

} // namespace fulgurite
