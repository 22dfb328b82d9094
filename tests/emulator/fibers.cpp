// SPDX-License-Identifier: Apache-2.0
#include "tests/emulator/cuda_emulator.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <numeric>
#include <random>
#include <string>
#include <sys/mman.h>
#include <ucontext.h>
#include <unordered_map>
#include <vector>

namespace fulgurite::emulator {

namespace {

constexpr std::size_t kStackBytes = 256 << 10;
constexpr std::size_t kWarp = 32;

enum class Waiting : std::uint8_t { Nothing, Block, Warp };

// swapcontext() asks the system to save signals each time: far too slow for thousands of barriers.
#if defined(__x86_64__)
struct Context {
    void* stack_pointer = nullptr;
};
extern "C" void fulgurite_emulator_switch(void** from, void* to);
asm(R"(
.text
.type fulgurite_emulator_switch,@function
fulgurite_emulator_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size fulgurite_emulator_switch,.-fulgurite_emulator_switch
)");
void enterFiber();
void switchContext(Context& from, Context& to) {
    fulgurite_emulator_switch(&from.stack_pointer, to.stack_pointer);
}
void prepareContext(Context& context, std::byte* stack, std::size_t bytes) {
    auto* top = reinterpret_cast<void**>(stack + bytes);
    *--top = nullptr; // as if enterFiber() had been called: the stack is 8 off a multiple of 16
    *--top = reinterpret_cast<void*>(&enterFiber);
    for (int saved = 0; saved < 6; ++saved) {
        *--top = nullptr;
    }
    context.stack_pointer = top;
}
#else
using Context = ucontext_t;
void enterFiber();
void switchContext(Context& from, Context& to) {
    ::swapcontext(&from, &to);
}
void prepareContext(Context& context, std::byte* stack, std::size_t bytes) {
    ::getcontext(&context);
    context.uc_stack.ss_sp = stack;
    context.uc_stack.ss_size = bytes;
    context.uc_link = nullptr;
    ::makecontext(&context, &enterFiber, 0);
}
#endif

struct PendingCopy {
    void* target;
    const void* source;
    std::size_t bytes;
};

struct Warp {
    alignas(16) std::array<std::array<std::byte, kWarp * kExchangeBytes>, 2> slots;
    std::size_t arrived = 0;
    std::size_t live = 0;
};

} // namespace

struct Fiber {
    Context context{};
    std::byte* stack = nullptr;
    FiberIndex index;
    unsigned number = 0; // in the block
    Waiting waiting = Waiting::Nothing;
    bool done = true;
    unsigned exchanges = 0;
    std::vector<std::vector<PendingCopy>> copies; // committed groups, the last one open
};

namespace {

[[noreturn]] void giveUp(const char* what) {
    std::fprintf(stderr, "CUDA emulator: %s\n", what);
    std::abort();
}

// Runs one block at a time; the kernels' `static` shared arrays need that too.
class Machine {
  public:
    // Of each fiber: one kernel after another, as it is switched to.
    [[noreturn]] void body() {
        for (;;) {
            Fiber& me = *current_;
            kernel_->call(arguments_);
            finishCopies(me);
            me.done = true;
            --live_;
            Warp& warp = warps_[me.number / kWarp];
            --warp.live;
            if (warp.live > 0 && warp.arrived == warp.live) {
                releaseWarp(warp, me.number / kWarp);
            }
            if (live_ > 0 && arrived_ == live_) {
                releaseBlock();
            }
            switchContext(me.context, scheduler_);
        }
    }

    void run(const Thunk& kernel, void** arguments, dim3 grid, dim3 block, std::size_t shared_bytes) {
        const std::lock_guard lock(mutex_);
        const std::size_t count = std::size_t{block.x} * block.y * block.z;
        if (count == 0 || count > 1024 || shared_bytes > kMostShared) {
            giveUp("a launch asks for more than a block can have");
        }
        kernel_ = &kernel;
        arguments_ = arguments;
        shared_.assign(shared_bytes / 16 + 1, {});
        grow(count);
        for (unsigned z = 0; z < grid.z; ++z) {
            for (unsigned y = 0; y < grid.y; ++y) {
                for (unsigned x = 0; x < grid.x; ++x) {
                    runBlock({x, y, z}, block, grid, count);
                }
            }
        }
    }

