// SPDX-License-Identifier: Apache-2.0
#include "kernels/dtype.h"
#include "tests/emulator/cuda_emulator.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace fulgurite::emulator {
std::vector<std::size_t> argumentSizes(const void* kernel);
void launchRegistered(const void* kernel, void** arguments, dim3 grid, dim3 block, std::size_t shared_bytes);
} // namespace fulgurite::emulator

// Takes over copies of its arguments, as CUDA's nodes do.
struct EmulatedNode {
    explicit EmulatedNode(const cudaKernelNodeParams& given) { take(given); }
    void take(const cudaKernelNodeParams& given) {
        params = given;
        values.clear();
        addresses.clear();
        const std::vector<std::size_t> sizes = fulgurite::emulator::argumentSizes(given.func);
        for (std::size_t i = 0; i < sizes.size(); ++i) {
            const auto* bytes = static_cast<const std::byte*>(given.kernelParams[i]);
            values.emplace_back((sizes[i] + 15) / 16 * 16);
            std::memcpy(values.back().data(), bytes, sizes[i]);
            addresses.push_back(values.back().data());
        }
        params.kernelParams = addresses.data();
    }
    cudaKernelNodeParams params{};
    std::vector<std::vector<std::byte>> values;
    std::vector<void*> addresses;
};
struct EmulatedGraph {
    std::vector<EmulatedNode*> order;
    std::vector<std::unique_ptr<EmulatedNode>> owned;
};
struct EmulatedStream {};
struct EmulatedEvent {};
struct EmulatedBlas {};

namespace {

// The whole of the device's memory: FULGURITE_EMULATOR_MIB, to run out of it on purpose.
std::size_t capacity() {
    const char* wish = std::getenv("FULGURITE_EMULATOR_MIB");
    return (wish != nullptr ? std::strtoull(wish, nullptr, 10) : 4096) << 20;
}

std::mutex memory_mutex;
// Never destroyed: devices may be, after this library's own variables.
auto& allocations = *new std::map<void*, std::size_t>;
std::size_t used = 0;

// Whether all of the bytes lie in one allocation; the address behind its last byte is its own too.
bool isOfDevice(const void* address, std::size_t bytes) {
    const std::lock_guard lock(memory_mutex);
    auto after = allocations.upper_bound(const_cast<void*>(address));
    if (after == allocations.begin()) {
        return false;
    }
    const auto& [begin, size] = *--after;
    const auto offset = static_cast<std::size_t>(static_cast<const char*>(address) - static_cast<char*>(begin));
    return offset <= size && bytes <= size - offset;
}

// Whether an address lies in the host's memory. Numbers of the same size are smaller or larger than any such address,
// or hit nothing that is mapped.
bool isOfHost(std::uint64_t word) {
    constexpr std::uint64_t kLowest = std::uint64_t{1} << 32;
    constexpr std::uint64_t kHighest = std::uint64_t{1} << 47;
    if (word < kLowest || word >= kHighest) {
        return false;
    }
    auto* address = reinterpret_cast<void*>(word);
    if (isOfDevice(address, 0)) {
        return false;
    }
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    unsigned char resident = 0;
    return ::mincore(reinterpret_cast<void*>(word / page * page), 1, &resident) == 0;
}

cudaError_t startKernel(const void* kernel, dim3 grid, dim3 block, void** arguments, std::size_t shared_bytes) {
    const std::vector<std::size_t> sizes = fulgurite::emulator::argumentSizes(kernel);
    // Padding in a structure may hold what is left of any address, so only who asks has them searched.
    const bool structures = std::getenv("FULGURITE_EMULATOR_STRICT") != nullptr;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        for (std::size_t at = 0; at + sizeof(std::uint64_t) <= sizes[i]; at += sizeof(std::uint64_t)) {
            std::uint64_t word = 0;
            std::memcpy(&word, static_cast<const std::byte*>(arguments[i]) + at, sizeof(word));
            if ((structures || sizes[i] == sizeof(word)) && isOfHost(word)) {
                std::fprintf(stderr, "CUDA emulator: byte %zu of argument %zu of a kernel is an address of the host\n",
                             at, i);
                return cudaErrorIllegalAddress;
            }
        }
    }
    fulgurite::emulator::launchRegistered(kernel, arguments, grid, block, shared_bytes);
    return cudaSuccess;
}

