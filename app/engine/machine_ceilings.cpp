// SPDX-License-Identifier: Apache-2.0
#include "app/engine/machine_ceilings.h"

#include "core/base/elapsed.h"

#include <algorithm>
#include <cstring>
#include <dlfcn.h>

namespace fulgurite::app {

namespace {

// Sum over eight independent lanes, which compilers turn into vector loads; bound by memory on every machine.
std::uint64_t sumWords(const std::uint64_t* words, std::size_t count) {
    std::uint64_t lanes[8] = {};
    for (std::size_t i = 0; i + 8 <= count; i += 8) {
        for (std::size_t lane = 0; lane < 8; ++lane) {
            lanes[lane] += words[i + lane];
        }
    }
    std::uint64_t total = 0;
    for (const std::uint64_t lane : lanes) {
        total += lane;
    }
    return total;
}

} // namespace

ReadBandwidth::ReadBandwidth(kernels::ThreadPool& pool, std::size_t bytes)
    : pool_(pool), buffer_(bytes / sizeof(std::uint64_t), 1), sums_(pool.size(), 0) {}

double ReadBandwidth::measure() {
    double best = 0;
    for (int pass = 0; pass < 2; ++pass) {
        const auto start = Clock::now();
        pool_.parallelFor(buffer_.size(), 4096, [&](std::size_t begin, std::size_t end, std::size_t worker) {
            sums_[worker] += sumWords(buffer_.data() + begin, end - begin);
        });
        best = std::max(best, static_cast<double>(buffer_.size() * sizeof(std::uint64_t)) / secondsSince(start));
    }
    return best;
}

struct OpenBlas::Functions {
    // Values of the CBLAS interface.
    static constexpr int kRowMajor = 101;
    static constexpr int kNoTranspose = 111;
    static constexpr int kTranspose = 112;
    void (*sgemm)(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float* a, int lda,
                  const float* b, int ldb, float beta, float* c, int ldc) = nullptr;
    void (*set_threads)(int) = nullptr;
    char* (*config)() = nullptr;
    char* (*core_name)() = nullptr;
};

std::unique_ptr<OpenBlas> OpenBlas::open() {
    void* library = ::dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        return nullptr;
    }
    std::unique_ptr<OpenBlas> blas(new OpenBlas);
    blas->library_ = library;
    blas->functions_ = std::make_unique<Functions>();
    const auto load = [library](auto& function, const char* name) {
        void* symbol = ::dlsym(library, name);
        std::memcpy(&function, &symbol, sizeof(symbol));
        return symbol != nullptr;
    };
    Functions& f = *blas->functions_;
    const bool complete = load(f.sgemm, "cblas_sgemm") && load(f.set_threads, "openblas_set_num_threads") &&
                          load(f.config, "openblas_get_config") && load(f.core_name, "openblas_get_corename");
    return complete ? std::move(blas) : nullptr;
}

OpenBlas::~OpenBlas() {
    if (library_ != nullptr) {
        ::dlclose(library_);
    }
}

std::string OpenBlas::description() const {
    return std::string(functions_->config()) + ", " + functions_->core_name();
}

void OpenBlas::setThreads(int threads) const {
    functions_->set_threads(threads);
}

double OpenBlas::measureRate(const std::vector<GemmShape>& shapes) const {
    double operations = 0;
    double seconds = 0;
    for (const GemmShape& s : shapes) {
        const std::vector<float> a(s.m * s.k, 0.5f);
        const std::vector<float> b(s.n * s.k, 0.25f);
        std::vector<float> c(s.m * s.n, 0.0f);
        double best = 1e30;
        constexpr int kRuns = 5;
        for (int run = 0; run < kRuns; ++run) {
            const auto start = Clock::now();
            functions_->sgemm(Functions::kRowMajor, Functions::kNoTranspose, Functions::kTranspose,
                              static_cast<int>(s.m), static_cast<int>(s.n), static_cast<int>(s.k), 1.0f, a.data(),
                              static_cast<int>(s.k), b.data(), static_cast<int>(s.k), 0.0f, c.data(),
                              static_cast<int>(s.n));
            best = std::min(best, secondsSince(start));
        }
        operations +=
            2.0 * static_cast<double>(s.m) * static_cast<double>(s.n) * static_cast<double>(s.k) * s.count;
        seconds += best * s.count;
    }
    return operations / seconds;
}

} // namespace fulgurite::app
