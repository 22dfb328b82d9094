// SPDX-License-Identifier: Apache-2.0
// Server-sent events as text (WHATWG HTML, section 9.2).
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>

namespace fulgurite::node {

inline constexpr const char* kEventStreamType = "text/event-stream; charset=utf-8";

// Appends one event. JSON on one line holds no line break, so one data field is enough. `name` may be empty.
void appendEvent(std::string& out, std::string_view name, const nlohmann::json& data);
// The end mark of OpenAI's streams.
void appendDone(std::string& out);
// A comment: keeps proxies and clients from giving up on a silent stream.
std::string keepAliveComment();

} // namespace fulgurite::node
