// SPDX-License-Identifier: Apache-2.0
// Server-sent events out of a byte stream that may be cut anywhere (WHATWG HTML, section 9.2.6).
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace fulgurite::client {

struct SseEvent {
    std::string name = "message";
    std::string data;
    std::string id; // of the latest event that had one
};

class SseParser {
  public:
    using Sink = std::function<void(const SseEvent&)>;

    explicit SseParser(std::size_t max_event_bytes = std::size_t{16} << 20) : max_event_bytes_(max_event_bytes) {}

    // Calls `sink` for each event that became complete. Throws Error{InvalidInput} when one grows beyond the limit.
    void push(std::string_view bytes, const Sink& sink);

  private:
    void endLine(const Sink& sink);

    std::size_t max_event_bytes_;
    std::string line_;
    SseEvent event_;
    bool has_data_ = false;
    bool after_return_ = false; // a line feed right after it belongs to the same line end
    bool first_line_ = true;    // may begin with a byte order mark
};

} // namespace fulgurite::client
