// SPDX-License-Identifier: Apache-2.0
// The one exception type of the libraries. A person reads the message: it says what happened, to which file, node
// or field, and what to do next.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace fulgurite {

enum class ErrorKind {
    InvalidInput, // the caller's data is wrong: a field, an argument, a file of the wrong kind
    NotFound,     // a file, model or id that does not exist
    Corrupt,      // a file that claims a known format and breaks its rules
    Unsupported,  // well formed, but outside what this program can do
    OutOfMemory,  // would not fit; the message carries the figure
    Io,           // the operating system refused: read-only, full disk, permission, connection
    Cancelled,    // somebody asked for it to stop
    Unavailable,  // busy, shutting down or not started yet; worth trying again
    Internal,     // our own mistake
};

class Error : public std::runtime_error {
  public:
    Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}

    ErrorKind kind() const noexcept { return kind_; }

  private:
    ErrorKind kind_;
};

// Throws Error with a formatted message: fail(ErrorKind::Corrupt, "{}: header is {} bytes", path, n).
template <class... Args>
[[noreturn]] void fail(ErrorKind kind, fmt::format_string<Args...> format, Args&&... args) {
    throw Error(kind, fmt::format(format, std::forward<Args>(args)...));
}

} // namespace fulgurite