float elementOf(const void* data, cudaDataType_t type, std::size_t index) {
    return type == CUDA_R_32F ? static_cast<const float*>(data)[index]
                              : fulgurite::bf16ToFloat(static_cast<const std::uint16_t*>(data)[index]);
}

} // namespace

const char* cudaGetErrorString(cudaError_t error) {
    switch (error) {
    case cudaSuccess:
        return "no error";
    case cudaErrorMemoryAllocation:
        return "out of memory";
    case cudaErrorNoDevice:
        return "no CUDA-capable device is detected";
    case cudaErrorInsufficientDriver:
        return "CUDA driver version is insufficient for CUDA runtime version";
    case cudaErrorIllegalAddress:
        return "an illegal memory access was encountered";
    default:
        return "invalid argument";
    }
}
cudaError_t cudaGetLastError() {
    return cudaSuccess;
}

// FULGURITE_EMULATOR_DEVICES: how many there are; -1 plays a machine without a driver.
cudaError_t cudaGetDeviceCount(int* count) {
    const char* wish = std::getenv("FULGURITE_EMULATOR_DEVICES");
    *count = wish != nullptr ? std::atoi(wish) : 1;
    return *count < 0 ? cudaErrorInsufficientDriver : *count == 0 ? cudaErrorNoDevice : cudaSuccess;
}
cudaError_t cudaSetDevice(int) {
    return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
    std::snprintf(properties->name, sizeof(properties->name), "emulated device");
    return cudaSuccess;
}
// FULGURITE_EMULATOR_CAPABILITY: "80" plays an older device.
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
    const char* wish = std::getenv("FULGURITE_EMULATOR_CAPABILITY");
    const int capability = wish != nullptr ? std::atoi(wish) : 90;
    *value = attribute == cudaDevAttrComputeCapabilityMajor   ? capability / 10
             : attribute == cudaDevAttrComputeCapabilityMinor ? capability % 10
                                                              : 4;
    return cudaSuccess;
}
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
    const std::lock_guard lock(memory_mutex);
    *total = capacity();
    *free = *total - used;
    return cudaSuccess;
}
cudaError_t cudaMalloc(void** address, std::size_t bytes) {
    const std::lock_guard lock(memory_mutex);
    const std::size_t rounded = (bytes + 255) / 256 * 256;
    if (rounded > capacity() - used) {
        return cudaErrorMemoryAllocation;
    }
    *address = std::aligned_alloc(256, rounded);
    if (*address == nullptr) {
        return cudaErrorMemoryAllocation;
    }
    std::memset(*address, 0xff, rounded); // NaN
    allocations[*address] = rounded;
    used += rounded;
    return cudaSuccess;
}
cudaError_t cudaFree(void* address) {
    const std::lock_guard lock(memory_mutex);
    const auto found = allocations.find(address);
    if (found == allocations.end()) {
        return address == nullptr ? cudaSuccess : cudaErrorInvalidValue;
    }
    used -= found->second;
    std::free(address);
    allocations.erase(found);
    return cudaSuccess;
}
cudaError_t cudaHostAlloc(void** address, std::size_t bytes, unsigned) {
    *address = std::malloc(bytes);
    return *address != nullptr ? cudaSuccess : cudaErrorMemoryAllocation;
}
cudaError_t cudaFreeHost(void* address) {
    std::free(address);
    return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* target, const void* source, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t) {
    if (bytes > 0 && (isOfDevice(target, bytes) != (kind != cudaMemcpyDeviceToHost) ||
                      isOfDevice(source, bytes) != (kind != cudaMemcpyHostToDevice))) {
        return cudaErrorInvalidValue;
    }
    std::memmove(target, source, bytes);
    return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* target, int value, std::size_t bytes, cudaStream_t) {
    if (bytes > 0 && !isOfDevice(target, bytes)) {
        return cudaErrorInvalidValue;
    }
    std::memset(target, value, bytes);
    return cudaSuccess;
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
    *stream = new EmulatedStream;
    return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    delete stream;
    return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t) {
    return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned) {
    return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
    *event = new EmulatedEvent;
    return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
    delete event;
    return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t) {
    return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t) {
    return cudaSuccess;
}
cudaError_t cudaFuncSetAttribute(const void*, cudaFuncAttribute, int) {
    return cudaSuccess;
}
cudaError_t cudaLaunchKernel(const void* kernel, dim3 grid, dim3 block, void** arguments, std::size_t shared_bytes,
                             cudaStream_t) {
    return startKernel(kernel, grid, block, arguments, shared_bytes);
}

