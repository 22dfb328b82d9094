// SPDX-License-Identifier: Apache-2.0
#include "core/node/repeated_lines.h"

#include <utility>

namespace fulgurite::node {

namespace {

constexpr auto kPeriod = std::chrono::seconds(60);
constexpr std::size_t kMostKeys = 1000;
constexpr const char* kOthers = "*";

// The last of them, and how many there were besides the first.
nlohmann::json summaryOf(nlohmann::json line, std::size_t times) {
    line["times"] = times;
    return line;
}

} // namespace

std::vector<nlohmann::json> RepeatedLines::add(const std::string& key, const nlohmann::json& line,
                                               Clock::time_point now) {
    std::vector<nlohmann::json> lines = due(now);
    const bool known = entries_.contains(key) || entries_.size() < kMostKeys;
    const auto [entry, fresh] = entries_.try_emplace(known ? key : kOthers);
    if (fresh) {
        entry->second.since = now;
        lines.push_back(line);
    } else {
        entry->second.last = line;
        ++entry->second.times;
    }
    return lines;
}

std::vector<nlohmann::json> RepeatedLines::due(Clock::time_point now, bool all) {
    std::vector<nlohmann::json> lines;
    for (auto each = entries_.begin(); each != entries_.end();) {
        Entry& entry = each->second;
        if (!all && now - entry.since < kPeriod) {
            ++each;
            continue;
        }
        if (entry.times > 0) {
            lines.push_back(summaryOf(std::move(entry.last), entry.times));
        }
        each = entries_.erase(each);
    }
    return lines;
}

} // namespace fulgurite::node
