// SPDX-License-Identifier: Apache-2.0
#include "core/base/system_memory.h"

#include <algorithm>
#include <cstdint>
#include <fmt/core.h>
#include <fstream>
#include <limits>
#include <optional>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

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

std::optional<std::size_t> numberIn(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::size_t value = 0;
    return file >> value ? std::optional(value) : std::nullopt; // "max" is no number: no limit
}

// The value behind `key` in a file of "key value" lines.
std::size_t valueOf(const std::filesystem::path& path, const std::string& key) {
    std::ifstream file(path);
    std::string name;
    std::size_t value = 0;
    while (file >> name >> value) {
        if (name == key) {
            return value;
        }
    }
    return 0;
}

// How the two versions of the kernel's interface call things.
struct GroupFiles {
    std::vector<const char*> limits;
    const char* used;
    const char* idle_pages; // in memory.stat: of files, not looked at for a while; they count as used
};

std::optional<std::size_t> leftInGroup(const std::filesystem::path& folder, const GroupFiles& files) {
    std::optional<std::size_t> limit;
    for (const char* name : files.limits) {
        if (const auto value = numberIn(folder / name)) {
            limit = std::min(*value, limit.value_or(*value));
        }
    }
    const auto used = numberIn(folder / files.used);
    if (!limit || !used) {
        return std::nullopt;
    }
    const std::size_t held = *used - std::min(*used, valueOf(folder / "memory.stat", files.idle_pages));
    return *limit > held ? *limit - held : 0;
}

// What the process may still map.
std::optional<std::size_t> leftOfAddressSpace() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return std::nullopt;
    }
    const auto pages = numberIn("/proc/self/statm");
    const std::size_t used = pages.value_or(0) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return limit.rlim_cur > used ? limit.rlim_cur - used : 0;
}

} // namespace

// Lines are "number:controllers:/path"; the number 0 without controllers is version 2.
std::optional<std::size_t> leftInControlGroups(const std::filesystem::path& membership,
                                               const std::filesystem::path& root) {
    static const GroupFiles kSecond{{"memory.max", "memory.high"}, "memory.current", "inactive_file"};
    static const GroupFiles kFirst{{"memory.limit_in_bytes"}, "memory.usage_in_bytes", "total_inactive_file"};
    std::optional<std::size_t> least;
    std::ifstream list(membership);
    for (std::string line; std::getline(list, line);) {
        const std::size_t names = line.find(':');
        const std::size_t path = names == std::string::npos ? names : line.find(':', names + 1);
        if (path == std::string::npos) {
            continue;
        }
        const std::string controllers = "," + line.substr(names + 1, path - names - 1) + ",";
        const bool second = controllers == ",,";
        if (!second && controllers.find(",memory,") == std::string::npos) {
            continue;
        }
        const std::filesystem::path top = second ? root : root / "memory";
        // A container sees its own group at the top, whatever the path says; what is not there has no limit.
        auto group = std::filesystem::path(line.substr(path + 1)).lexically_normal().relative_path();
        for (;; group = group.parent_path()) {
            if (const auto left = leftInGroup(top / group, second ? kSecond : kFirst)) {
                least = std::min(*left, least.value_or(*left));
            }
            if (group.empty()) {
                break;
            }
        }
    }
    return least;
}

std::size_t availableMemory() {
    std::optional<std::size_t> least;
    for (const auto& left : {kernelEstimate(), leftInControlGroups(), leftOfAddressSpace()}) {
        if (left) {
            least = std::min(*left, least.value_or(*left));
        }
    }
    return least.value_or(0);
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