cudaError_t cudaGraphCreate(cudaGraph_t* graph, unsigned) {
    *graph = new EmulatedGraph;
    return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t) {
    return cudaSuccess;
} // lives on as the executable one
cudaError_t cudaGraphAddKernelNode(cudaGraphNode_t* node, cudaGraph_t graph, const cudaGraphNode_t*, std::size_t,
                                   const cudaKernelNodeParams* params) {
    graph->owned.push_back(std::make_unique<EmulatedNode>(*params));
    *node = graph->owned.back().get();
    graph->order.push_back(*node);
    return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
    *exec = graph;
    return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
    delete exec;
    return cudaSuccess;
}
cudaError_t cudaGraphExecKernelNodeSetParams(cudaGraphExec_t, cudaGraphNode_t node,
                                             const cudaKernelNodeParams* params) {
    node->take(*params);
    return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t) {
    for (const EmulatedNode* node : exec->order) {
        const cudaKernelNodeParams& p = node->params;
        const cudaError_t status = startKernel(p.func, p.gridDim, p.blockDim, p.kernelParams, p.sharedMemBytes);
        if (status != cudaSuccess) {
            return status;
        }
    }
    return cudaSuccess;
}

const char* cublasGetStatusString(cublasStatus_t) {
    return "failed";
}
cublasStatus_t cublasCreate(cublasHandle_t* handle) {
    *handle = new EmulatedBlas;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasDestroy(cublasHandle_t handle) {
    delete handle;
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetStream(cublasHandle_t, cudaStream_t) {
    return CUBLAS_STATUS_SUCCESS;
}

// Column-major, as documented: C = alpha op(A) op(B) + beta C.
cublasStatus_t cublasGemmEx(cublasHandle_t, cublasOperation_t transpose_a, cublasOperation_t transpose_b, int m,
                            int n, int k, const void* alpha, const void* a, cudaDataType_t a_type, int lda,
                            const void* b, cudaDataType_t b_type, int ldb, const void* beta, void* c,
                            cudaDataType_t c_type, int ldc, cublasComputeType_t, cublasGemmAlgo_t) {
    if (!isOfDevice(a, 1) || !isOfDevice(b, 1) || !isOfDevice(c, 1)) {
        return CUBLAS_STATUS_EXECUTION_FAILED;
    }
    const auto at = [](int row, int column, int stride) {
        return static_cast<std::size_t>(column) * static_cast<std::size_t>(stride) + static_cast<std::size_t>(row);
    };
    for (int column = 0; column < n; ++column) {
        for (int row = 0; row < m; ++row) {
            float sum = 0;
            for (int i = 0; i < k; ++i) {
                sum += elementOf(a, a_type, transpose_a == CUBLAS_OP_T ? at(i, row, lda) : at(row, i, lda)) *
                       elementOf(b, b_type, transpose_b == CUBLAS_OP_T ? at(column, i, ldb) : at(i, column, ldb));
            }
            const float scale = *static_cast<const float*>(beta);
            float value = *static_cast<const float*>(alpha) * sum;
            const std::size_t place = at(row, column, ldc);
            value += scale == 0.0f ? 0.0f : scale * elementOf(c, c_type, place);
            if (c_type == CUDA_R_32F) {
                static_cast<float*>(c)[place] = value;
            } else {
                static_cast<std::uint16_t*>(c)[place] = fulgurite::floatToBf16(value);
            }
        }
    }
    return CUBLAS_STATUS_SUCCESS;
}
