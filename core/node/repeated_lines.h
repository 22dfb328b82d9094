// SPDX-License-Identifier: Apache-2.0
// Lines that say the same again and again: the first is written, those of the minute behind it are counted, and one
// line says how many they were. Whoever guesses tokens all night, or looks at every row of a capture, fills no disk.
#pragma once

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace fulgurite::node {

class RepeatedLines {
  public:
    using Clock = std::chrono::steady_clock;

    // What is to be written now that `line` has come. Beyond so many different keys all others are one.
    std::vector<nlohmann::json> add(const std::string& key, const nlohmann::json& line, Clock::time_point now);
    // Of minutes that are over; with `all` of the others too.
    std::vector<nlohmann::json> due(Clock::time_point now, bool all = false);

  private:
    struct Entry {
        Clock::time_point since;
        nlohmann::json last;
        std::size_t times = 0; // besides the one that was written
    };

    std::map<std::string, Entry> entries_;
};

} // namespace fulgurite::node
