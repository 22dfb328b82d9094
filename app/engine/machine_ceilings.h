// SPDX-License-Identifier: Apache-2.0
// What this machine can reach, measured: the ceilings that `bench` compares the engine with.
#pragma once

#include "kernels/pool.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace fulgurite::app {

// Reads memory with all threads of the pool: a gibibyte, or as much as is asked for.
class ReadBandwidth {
  public:
    explicit ReadBandwidth(kernels::ThreadPool& pool, std::size_t bytes = std::size_t{1} << 30);
    // Bytes per second: the better of two passes.
    double measure();

  private:
    kernels::ThreadPool& pool_;
    std::vector<std::uint64_t> buffer_;
    std::vector<std::uint64_t> sums_; // kept, so that no compiler can leave the reads out
};

// One product C[m, n] = A[m, k] B[n, k]^T in float32, the shape of a linear layer, done `count` times per forward
// pass.
struct GemmShape {
    std::size_t m = 0;
    std::size_t n = 0;
    std::size_t k = 0;
    double count = 1;
};

// OpenBLAS, opened at run time so that the engine does not depend on it.
class OpenBlas {
  public:
    // Null when the library is not installed.
    static std::unique_ptr<OpenBlas> open();
    ~OpenBlas();
    OpenBlas(const OpenBlas&) = delete;
    OpenBlas& operator=(const OpenBlas&) = delete;

    std::string description() const; // version and the kernel it chose for this processor
    void setThreads(int threads) const;
    // Floating-point operations per second over all shapes together, each timed at its best of several runs.
    double measureRate(const std::vector<GemmShape>& shapes) const;

  private:
    OpenBlas() = default;
    struct Functions;
    void* library_ = nullptr;
    std::unique_ptr<Functions> functions_;
};

} // namespace fulgurite::app
