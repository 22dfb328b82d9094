// SPDX-License-Identifier: Apache-2.0
// Ctrl+C as an event that a command can look for, in place of the end of the program.
#pragma once

namespace fulgurite::app {

// While one lives, SIGINT is counted, and system calls that wait are cut short by it; with `with_termination`
// SIGTERM too, for a command that another program starts and ends.
class InterruptGuard {
  public:
    explicit InterruptGuard(bool with_termination = false);
    ~InterruptGuard();
    InterruptGuard(const InterruptGuard&) = delete;
    InterruptGuard& operator=(const InterruptGuard&) = delete;

    // Whether Ctrl+C was pressed since the last call.
    bool take();

  private:
    bool with_termination_;
};

} // namespace fulgurite::app
