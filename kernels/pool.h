// SPDX-License-Identifier: Apache-2.0
// The engine's one thread pool. Work is split statically, so a result never depends on timing.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace fulgurite::kernels {

class ThreadPool {
  public:
    // `threads` counts the calling thread; 0 means one per core.
    explicit ThreadPool(std::size_t threads = 0);
    ~ThreadPool();
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    std::size_t size() const;

    // Calls body(begin, end, worker) for disjoint ranges that cover [0, count), at most one range per worker, each
    // a multiple of `grain` long but the last. Returns when all are done. Runs inline when one range suffices. Not
    // reentrant; callers on different threads take turns. What `body` throws is thrown here, when the other ranges
    // are done too: of several, that of the first range.
    using Body = std::function<void(std::size_t begin, std::size_t end, std::size_t worker)>;
    void parallelFor(std::size_t count, std::size_t grain, const Body& body);

  private:
    struct Shared;
    std::unique_ptr<Shared> shared_;
};

} // namespace fulgurite::kernels
