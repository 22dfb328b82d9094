// SPDX-License-Identifier: Apache-2.0
// Operations on strings as Python defines them: by character, not by byte.
#pragma once

#include "core/text/jinja/value.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite::jinja {

std::size_t countCharacters(std::string_view text);
// Where each character begins, and the end.
std::vector<std::size_t> characterOffsets(std::string_view text);

enum class Side { Left, Right, Both };
// Without `chars`, white space goes.
std::string_view strip(std::string_view text, const std::optional<std::string>& chars, Side side);

// One character to one character: "ß" stays as it is.
std::string upper(std::string_view text);
std::string lower(std::string_view text);
std::string capitalize(std::string_view text);
std::string title(std::string_view text);

// `count` < 0: all.
std::string replace(std::string_view text, std::string_view from, std::string_view to, std::int64_t count,
                    Budget& budget);
// Without `separator` at runs of white space, of which none is at the ends. `most` < 0: no limit.
std::vector<std::string> split(std::string_view text, const std::optional<std::string>& separator,
                               std::int64_t most, bool from_right);
std::vector<std::string> splitLines(std::string_view text);

// Positions that value[begin:end:step] takes from `length` ones.
std::vector<std::size_t> slicePositions(std::size_t length, std::optional<std::int64_t> begin,
                                        std::optional<std::int64_t> end, std::optional<std::int64_t> step,
                                        Budget& budget);

} // namespace fulgurite::jinja