    Fiber& current() { return *current_; }
    std::byte* shared() { return shared_.front().bytes; }

    void wait(Waiting what) {
        Fiber& me = *current_;
        me.waiting = what;
        if (what == Waiting::Warp) {
            arriveWarp(warps_[me.number / kWarp], me.number / kWarp);
        } else if (++arrived_ == live_) {
            releaseBlock();
        }
        if (me.waiting != Waiting::Nothing) {
            switchContext(me.context, scheduler_);
        }
    }

    int vote(int predicate) {
        votes_ |= predicate;
        wait(Waiting::Block);
        const int result = votes_;
        wait(Waiting::Block);
        votes_ = 0;
        wait(Waiting::Block);
        return result;
    }

    const std::byte* exchangeValues(const void* value, std::size_t bytes) {
        Fiber& me = *current_;
        Warp& warp = warps_[me.number / kWarp];
        const unsigned side = me.exchanges++ % 2;
        std::memcpy(warp.slots[side].data() + me.number % kWarp * kExchangeBytes, value, bytes);
        wait(Waiting::Warp);
        return warp.slots[side].data();
    }

  private:
    static constexpr std::size_t kMostShared = 227 << 10;
    struct alignas(16) Line {
        std::byte bytes[16];
        Line() { std::memset(bytes, 0xff, sizeof(bytes)); }
    };

    static void finishCopies(Fiber& fiber) {
        if (!fiber.copies.empty()) {
            giveUp("a thread ended with asynchronous copies that nobody waited for");
        }
    }

    void grow(std::size_t count) {
        while (fibers_.size() < count) {
            auto fiber = std::make_unique<Fiber>();
            void* stack = ::mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (stack == MAP_FAILED) {
                giveUp("no memory for a stack");
            }
            fiber->stack = static_cast<std::byte*>(stack);
            prepareContext(fiber->context, fiber->stack, kStackBytes);
            fibers_.push_back(std::move(fiber));
        }
    }

    void runBlock(dim3 block_index, dim3 block, dim3 grid, std::size_t count) {
        std::fill(shared_.begin(), shared_.end(), Line());
        warps_.resize((count + kWarp - 1) / kWarp);
        for (std::size_t w = 0; w < warps_.size(); ++w) {
            warps_[w].arrived = 0;
            warps_[w].live = std::min(kWarp, count - w * kWarp);
        }
        live_ = count;
        arrived_ = 0;
        votes_ = 0;
        for (std::size_t i = 0; i < count; ++i) {
            Fiber& fiber = *fibers_[i];
            const auto n = static_cast<unsigned>(i);
            fiber.number = n;
            fiber.index = {{n % block.x, n / block.x % block.y, n / (block.x * block.y)}, block_index, block, grid};
            fiber.waiting = Waiting::Nothing;
            fiber.done = false;
            fiber.exchanges = 0;
        }
        setOrder(count);
        while (live_ > 0) {
            bool ran = false;
            for (const std::size_t i : order_) {
                Fiber& fiber = *fibers_[i];
                if (!fiber.done && fiber.waiting == Waiting::Nothing) {
                    current_ = &fiber;
                    switchContext(scheduler_, fiber.context);
                    ran = true;
                }
            }
            if (!ran) {
                giveUp("a block is stuck: some of its threads wait at a barrier that the others never reach");
            }
        }
    }

    void setOrder(std::size_t count) {
        static const std::string wish = [] {
            const char* value = std::getenv("FULGURITE_EMULATOR_ORDER");
            return std::string(value != nullptr ? value : "");
        }();
        if (order_.size() != count) {
            order_.resize(count);
            std::iota(order_.begin(), order_.end(), std::size_t{0});
            if (wish == "reverse") {
                std::reverse(order_.begin(), order_.end());
            }
        }
        if (wish == "shuffle") {
            std::shuffle(order_.begin(), order_.end(), random_);
        }
    }

