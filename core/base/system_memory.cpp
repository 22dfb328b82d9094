// SPDX-License-Identifier: Apache-2.0
#include "core/base/system_memory.h"

#include <algorithm>
#include <cstdint>
#include <fmt/core.h>
#include <fstream>
#include <limits>
#include <optional>

namespace fulgurite {

namespace {

std::optional<std::size_t> kernelEstimate() {
    std::ifstream file("/proc/meminfo");
    std::string key;
    std::size_t kibibytes = 0;
    while (file >> key >> kibibytes) {
        if (key == "MemAvailable:") {
            return kibibytes * 1024;
        }
        file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
    }
    return std::nullopt;
}

std::optional<std::size_t> numberIn(const char* path) {
    std::ifstream file(path);
    std::size_t value = 0;
    return file >> value ? std::optional(value) : std::nullopt; // "max" is no number: no limit
}

std::optional<std::size_t> leftInControlGroup() {
    const auto limit = numberIn("/sys/fs/cgroup/memory.max");
    const auto used = numberIn("/sys/fs/cgroup/memory.current");
    if (!limit || !used) {
        return std::nullopt;
    }
    return *limit > *used ? *limit - *used : 0;
}

} // namespace

std::size_t availableMemory() {
    const auto estimate = kernelEstimate();
    const auto group = leftInControlGroup();
    if (estimate && group) {
        return std::min(*estimate, *group);
    }
    return estimate ? *estimate : group.value_or(0);
}

std::string readableBytes(std::size_t bytes) {
    if (bytes < 1024) {
        return fmt::format("{} bytes", bytes);
    }
    const char* const units[] = {"KiB", "MiB", "GiB", "TiB"};
    double value = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    while (value >= 1024 && unit + 1 < std::size(units)) {
        value /= 1024;
        ++unit;
    }
    return fmt::format("{:.1f} {}", value, units[unit]);
}

} // namespace fulgurite
