// SPDX-License-Identifier: Apache-2.0
// Helpers of the connection: its share of the memory for bodies, and chunked framing.
#pragma once

#include "core/node/connection.h"

#include <fmt/format.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace fulgurite::node {

// Gives back what it took when the request it belongs to is gone, on whatever thread that happens.
class Connection::Lease {
  public:
    explicit Lease(std::shared_ptr<std::atomic<std::uint64_t>> total) : total_(std::move(total)) {}
    ~Lease() { total_->fetch_sub(taken_); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    bool growTo(std::uint64_t bytes, std::uint64_t limit) {
        const std::uint64_t more = bytes > taken_ ? bytes - taken_ : 0;
        taken_ += more;
        return total_->fetch_add(more) + more <= limit;
    }

  private:
    std::shared_ptr<std::atomic<std::uint64_t>> total_;
    std::uint64_t taken_ = 0;
};

// HTTP/1.0 knows no chunks: there the end of the connection ends the body.
inline std::string chunkOf(const std::string& bytes, bool http10) {
    return http10 ? bytes : fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes);
}

} // namespace fulgurite::node
