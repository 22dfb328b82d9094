// SPDX-License-Identifier: Apache-2.0
#include "kernels/pool.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace fulgurite::kernels {

namespace {

// Between the layers of a decode step workers wait a few microseconds; a spin of this many rounds bridges that
// without a trip through the kernel, and is given up soon enough not to burn a core in an idle engine.
constexpr int kSpinRounds = 4000;

void pause() {
#if defined(__x86_64__)
    _mm_pause();
#else
    std::this_thread::yield();
#endif
}

} // namespace

struct ThreadPool::Shared {
    std::vector<std::jthread> workers;
    std::mutex callers; // one parallelFor at a time
    std::mutex mutex;
    std::condition_variable wake;
    std::atomic<std::uint64_t> generation{0};
    // Range r of generation g is open while open[r] == g. Whoever takes it runs it: worker r, or the caller when
    // that one is late, for example because another program has its core. Not indexed 0, which is the caller's own.
    std::vector<std::atomic<std::uint64_t>> open;
    std::atomic<std::size_t> pending{0}; // ranges not yet run
    std::atomic<bool> stop{false};
    const Body* body = nullptr;
    std::size_t count = 0;
    std::size_t chunk = 0;
    bool spin = true;
    std::mutex failing;
    std::exception_ptr failure; // of the call under way
    std::size_t failed_range = 0;

    explicit Shared(std::size_t threads) : open(threads) {}

    std::size_t ranges() const { return (count + chunk - 1) / chunk; }

    // Keeps what is thrown for the caller: a worker has nobody else to tell, and the caller must not leave before
    // the others are done with what it lent them.
    void runRange(std::size_t range) noexcept {
        const std::size_t begin = range * chunk;
        try {
            (*body)(begin, std::min(count, begin + chunk), range);
        } catch (...) {
            const std::lock_guard lock(failing);
            if (failure == nullptr || range < failed_range) {
                failure = std::current_exception();
                failed_range = range;
            }
        }
    }

    // What the call is about may be read only once its range is taken: until that is run, it cannot change.
    void tryRange(std::size_t range, std::uint64_t current) {
        std::uint64_t expected = current;
        if (open[range].compare_exchange_strong(expected, 0, std::memory_order_acq_rel)) {
            runRange(range);
            pending.fetch_sub(1, std::memory_order_acq_rel);
        }
    }

    std::uint64_t waitForWork(std::uint64_t seen) {
        for (int i = 0; spin && i < kSpinRounds; ++i) {
            if (generation.load(std::memory_order_acquire) != seen || stop.load(std::memory_order_relaxed)) {
                return generation.load(std::memory_order_acquire);
            }
            pause();
        }
        std::unique_lock lock(mutex);
        wake.wait(lock, [&] { return generation.load(std::memory_order_relaxed) != seen || stop.load(); });
        return generation.load(std::memory_order_acquire);
    }

    void work(std::size_t worker) {
        std::uint64_t seen = 0;
        while (true) {
            const std::uint64_t current = waitForWork(seen);
            if (current == seen) {
                return; // stopped
            }
            seen = current;
            tryRange(worker, current);
        }
    }
};

ThreadPool::ThreadPool(std::size_t threads) {
    const std::size_t cores = std::max<std::size_t>(1, std::thread::hardware_concurrency());
    const std::size_t wanted = threads == 0 ? cores : threads;
    shared_ = std::make_unique<Shared>(wanted);
    shared_->spin = wanted <= cores;
    for (std::size_t worker = 1; worker < wanted; ++worker) {
        shared_->workers.emplace_back([shared = shared_.get(), worker] { shared->work(worker); });
    }
}

ThreadPool::~ThreadPool() {
    {
        const std::lock_guard lock(shared_->mutex);
        shared_->stop.store(true);
    }
    shared_->wake.notify_all();
    shared_->workers.clear();
}

std::size_t ThreadPool::size() const {
    return shared_->workers.size() + 1;
}

void ThreadPool::parallelFor(std::size_t count, std::size_t grain, const Body& body) {
    if (count == 0) {
        return;
    }
    grain = std::max<std::size_t>(1, grain);
    const std::size_t share = (count + size() - 1) / size();
    const std::size_t chunk = (share + grain - 1) / grain * grain;
    if (chunk >= count) {
        body(0, count, 0);
        return;
    }
    Shared& shared = *shared_;
    const std::lock_guard turn(shared.callers);
    shared.body = &body;
    shared.count = count;
    shared.chunk = chunk;
    const std::size_t ranges = shared.ranges();
    const std::uint64_t current = shared.generation.load(std::memory_order_relaxed) + 1;
    shared.pending.store(ranges - 1, std::memory_order_relaxed);
    for (std::size_t range = 1; range < ranges; ++range) {
        shared.open[range].store(current, std::memory_order_release);
    }
    {
        const std::lock_guard lock(shared.mutex);
        shared.generation.store(current, std::memory_order_release);
    }
    shared.wake.notify_all();
    shared.runRange(0);
    for (std::size_t range = 1; range < ranges; ++range) {
        shared.tryRange(range, current);
    }
    for (int spins = 0; shared.pending.load(std::memory_order_acquire) != 0; ++spins) {
        if (shared.spin && spins < kSpinRounds) {
            pause();
        } else {
            std::this_thread::yield();
        }
    }
    // Nobody else touches it now: every range has been run.
    if (const std::exception_ptr failure = std::exchange(shared.failure, nullptr)) {
        std::rethrow_exception(failure);
    }
}

} // namespace fulgurite::kernels
