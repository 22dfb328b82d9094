// SPDX-License-Identifier: Apache-2.0
#include "core/probe/capture/parallel.h"

#include "core/base/error.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace fulgurite::capture {

void forEachParallel(std::size_t count, unsigned threads, const std::stop_token& stop,
                     const std::function<void(std::size_t)>& work) {
    std::atomic<std::size_t> next{0};
    std::atomic<bool> ended{false};
    std::exception_ptr first_error;
    std::mutex mutex;
    const auto run = [&] {
        try {
            for (std::size_t i = next++; i < count && !ended; i = next++) {
                if (stop.stop_requested()) {
                    fail(ErrorKind::Cancelled, "cancelled");
                }
                work(i);
            }
        } catch (...) {
            const std::lock_guard lock(mutex);
            ended = true;
            first_error = first_error ? first_error : std::current_exception();
        }
    };
    const unsigned machine = std::max(1u, std::thread::hardware_concurrency());
    const std::size_t wanted = std::min<std::size_t>(threads == 0 ? machine : threads, count);
    {
        std::vector<std::jthread> helpers;
        for (std::size_t i = 1; i < wanted; ++i) {
            helpers.emplace_back(run);
        }
        run();
    }
    if (first_error) {
        std::rethrow_exception(first_error);
    }
}

} // namespace fulgurite::capture
