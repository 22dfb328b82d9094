// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/cuda_device.h"

#include "kernels/cuda/cuda_queue.h"
#include "kernels/cuda/ops_cuda.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace fulgurite::kernels::cuda {

namespace {

constexpr std::size_t kAlignment = 256;
constexpr std::size_t kSlabBytes = std::size_t{64} << 20;
constexpr std::size_t kStagingBytes = std::size_t{32} << 20;
// The kernels are built for this one (sm_90a code runs on 9.0 only).
constexpr int kMajor = 9;
constexpr int kMinor = 0;

void need(cudaError_t status, const char* doing) {
    if (status != cudaSuccess) {
        cudaGetLastError();
        throw DeviceError(DeviceFault::NotFound, std::string("CUDA ") + doing + ": " + cudaGetErrorString(status));
    }
}

int deviceCount() {
    int count = 0;
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status == cudaErrorNoDevice) {
        cudaGetLastError();
        return 0;
    }
    need(status, "could not count devices");
    return count;
}

DeviceInfo describe(int index) {
    DeviceInfo info;
    info.index = index;
    need(cudaSetDevice(index), "could not open the device");
    cudaDeviceProp properties{};
    need(cudaGetDeviceProperties(&properties, index), "could not describe the device");
    info.name = properties.name;
    need(cudaDeviceGetAttribute(&info.major, cudaDevAttrComputeCapabilityMajor, index),
         "could not describe the device");
    need(cudaDeviceGetAttribute(&info.minor, cudaDevAttrComputeCapabilityMinor, index),
         "could not describe the device");
    need(cudaDeviceGetAttribute(&info.multiprocessors, cudaDevAttrMultiProcessorCount, index),
         "could not describe the device");
    need(cudaMemGetInfo(&info.free_bytes, &info.memory_bytes), "could not read the device's memory");
    if (info.major != kMajor || info.minor != kMinor) {
        info.unusable = "its compute capability is " + std::to_string(info.major) + "." +
                        std::to_string(info.minor) + ", this build has code for " + std::to_string(kMajor) + "." +
                        std::to_string(kMinor) + " (H100, H200, H800, H20)";
    }
    return info;
}

std::unique_ptr<Device> open(int index) {
    return std::make_unique<CudaDevice>(index);
}

// Two pieces of pinned memory: while the device takes one, the host fills the other.
class Staging {
  public:
    explicit Staging(cudaStream_t stream) : stream_(stream) {
        try {
            for (Half& half : halves_) {
                check(cudaHostAlloc(&half.memory, kStagingBytes, cudaHostAllocDefault), "to pin memory");
                check(cudaEventCreateWithFlags(&half.taken, cudaEventDisableTiming), "to make an event");
            }
        } catch (...) {
            drop();
            throw;
        }
    }
    ~Staging() {
        cudaStreamSynchronize(stream_);
        drop();
    }
    Staging(const Staging&) = delete;
    Staging& operator=(const Staging&) = delete;

    // Room for up to `wanted` bytes; how many is returned in `bytes`.
    std::byte* room(std::size_t wanted, std::size_t& bytes) {
        if (fill_ == kStagingBytes) {
            check(cudaEventRecord(halves_[now_].taken, stream_), "to mark a copy");
            halves_[now_].used = true;
            now_ = 1 - now_;
            fill_ = 0;
            if (halves_[now_].used) {
                check(cudaEventSynchronize(halves_[now_].taken), "to take in weights");
            }
        }
        bytes = std::min(wanted, kStagingBytes - fill_);
        return static_cast<std::byte*>(halves_[now_].memory) + fill_;
    }
    void send(void* target, const std::byte* staged, std::size_t bytes) {
        check(cudaMemcpyAsync(target, staged, bytes, cudaMemcpyHostToDevice, stream_), "to take in weights");
        fill_ += bytes;
    }
    void finish() { check(cudaStreamSynchronize(stream_), "to take in weights"); }

  private:
    struct Half {
        void* memory = nullptr;
        cudaEvent_t taken = nullptr;
        bool used = false;
    };
    void drop() {
        for (Half& half : halves_) {
            if (half.taken != nullptr) {
                cudaEventDestroy(half.taken);
            }
            if (half.memory != nullptr) {
                cudaFreeHost(half.memory);
            }
        }
    }

    cudaStream_t stream_;
    std::array<Half, 2> halves_;
    std::size_t now_ = 0;
    std::size_t fill_ = 0;
};

