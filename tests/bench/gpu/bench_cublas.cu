// SPDX-License-Identifier: Apache-2.0
// What cuBLAS alone does with the products of bench_gpu_kernels: bfloat16 factors that lie there already, float32
// sums and results. The products of a layer's experts are one call for each matrix of each expert that has rows.
//   bench_gpu_cublas [--repeats N] [--json FILE]
#include "tests/bench/gpu/m1_shapes.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cublas_v2.h>
#include <cuda_runtime.h>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace fulgurite::bench;

void check(cudaError_t code, const char* what) {
    if (code != cudaSuccess) {
        throw std::runtime_error(std::string(what) + ": " + cudaGetErrorString(code));
    }
}
void check(cublasStatus_t code, const char* what) {
    if (code != CUBLAS_STATUS_SUCCESS) {
        throw std::runtime_error(std::string(what) + ": " + cublasGetStatusString(code));
    }
}

// bfloat16 values between -1 and 1; constants would run faster than real data does.
__global__ void fillKernel(std::uint16_t* values, std::size_t count, std::uint64_t seed) {
    const std::size_t step = static_cast<std::size_t>(gridDim.x) * blockDim.x;
    for (std::size_t i = static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += step) {
        std::uint64_t z = (seed << 40) + i + 0x9e3779b97f4a7c15u;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        const float value = static_cast<float>(static_cast<std::int32_t>(z >> 32)) * 0x1p-31f;
        values[i] = static_cast<std::uint16_t>(__float_as_uint(value) >> 16);
    }
}

// Device memory that goes with it.
class Array {
  public:
    explicit Array(std::size_t bytes) { check(cudaMalloc(&data_, bytes), "memory for a benchmark"); }
    Array(std::size_t count, std::uint64_t seed) : Array(count * 2) {
        fillKernel<<<1024, 256>>>(static_cast<std::uint16_t*>(data_), count, seed);
        check(cudaGetLastError(), "random values");
    }
    ~Array() { cudaFree(data_); }
    Array(const Array&) = delete;
    Array& operator=(const Array&) = delete;
    std::uint16_t* bf16(std::size_t at = 0) const { return static_cast<std::uint16_t*>(data_) + at; }
    float* floats(std::size_t at = 0) const { return static_cast<float*>(data_) + at; }

  private:
    void* data_ = nullptr;
};

class Bench {
  public:
    explicit Bench(int repeats) : repeats_(repeats) {
        check(cublasCreate(&blas_), "cuBLAS");
        check(cudaEventCreate(&begin_), "an event");
        check(cudaEventCreate(&end_), "an event");
    }
    ~Bench() {
        cublasDestroy(blas_);
        cudaEventDestroy(begin_);
        cudaEventDestroy(end_);
    }

    std::string run() {
        constexpr std::size_t kSide = 8192;
        square(kSide);
        for (const Product& s : kProjections) {
            for (const std::size_t rows : kRows) {
                projection(s, rows);
            }
        }
        experts();
        return "{\"rows\":[\n" + rows_ + "\n]}\n";
    }

  private:
    // The median of the repeats, each of as many calls as fill 20 ms.
    double seconds(const std::function<void()>& call) {
        const auto timed = [&](int calls) {
            check(cudaEventRecord(begin_), "to measure");
            for (int i = 0; i < calls; ++i) {
                call();
            }
            check(cudaEventRecord(end_), "to measure");
            check(cudaEventSynchronize(end_), "a product");
            float milliseconds = 0;
            check(cudaEventElapsedTime(&milliseconds, begin_, end_), "to measure");
            return static_cast<double>(milliseconds) * 1e-3 / calls;
        };
        timed(3);
        const int calls = std::clamp(static_cast<int>(0.02 / std::max(timed(1), 1e-7)), 1, 1000);
        std::vector<double> times;
        for (int i = 0; i < repeats_; ++i) {
            times.push_back(timed(calls));
        }
        std::sort(times.begin(), times.end());
        return times[times.size() / 2];
    }

