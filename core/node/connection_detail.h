// SPDX-License-Identifier: Apache-2.0
// Chunked framing.
#pragma once

#include <fmt/format.h>

#include <string>

namespace fulgurite::node {

// HTTP/1.0 knows no chunks: there the end of the connection ends the body.
inline std::string chunkOf(const std::string& bytes, bool http10) {
    return http10 ? bytes : fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes);
}

} // namespace fulgurite::node