// Copies bytes [begin, begin + count) of what the rows are when they lie densely.
void gatherRows(const Upload& upload, std::size_t begin, std::size_t count, std::byte* to) {
    const auto* source = static_cast<const std::byte*>(upload.source);
    if (upload.source_stride == upload.row_bytes) {
        std::memcpy(to, source + begin, count);
        return;
    }
    while (count > 0) {
        const std::size_t row = begin / upload.row_bytes;
        const std::size_t at = begin % upload.row_bytes;
        const std::size_t part = std::min(count, upload.row_bytes - at);
        std::memcpy(to, source + row * upload.source_stride + at, part);
        begin += part;
        to += part;
        count -= part;
    }
}

} // namespace

std::string readable(std::size_t bytes) {
    constexpr std::array<const char*, 5> kUnits{"bytes", "KiB", "MiB", "GiB", "TiB"};
    double value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 1024 && unit + 1 < kUnits.size()) {
        value /= 1024;
        ++unit;
    }
    char text[32];
    std::snprintf(text, sizeof(text), unit == 0 ? "%.0f %s" : "%.2f %s", value, kUnits[unit]);
    return text;
}

CudaDevice::CudaDevice(int index) : info_(describe(index)) {
    check(cudaStreamCreateWithFlags(&copies_, cudaStreamNonBlocking), "to make a stream");
}

CudaDevice::~CudaDevice() {
    cudaSetDevice(info_.index);
    for (const Slab& slab : slabs_) {
        cudaFree(slab.memory);
    }
    cudaStreamDestroy(copies_);
}

DeviceInfo CudaDevice::info() const {
    DeviceInfo now = info_;
    use();
    check(cudaMemGetInfo(&now.free_bytes, &now.memory_bytes), "to read its memory");
    return now;
}

void CudaDevice::randomise(void* target, DType type, std::size_t count, float scale, std::uint64_t seed) {
    CudaQueue queue(*this);
    cuda::randomise(target, type, count, scale, seed, queue);
    queue.wait();
}

void CudaDevice::use() const {
    check(cudaSetDevice(info_.index), "to become this thread's device");
}

const OpTable& CudaDevice::ops(Precision precision) const {
    return cudaOps(precision);
}

std::unique_ptr<DeviceQueue> CudaDevice::newQueue() {
    return std::make_unique<CudaQueue>(*this);
}

DeviceCounters CudaDevice::counters(const DeviceQueue& queue) const {
    return static_cast<const CudaQueue&>(queue).counters();
}

std::byte* CudaDevice::fromDriver(std::size_t bytes, std::size_t wanted, const char* purpose) {
    use();
    void* memory = nullptr;
    if (cudaMalloc(&memory, bytes) == cudaSuccess) {
        return static_cast<std::byte*>(memory);
    }
    cudaGetLastError();
    std::size_t free = 0;
    std::size_t total = 0;
    cudaMemGetInfo(&free, &total);
    throw DeviceError(DeviceFault::OutOfMemory, std::string("the GPU has no memory left for ") + purpose + ": " +
                                                    readable(wanted) + " wanted, " + readable(free) + " of " +
                                                    readable(total) + " free");
}

std::byte* CudaDevice::fromSlabs(std::size_t bytes) {
    for (Slab& slab : slabs_) {
        if (slab.bytes - slab.used >= bytes) {
            std::byte* memory = slab.memory + slab.used;
            slab.used += bytes;
            return memory;
        }
    }
    return nullptr;
}

void CudaDevice::reserve(std::size_t bytes, const char* purpose) {
    const std::lock_guard lock(memory_mutex_);
    // What is there and nobody has: an engine that ended leaves its part to the next.
    std::size_t idle = 0;
    for (const Slab& slab : slabs_) {
        idle += slab.bytes - slab.used;
    }
    for (const auto& [size, memory] : free_) {
        idle += size;
    }
    if (bytes > idle) {
        slabs_.push_back({fromDriver(bytes - idle, bytes, purpose), bytes - idle, 0});
    }
}

// Pieces of one size are of no use to another: slabs of which nothing is given out go back to the driver, which waits for
// what still computes there.
bool CudaDevice::giveBackIdleSlabs() {
    return std::erase_if(slabs_, [this](const Slab& slab) {
               const auto inside = [&slab](const void* memory) {
                   return memory >= slab.memory && memory < slab.memory + slab.bytes;
               };
               const auto given = sizes_.lower_bound(slab.memory);
               if (given != sizes_.end() && inside(given->first)) {
                   return false;
               }
               std::erase_if(free_, [&inside](const auto& piece) { return inside(piece.second); });
               return cudaFree(slab.memory) == cudaSuccess;
           }) > 0;
}

