// SPDX-License-Identifier: Apache-2.0
#include "core/node/node_log.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace fulgurite::node {

const char* nameOf(LogLevel level) {
    switch (level) {
    case LogLevel::Info:
        return "info";
    case LogLevel::Warning:
        return "warning";
    case LogLevel::Error:
        break;
    }
    return "error";
}

void NodeLog::add(LogLevel level, std::string text) {
    using namespace std::chrono;
    const auto now = duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
    const std::scoped_lock lock(mutex_);
    lines_.push_back({next_++, now, level, std::move(text)});
    if (lines_.size() > kept_) {
        lines_.pop_front();
    }
}

std::vector<LogLine> NodeLog::from(std::uint64_t number, std::size_t most) const {
    const std::scoped_lock lock(mutex_);
    auto first =
        std::find_if(lines_.begin(), lines_.end(), [number](const LogLine& line) { return line.number >= number; });
    const auto count = static_cast<std::size_t>(lines_.end() - first);
    const auto taken = static_cast<std::ptrdiff_t>(std::min(count, most));
    if (number == 0) {
        first = lines_.end() - taken;
    }
    return {first, first + taken};
}

NodeLog& nodeLog() {
    static NodeLog log;
    return log;
}

std::uint64_t NodeLog::next() const {
    const std::scoped_lock lock(mutex_);
    return next_;
}

} // namespace fulgurite::node
