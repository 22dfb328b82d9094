// SPDX-License-Identifier: GPL-3.0-or-later
// Tokens on a line of pixels: which of them a column shows, and where one stands.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

namespace fulgurite {

struct TokenScale {
    double first = 0;     // token at x = 0, with its part
    double per_token = 3; // pixels; less than 1 when several tokens share a column

    double xOf(double token) const { return (token - first) * per_token; }
    double tokenAt(double x) const { return first + x / per_token; }
    // Tokens of [0, count) that lie in the pixels [x, x + 1), in part or whole.
    std::pair<std::size_t, std::size_t> inColumn(int x, std::size_t count) const {
        return between(tokenAt(x), tokenAt(x + 1), count);
    }
    std::pair<std::size_t, std::size_t> visible(double width, std::size_t count) const {
        return between(first, tokenAt(width), count);
    }

  private:
    static std::pair<std::size_t, std::size_t> between(double low, double high, std::size_t count) {
        const double most = static_cast<double>(count);
        return {static_cast<std::size_t>(std::clamp(std::floor(low), 0.0, most)),
                static_cast<std::size_t>(std::clamp(std::ceil(high), 0.0, most))};
    }
};

} // namespace fulgurite