    void arriveWarp(Warp& warp, std::size_t index) {
        if (++warp.arrived == warp.live) {
            releaseWarp(warp, index);
        }
    }
    void releaseWarp(Warp& warp, std::size_t index) {
        warp.arrived = 0;
        const std::size_t end = std::min(fibers_.size(), (index + 1) * kWarp);
        for (std::size_t i = index * kWarp; i < end; ++i) {
            if (fibers_[i]->waiting == Waiting::Warp) {
                fibers_[i]->waiting = Waiting::Nothing;
            }
        }
    }
    void releaseBlock() {
        arrived_ = 0;
        for (auto& fiber : fibers_) {
            if (fiber->waiting == Waiting::Block) {
                fiber->waiting = Waiting::Nothing;
            }
        }
    }

    std::mutex mutex_;
    const Thunk* kernel_ = nullptr;
    void** arguments_ = nullptr;
    std::vector<Line> shared_;
    std::vector<std::unique_ptr<Fiber>> fibers_;
    std::vector<Warp> warps_;
    std::vector<std::size_t> order_;
    std::mt19937 random_{7};
    Context scheduler_{};
    Fiber* current_ = nullptr;
    std::size_t live_ = 0;
    std::size_t arrived_ = 0;
    int votes_ = 0;
};

Machine& machine() {
    static Machine& instance = *new Machine; // never destroyed: devices may be, after this library's own variables
    return instance;
}

void enterFiber() {
    machine().body();
}

std::unordered_map<const void*, Thunk>& kernels() {
    static auto& all = *new std::unordered_map<const void*, Thunk>;
    return all;
}
std::mutex kernels_mutex;

} // namespace

const FiberIndex& here() {
    return machine().current().index;
}
void blockBarrier() {
    machine().wait(Waiting::Block);
}
int blockBarrierOr(int predicate) {
    return machine().vote(predicate);
}
void warpBarrier() {
    machine().wait(Waiting::Warp);
}
const std::byte* exchange(const void* value, std::size_t bytes) {
    return machine().exchangeValues(value, bytes);
}
unsigned lane() {
    return machine().current().number % kWarp;
}
std::byte* dynamicShared() {
    return machine().shared();
}

void copyAsync(void* shared, const void* global, std::size_t bytes) {
    auto& groups = machine().current().copies;
    if (groups.empty()) {
        groups.emplace_back();
    }
    groups.back().push_back({shared, global, bytes});
}
void commitCopies() {
    auto& groups = machine().current().copies;
    if (groups.empty()) {
        groups.emplace_back();
    }
    groups.emplace_back();
}
// The last, open group is none of those that count.
void waitCopies(int pending) {
    auto& groups = machine().current().copies;
    while (groups.size() > static_cast<std::size_t>(pending) + 1) {
        for (const PendingCopy& copy : groups.front()) {
            if (copy.source != nullptr) {
                std::memcpy(copy.target, copy.source, copy.bytes);
            } else {
                std::memset(copy.target, 0, copy.bytes);
            }
        }
        groups.erase(groups.begin());
    }
    if (groups.size() == 1 && groups.front().empty()) {
        groups.clear();
    }
}

void registerKernel(const void* kernel, Thunk thunk) {
    const std::lock_guard lock(kernels_mutex);
    kernels().try_emplace(kernel, std::move(thunk));
}

std::vector<std::size_t> argumentSizes(const void* kernel) {
    const std::lock_guard lock(kernels_mutex);
    return kernels().at(kernel).sizes;
}

void launchRegistered(const void* kernel, void** arguments, dim3 grid, dim3 block, std::size_t shared_bytes) {
    const Thunk* thunk = nullptr;
    {
        const std::lock_guard lock(kernels_mutex);
        const auto found = kernels().find(kernel);
        if (found == kernels().end()) {
            giveUp("a kernel was launched that launch() does not know");
        }
        thunk = &found->second;
    }
    machine().run(*thunk, arguments, grid, block, shared_bytes);
}

} // namespace fulgurite::emulator
