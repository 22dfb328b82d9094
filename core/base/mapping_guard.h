// SPDX-License-Identifier: Apache-2.0
// Reading from a mapped file that somebody cuts, or whose disk fails, raises SIGBUS, which ends the program. Under
// a guard the pages that are gone read as zeros instead, and the guard tells: whoever has read asks it afterwards
// and throws away what he has worked out. (Wayland's compositors protect themselves from their clients' buffers
// so.)
#pragma once

#include <cstddef>

namespace fulgurite {

class MappingGuard {
  public:
    // Of a mapping that starts at a page and outlives the guard. The first one installs the handler of SIGBUS;
    // faults outside guarded ranges go to the handler that was there before, or end the program as ever.
    MappingGuard(const std::byte* data, std::size_t size);
    ~MappingGuard();
    MappingGuard(const MappingGuard&) = delete;
    MappingGuard& operator=(const MappingGuard&) = delete;

    // False once a page could not be read: some of what was read since the guard was made may be zeros. Any thread
    // may ask; a thread that has read sees its own faults.
    bool intact() const;

  private:
    struct Range;
    friend struct GuardedRanges;
    Range* range_;
};

} // namespace fulgurite
