// SPDX-License-Identifier: Apache-2.0
// What this machine, or whatever limits the process on it, can still give.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

namespace fulgurite {

// Bytes that can be taken without swapping: the kernel's estimate, or what is left of a limit when that is less: of
// the process' control group and those above it (systemd, Slurm, containers), or of its address space (ulimit -v). 0
// when none of it can be read.
std::size_t availableMemory();

// The least that is left in the groups that `membership` lists and in those above them, below the mount `root`;
// nothing: none of them has a limit.
std::optional<std::size_t> leftInControlGroups(const std::filesystem::path& membership = "/proc/self/cgroup",
                                               const std::filesystem::path& root = "/sys/fs/cgroup");

// "512 bytes", "1.5 KiB", "280.0 MiB", "22.9 GiB".
std::string readableBytes(std::size_t bytes);

} // namespace fulgurite