    // y[rows, outputs] = x W^T, row-major.
    void product(const std::uint16_t* weight, const std::uint16_t* x, float* y, std::size_t rows,
                 std::size_t outputs, std::size_t inputs) {
        const float one = 1;
        const float zero = 0;
        check(cublasGemmEx(blas_, CUBLAS_OP_T, CUBLAS_OP_N, static_cast<int>(outputs), static_cast<int>(rows),
                           static_cast<int>(inputs), &one, weight, CUDA_R_16BF, static_cast<int>(inputs), x,
                           CUDA_R_16BF, static_cast<int>(inputs), &zero, y, CUDA_R_32F, static_cast<int>(outputs),
                           CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
              "a product");
    }

    void row(const std::string& name, double time, double flops) {
        std::printf("| %-46s | %10.2f us | %7.1f TFLOP/s |\n", name.c_str(), time * 1e6, flops / time / 1e12);
        char text[256];
        std::snprintf(text, sizeof(text), R"({"name":"%s","seconds":%.9g,"flops":%.9g})", name.c_str(), time,
                      flops);
        rows_ += (rows_.empty() ? " " : ",\n ") + std::string(text);
    }

    void square(std::size_t side) {
        const Array w(side * side, 1);
        const Array x(side * side, 2);
        const Array y(side * side * 4);
        row("square of " + std::to_string(side),
            seconds([&] { product(w.bf16(), x.bf16(), y.floats(), side, side, side); }),
            2.0 * static_cast<double>(side) * static_cast<double>(side) * static_cast<double>(side));
    }

    void projection(const Product& s, std::size_t rows) {
        const Array w(s.outputs * s.inputs, 1);
        const Array x(rows * s.inputs, 2);
        const Array y(rows * s.outputs * 4);
        row(rowName(s.name, rows),
            seconds([&] { product(w.bf16(), x.bf16(), y.floats(), rows, s.outputs, s.inputs); }),
            2.0 * static_cast<double>(rows * s.outputs * s.inputs));
    }

    // Choices go round the experts, as in bench_gpu_kernels; what lies between the products is not computed here.
    void experts() {
        constexpr std::size_t kMatrix = kIntermediate * kHidden;
        const Array w(3 * kExperts * kMatrix, 1);
        for (const std::size_t rows : kRows) {
            const std::size_t choices = rows * kTopK;
            const Array x(choices * kHidden, 2);
            const Array hidden(choices * kIntermediate, 3);
            const Array out(choices * std::max(2 * kIntermediate, kHidden) * 4);
            const auto all = [&] {
                std::size_t first = 0;
                for (std::size_t e = 0; e < kExperts; ++e) {
                    const std::size_t mine = choices / kExperts + (e < choices % kExperts ? 1 : 0);
                    if (mine == 0) {
                        continue;
                    }
                    const std::uint16_t* matrices = w.bf16(3 * e * kMatrix);
                    // Gate and up lie one behind the other: one product.
                    product(matrices, x.bf16(first * kHidden), out.floats(), mine, 2 * kIntermediate, kHidden);
                    product(matrices + 2 * kMatrix, hidden.bf16(first * kIntermediate), out.floats(), mine, kHidden,
                            kIntermediate);
                    first += mine;
                }
            };
            row(rowName("experts in bfloat16", rows), seconds(all),
                6.0 * static_cast<double>(choices) * static_cast<double>(kMatrix));
        }
    }

    int repeats_;
    cublasHandle_t blas_ = nullptr;
    cudaEvent_t begin_ = nullptr;
    cudaEvent_t end_ = nullptr;
    std::string rows_;
};

} // namespace

int main(int argc, char** argv) {
    int repeats = 5;
    std::string json;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string option = argv[i];
        if (option == "--repeats") {
            repeats = std::max(std::atoi(argv[i + 1]), 1);
        } else if (option == "--json") {
            json = argv[i + 1];
        }
    }
    try {
        const std::string report = Bench(repeats).run();
        if (!json.empty()) {
            std::ofstream(json) << report;
        }
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_gpu_cublas: %s\n", error.what());
        return 1;
    }
    return 0;
}
