// SPDX-License-Identifier: Apache-2.0
// Independent pieces of work on several threads, for analyses that a person waits for.
#pragma once

#include <cstddef>
#include <functional>
#include <stop_token>

namespace fulgurite::capture {

// Calls work(i) for each i below count, in no order, on up to `threads` threads, the caller's among them; 0: as
// many as the machine has. The first exception ends it and is thrown to the caller. Throws Error{Cancelled} when
// `stop` was asked before all was done.
void forEachParallel(std::size_t count, unsigned threads, const std::stop_token& stop,
                     const std::function<void(std::size_t)>& work);

} // namespace fulgurite::capture
