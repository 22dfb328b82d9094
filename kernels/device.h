// SPDX-License-Identifier: Apache-2.0
// A device with memory of its own that runs an OpTable. Such a device lives in a shared library that is opened at
// run time (device_library.h), so that the programs start without any of what the library needs; no type of a
// vendor's toolkit appears here.
//
// On such a device every pointer of the params structs of ops.h is an address in the device's memory, except for
// what steers the work and is read when the operation is called: EmbedParams::ids, GatherParams::index and the
// arrays of page addresses lie in the host's memory. Operations of one queue run in the order of their calls, after
// the call has returned; an error may show in a later call. Everything here throws DeviceError.
#pragma once

#include "kernels/ops.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>

namespace fulgurite::kernels {

enum class DeviceFault : std::uint8_t {
    NotFound,    // no library, no driver, no such device, one that is too old
    OutOfMemory, // the message has the sizes
    Failed,      // the device reported an error; it may be of no use any more
};

class DeviceError : public std::runtime_error {
  public:
    DeviceError(DeviceFault fault, const std::string& message) : std::runtime_error(message), fault_(fault) {}
    DeviceFault fault() const noexcept { return fault_; }

  private:
    DeviceFault fault_;
};

struct DeviceInfo {
    int index = 0;
    std::string name; // "NVIDIA H800"
    int major = 0;    // compute capability
    int minor = 0;
    int multiprocessors = 0;
    std::size_t memory_bytes = 0; // of the whole device
    std::size_t free_bytes = 0;   // when asked
    std::string unusable;         // why this build cannot use it; empty: it can
};

// How products and attention are computed over what is stored.
enum class Precision : std::uint8_t {
    Exact, // float32 throughout: for checkpoints in float32, and to compare with the reference
    Mixed, // bfloat16 factors on the tensor cores, float32 sums; states, norms, router and head stay float32
};

// Rows of host memory that are to lie densely in the device's memory.
struct Upload {
    const void* source = nullptr;
    std::size_t row_bytes = 0;
    std::size_t rows = 0;
    std::size_t source_stride = 0; // bytes between rows
    void* target = nullptr;
};

// The order in which work is done; kernels::Queue carries it to the operations. One thread at a time.
class DeviceQueue {
  public:
    virtual ~DeviceQueue() = default;

    // Ordered with the operations of this queue. The host's bytes may be changed or freed after the call.
    virtual void copyIn(void* target, const void* source, std::size_t bytes) = 0;
    virtual void copyOut(void* target, const void* source, std::size_t bytes) = 0; // returns when it is done
    // Until all calls so far are done; throws what went wrong in them.
    virtual void wait() = 0;

    // Between the two, operations may be held back and run at once: a step like an earlier one is replayed as one
    // launch. What the queue is asked to copy meanwhile stays in order. A step that throws is ended by dropStep().
    virtual void beginStep() = 0;
    virtual void endStep() = 0;
    virtual void dropStep() noexcept = 0;
};

// What a queue has done since it was made: for benchmarks and tests.
struct DeviceCounters {
    std::size_t launches = 0;       // kernels started one by one
    std::size_t steps_built = 0;    // steps put together for the first time
    std::size_t steps_replayed = 0; // steps that ran as one launch
};

class Device {
  public:
    virtual ~Device() = default;

    virtual DeviceInfo info() const = 0;
    virtual const OpTable& ops(Precision precision) const = 0;
    virtual std::unique_ptr<DeviceQueue> newQueue() = 0;
    virtual DeviceCounters counters(const DeviceQueue& queue) const = 0;

    // Takes `bytes` from the device at once, so that allocations up to that total cannot fail later.
    virtual void reserve(std::size_t bytes, const char* purpose) = 0;
    // Contents undefined, aligned to 256 bytes. `purpose` is for the message of a failure: "keys and values".
    virtual void* allocate(std::size_t bytes, const char* purpose) = 0;
    virtual void release(void* address) noexcept = 0;

    // Outside any queue: from any thread, done when they return. No operation may be using the memory.
    virtual void copyIn(void* target, const void* source, std::size_t bytes) = 0;
    virtual void copyOut(void* target, const void* source, std::size_t bytes) = 0;
    virtual void copyWithin(void* target, const void* source, std::size_t bytes) = 0;
    virtual void clear(void* target, std::size_t bytes) = 0;

    // Fills `count` elements with values from a generator: F32 and BF16 evenly between -scale and scale, I8 over
    // all its values. For benchmarks whose weights are larger than what one would write to a disk.
    virtual void randomise(void* target, DType type, std::size_t count, float scale, std::uint64_t seed) = 0;

    // Copies weights: the host reads one piece while the device takes another. `progress` hears the bytes done and
    // may throw to stop it.
    virtual void upload(std::span<const Upload> uploads, const std::function<void(std::size_t done)>& progress) = 0;
};

// What a library exports under the C name kDeviceEntry, a function without parameters that returns a pointer to
// one.
struct DeviceLibrary {
    std::uint64_t interface = 0;       // kDeviceInterface of its build; nothing else is read when it differs
    const char* description = nullptr; // "CUDA 13.0, sm_90a"
    int (*count)() = nullptr;          // throws DeviceError{NotFound} without a driver
    DeviceInfo (*describe)(int index) = nullptr;
    std::unique_ptr<Device> (*open)(int index) = nullptr;
};

inline constexpr const char* kDeviceEntry = "fulgurite_device_library";

// Rises with every change of meaning in this header or ops.h; changes of layout show by themselves.
inline constexpr std::uint64_t kDeviceRevision = 2;
inline constexpr std::uint64_t kDeviceInterface = [] {
    std::uint64_t hash = 0xcbf29ce484222325u ^ kDeviceRevision;
    for (const std::size_t size :
         {sizeof(OpTable), sizeof(WeightMatrix), sizeof(LinearTask), sizeof(NormGateParams), sizeof(RopeParams),
          sizeof(KvStoreParams), sizeof(SoftmaxAttentionParams), sizeof(LightningParams), sizeof(RouteParams),
          sizeof(ExpertsParams), sizeof(EmbedParams), sizeof(Queue), sizeof(DeviceInfo), sizeof(Upload),
          sizeof(DeviceLibrary)}) {
        hash = (hash ^ size) * 0x100000001b3u;
    }
    return hash;
}();

} // namespace fulgurite::kernels
