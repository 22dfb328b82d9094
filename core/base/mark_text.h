// SPDX-License-Identifier: Apache-2.0
// Marks in streamed text, such as <think>, that may be cut in any way.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace fulgurite {

// Length of the longest end of `text` that is a proper beginning of `mark`: what must be held back until more comes.
inline std::size_t begunMark(std::string_view text, std::string_view mark) {
    for (std::size_t length = std::min(text.size(), mark.size() - 1); length > 0; --length) {
        if (text.substr(text.size() - length) == mark.substr(0, length)) {
            return length;
        }
    }
    return 0;
}

} // namespace fulgurite
