// SPDX-License-Identifier: Apache-2.0
#include "app/engine/standard_input.h"

#include "core/base/error.h"

#include <array>
#include <iostream>

namespace fulgurite::app {

std::string readStandardInput(std::size_t max_bytes) {
    std::string text;
    std::array<char, 1 << 16> buffer{};
    while (std::cin.read(buffer.data(), buffer.size()) || std::cin.gcount() > 0) {
        text.append(buffer.data(), static_cast<std::size_t>(std::cin.gcount()));
        if (text.size() > max_bytes) {
            fail(ErrorKind::InvalidInput, "standard input: more than {} bytes; split it", max_bytes);
        }
    }
    return text;
}

} // namespace fulgurite::app
