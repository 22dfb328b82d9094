// SPDX-License-Identifier: Apache-2.0
#include "core/base/mapping_guard.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <sys/mman.h>
#include <unistd.h>

namespace fulgurite {

// Linked for ever and used again: the handler may walk over them at any moment and can take no lock.
struct MappingGuard::Range {
    std::atomic<std::uintptr_t> begin{0};
    std::atomic<std::uintptr_t> end{0}; // 0: free
    std::atomic<bool> gone{false};
    Range* next = nullptr;
};

struct GuardedRanges {
    static std::mutex mutex; // of those who add and remove
    static std::atomic<MappingGuard::Range*> first;
    static std::uintptr_t page;
    static struct sigaction before;

    static void install();
    static bool fill(std::uintptr_t address);
    static void onFault(int signal, siginfo_t* info, void* context);
};

std::mutex GuardedRanges::mutex;
std::atomic<MappingGuard::Range*> GuardedRanges::first{nullptr};
std::uintptr_t GuardedRanges::page = 4096;
struct sigaction GuardedRanges::before {};

static_assert(std::atomic<std::uintptr_t>::is_always_lock_free && std::atomic<bool>::is_always_lock_free,
              "the handler of a signal must not lock");

void GuardedRanges::install() {
    page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    struct sigaction action {};
    action.sa_sigaction = onFault;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    sigemptyset(&action.sa_mask);
    ::sigaction(SIGBUS, &action, &before);
}

// Zeros from the page of `address` to the end of the range: what lies behind a cut is gone as well.
bool GuardedRanges::fill(std::uintptr_t address) {
    for (MappingGuard::Range* range = first.load(std::memory_order_acquire); range; range = range->next) {
        const std::uintptr_t end = range->end.load(std::memory_order_acquire);
        if (address >= range->begin.load(std::memory_order_acquire) && address < end) {
            const std::uintptr_t from = address & ~(page - 1);
            void* zeros = ::mmap(reinterpret_cast<void*>(from), end - from, PROT_READ,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
            range->gone.store(true, std::memory_order_release);
            return zeros != MAP_FAILED;
        }
    }
    return false;
}

void GuardedRanges::onFault(int signal, siginfo_t* info, void* context) {
    const int kept = errno;
    if (!fill(reinterpret_cast<std::uintptr_t>(info->si_addr))) {
        if ((before.sa_flags & SA_SIGINFO) != 0) {
            before.sa_sigaction(signal, info, context);
        } else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
            before.sa_handler(signal);
        } else {
            ::signal(SIGBUS, SIG_DFL); // returns to the same instruction, which faults again
        }
    }
    errno = kept;
}

MappingGuard::MappingGuard(const std::byte* data, std::size_t size) : range_(nullptr) {
    const std::lock_guard lock(GuardedRanges::mutex);
    static const bool installed = [] {
        GuardedRanges::install();
        return true;
    }();
    static_cast<void>(installed);
    for (Range* range = GuardedRanges::first; range != nullptr && range_ == nullptr; range = range->next) {
        range_ = range->end.load() == 0 ? range : nullptr;
    }
    if (range_ == nullptr) {
        range_ = new Range;
        range_->next = GuardedRanges::first;
        GuardedRanges::first.store(range_, std::memory_order_release);
    }
    const auto begin = reinterpret_cast<std::uintptr_t>(data);
    range_->gone.store(false);
    range_->begin.store(begin);
    // To the end of its last page, which belongs to the mapping as well.
    range_->end.store((begin + size + GuardedRanges::page - 1) & ~(GuardedRanges::page - 1),
                      std::memory_order_release);
}

MappingGuard::~MappingGuard() {
    range_->end.store(0, std::memory_order_release);
}

bool MappingGuard::intact() const {
    return !range_->gone.load(std::memory_order_acquire);
}

} // namespace fulgurite
