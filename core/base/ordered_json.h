// SPDX-License-Identifier: Apache-2.0
// Reading JSON whose order of members matters, from people who may mean harm. nlohmann's ordered objects are lists: looking
// a member up takes as long as there are members, and reading n of them one after another n^2.
#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

namespace fulgurite {

constexpr std::size_t max_ordered_members = 4096; // of one object
constexpr std::size_t max_ordered_depth = 128;

// Takes time in proportion to the text. Of a name that stands twice in an object the last value counts. `wanted`, when given:
// of the outermost object only these members are read. What is not JSON comes back discarded. Throws Error{InvalidInput},
// which begins with `name`, for objects with more members and values that nest deeper than the limits above.
nlohmann::ordered_json parseOrdered(std::string_view text, const std::string& name,
                                    std::initializer_list<std::string_view> wanted = {});

} // namespace fulgurite