// The beginning of a new slab; when the driver has no more, of a larger piece that somebody gave back, or of a slab in place of those
// that nobody uses.
std::byte* CudaDevice::newSlab(std::size_t size, std::size_t wanted, const char* purpose) {
    // Small pieces share a slab where there is room for a whole one.
    std::size_t slab = size < kSlabBytes ? kSlabBytes : size;
    std::size_t free = 0;
    std::size_t total = 0;
    use();
    if (slab > size && cudaMemGetInfo(&free, &total) == cudaSuccess && free < 2 * kSlabBytes) {
        slab = size;
    }
    try {
        slabs_.push_back({fromDriver(slab, wanted, purpose), slab, size});
        return slabs_.back().memory;
    } catch (const DeviceError&) {
        const auto larger = free_.lower_bound(size);
        if (larger == free_.end()) {
            if (!giveBackIdleSlabs()) {
                throw;
            }
            slabs_.push_back({fromDriver(size, wanted, purpose), size, size});
            return slabs_.back().memory;
        }
        const auto [piece, memory] = *larger;
        free_.erase(larger);
        if (piece > size) {
            free_.emplace(piece - size, memory + size);
        }
        return memory;
    }
}

void* CudaDevice::allocate(std::size_t bytes, const char* purpose) {
    const std::lock_guard lock(memory_mutex_);
    const std::size_t size = std::max<std::size_t>(ceilDiv(bytes, kAlignment), 1) * kAlignment;
    std::byte* memory = nullptr;
    if (const auto found = free_.find(size); found != free_.end()) {
        memory = found->second;
        free_.erase(found);
    } else {
        memory = fromSlabs(size);
    }
    if (memory == nullptr) {
        memory = newSlab(size, bytes, purpose);
    }
    sizes_.emplace(memory, size);
    return memory;
}

void CudaDevice::release(void* address) noexcept {
    if (address == nullptr) {
        return;
    }
    const std::lock_guard lock(memory_mutex_);
    const auto found = sizes_.find(address);
    if (found != sizes_.end()) {
        free_.emplace(found->second, static_cast<std::byte*>(address));
        sizes_.erase(found);
    }
}

void CudaDevice::copyIn(void* target, const void* source, std::size_t bytes) {
    const std::lock_guard lock(copy_mutex_);
    use();
    check(cudaMemcpyAsync(target, source, bytes, cudaMemcpyHostToDevice, copies_), "to take in values");
    check(cudaStreamSynchronize(copies_), "to take in values");
}

void CudaDevice::copyOut(void* target, const void* source, std::size_t bytes) {
    const std::lock_guard lock(copy_mutex_);
    use();
    check(cudaMemcpyAsync(target, source, bytes, cudaMemcpyDeviceToHost, copies_), "to hand out values");
    check(cudaStreamSynchronize(copies_), "to hand out values");
}

void CudaDevice::copyWithin(void* target, const void* source, std::size_t bytes) {
    const std::lock_guard lock(copy_mutex_);
    use();
    check(cudaMemcpyAsync(target, source, bytes, cudaMemcpyDeviceToDevice, copies_), "to copy values");
    check(cudaStreamSynchronize(copies_), "to copy values");
}

void CudaDevice::clear(void* target, std::size_t bytes) {
    const std::lock_guard lock(copy_mutex_);
    use();
    check(cudaMemsetAsync(target, 0, bytes, copies_), "to clear memory");
    check(cudaStreamSynchronize(copies_), "to clear memory");
}

void CudaDevice::upload(std::span<const Upload> uploads, const std::function<void(std::size_t)>& progress) {
    const std::lock_guard lock(copy_mutex_);
    use();
    Staging staging(copies_);
    std::size_t done = 0;
    for (const Upload& upload : uploads) {
        const std::size_t all = upload.row_bytes * upload.rows;
        for (std::size_t begin = 0; begin < all;) {
            std::size_t bytes = 0;
            std::byte* staged = staging.room(all - begin, bytes);
            gatherRows(upload, begin, bytes, staged);
            staging.send(static_cast<std::byte*>(upload.target) + begin, staged, bytes);
            begin += bytes;
            done += bytes;
            if (progress) {
                progress(done);
            }
        }
    }
    staging.finish();
}

} // namespace fulgurite::kernels::cuda

extern "C" __attribute__((visibility("default"))) const fulgurite::kernels::DeviceLibrary*
fulgurite_device_library() {
    using namespace fulgurite::kernels;
#ifdef FULGURITE_CUDA_EMULATED
    static constexpr const char* kDescription = "emulation on the processor, for tests";
#else
    static constexpr const char* kDescription =
        "built with CUDA " FULGURITE_CUDA_VERSION " for " FULGURITE_CUDA_TARGET;
#endif
    static const DeviceLibrary library{kDeviceInterface, kDescription, cuda::deviceCount, cuda::describe,
                                       cuda::open};
    return &library;
}
