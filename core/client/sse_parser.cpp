// SPDX-License-Identifier: Apache-2.0
#include "core/client/sse_parser.h"

#include "core/base/error.h"

#include <utility>

namespace fulgurite::client {

void SseParser::push(std::string_view bytes, const Sink& sink) {
    if (after_return_ && !bytes.empty() && bytes.front() == '\n')
        bytes.remove_prefix(1);
    if (!bytes.empty())
        after_return_ = false;
    while (!bytes.empty()) {
        const std::size_t end = bytes.find_first_of("\r\n");
        line_.append(bytes.substr(0, end));
        if (line_.size() + event_.data.size() > max_event_bytes_)
            fail(ErrorKind::InvalidInput, "the server sent an event of more than {} bytes", max_event_bytes_);
        if (end == std::string_view::npos)
            return;
        const bool carriage = bytes[end] == '\r';
        bytes.remove_prefix(end + 1);
        if (carriage && bytes.empty())
            after_return_ = true;
        else if (carriage && bytes.front() == '\n')
            bytes.remove_prefix(1);
        endLine(sink);
    }
}

void SseParser::endLine(const Sink& sink) {
    std::string line = std::exchange(line_, {});
    if (std::exchange(first_line_, false) && line.starts_with("\xef\xbb\xbf"))
        line.erase(0, 3);
    if (line.empty()) {
        if (has_data_) {
            event_.data.pop_back(); // the line feed after the last line
            sink(event_);
        }
        event_.name = "message";
        event_.data.clear();
        has_data_ = false;
        return;
    }
    const std::size_t colon = line.find(':');
    const std::string_view field = std::string_view(line).substr(0, colon);
    std::string_view value;
    if (colon != std::string::npos)
        value = std::string_view(line).substr(colon + 1);
    if (value.starts_with(' '))
        value.remove_prefix(1);
    if (field == "data") {
        event_.data.append(value);
        event_.data.push_back('\n');
        has_data_ = true;
    } else if (field == "event") {
        event_.name = value.empty() ? "message" : value;
    } else if (field == "id" && value.find('\0') == std::string_view::npos) {
        event_.id = value;
    }
}

} // namespace fulgurite::client
