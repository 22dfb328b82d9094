// SPDX-License-Identifier: Apache-2.0
// Starting a program beside the node.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace fulgurite::node {

// Starts it in a process group of its own, with standard output and error appended to `log` and nothing on standard
// input. It is interrupted when the calling thread ends. Returns the process id. Throws Error{Io}.
int startJobProcess(const std::vector<std::string>& command, const std::filesystem::path& folder,
                    const std::filesystem::path& log);

enum class Halt {
    Halted,
    Busy, // it runs on: just now it holds a lock of a database, or does not stand still
    Ended,
};

// Stops its group with their memory kept, unless it holds a lock of a database: whoever stands still within a
// transaction keeps everybody else from writing. One try, which takes a fifth of a second at most.
Halt tryToHaltJobProcess(int process);

} // namespace fulgurite::node
