// SPDX-License-Identifier: Apache-2.0
// Prints how fast one query searches many vectors, beside the read bandwidth of the same moments, and how much of
// the exact result the scans of smaller rows with rescoring find: bench_vector_scan [ROWS [WIDTH [THREADS]]].
#include "app/engine/machine_ceilings.h"
#include "kernels/vector_scan.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fmt/core.h>
#include <set>

namespace {

using namespace fulgurite;
using namespace fulgurite::kernels;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kTop = 10;
constexpr std::size_t kCandidates = 100;
constexpr int kTurns = 15;
constexpr std::size_t kQueries = 50;

// Uniform in [-1, 1) from a counter: the rows can be made by any number of threads.
float noise(std::uint64_t counter) {
    std::uint64_t x = counter + 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return static_cast<float>(static_cast<std::int64_t>(x ^ (x >> 31)) >> 40) * 0x1p-23f;
}

void unitRow(std::uint64_t seed, std::size_t width, float* out) {
    double squares = 0;
    for (std::size_t i = 0; i < width; ++i) {
        out[i] = noise(seed * width + i);
        squares += static_cast<double>(out[i]) * out[i];
    }
    const auto scale = static_cast<float>(1 / std::sqrt(squares));
    for (std::size_t i = 0; i < width; ++i) {
        out[i] *= scale;
    }
}

struct Collection {
    std::size_t count;
    std::size_t width;
    std::vector<float> exact;
    std::vector<std::uint16_t> half;
    std::vector<std::int8_t> byte;
    std::vector<float> scales;

    Collection(std::size_t rows, std::size_t columns, ThreadPool& pool)
        : count(rows),
          width(columns),
          exact(rows * columns),
          half(rows * columns),
          byte(rows * columns),
          scales(rows) {
        pool.parallelFor(count, 1024, [&](std::size_t begin, std::size_t end, std::size_t) {
            for (std::size_t r = begin; r < end; ++r) {
                unitRow(r, width, &exact[r * width]);
                scales[r] = quantizeRow(&exact[r * width], width, &byte[r * width]);
                std::transform(&exact[r * width], &exact[r * width] + width, &half[r * width], floatToF16);
            }
        });
    }
    VectorRows rows(DType dtype) const {
        const void* data = dtype == DType::F32   ? static_cast<const void*>(exact.data())
                           : dtype == DType::F16 ? static_cast<const void*>(half.data())
                                                 : byte.data();
        return {data, dtype, scales.data(), count, width, width};
    }
};

std::vector<ScanHit> search(const Collection& c, DType dtype, const float* query, ThreadPool& pool) {
    const ScanQueries queries{query, 1, c.width};
    if (dtype == DType::F32) {
        return scanTop(c.rows(dtype), queries, kTop, pool)[0];
    }
    return rescore(c.rows(DType::F32), query, scanTop(c.rows(dtype), queries, kCandidates, pool)[0], kTop);
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

void measure(const Collection& c, DType dtype, app::ReadBandwidth& bandwidth, ThreadPool& pool) {
    std::vector<float> query(c.width);
    std::vector<double> seconds;
    std::vector<double> ratios;
    const double bytes = static_cast<double>(c.count * c.width * sizeOf(dtype));
    for (int turn = 0; turn < kTurns; ++turn) {
        unitRow(c.count + static_cast<std::uint64_t>(turn), c.width, query.data());
        const double reading = bandwidth.measure();
        double best = 1e30;
        for (int run = 0; run < 2; ++run) { // as the bandwidth: the better of two passes
            const auto start = Clock::now();
            search(c, dtype, query.data(), pool);
            best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
        }
        seconds.push_back(best);
        ratios.push_back(bytes / best / reading);
    }
    std::size_t same = 0;
    for (std::size_t q = 0; q < kQueries; ++q) {
        unitRow(2 * c.count + q, c.width, query.data());
        std::set<std::size_t> truth;
        for (const ScanHit& hit : search(c, DType::F32, query.data(), pool)) {
            truth.insert(hit.row);
        }
        for (const ScanHit& hit : search(c, dtype, query.data(), pool)) {
            same += truth.count(hit.row);
        }
    }
    fmt::print(
        "{:4}  median {:6.1f} ms  best {:6.1f} ms  {:5.1f} GB/s  {:.2f} of the read bandwidth  recall@{} {:.4f}\n",
        nameOf(dtype), median(seconds) * 1e3, *std::min_element(seconds.begin(), seconds.end()) * 1e3,
        bytes / median(seconds) / 1e9, median(ratios), kTop,
        static_cast<double>(same) / static_cast<double>(kQueries * std::min(kTop, c.count)));
}

std::size_t argument(int argc, char** argv, int index, std::size_t otherwise) {
    return argc > index ? static_cast<std::size_t>(std::max(1L, std::atol(argv[index]))) : otherwise;
}

} // namespace

int main(int argc, char** argv) {
    ThreadPool pool(argument(argc, argv, 3, 0));
    const Collection collection(argument(argc, argv, 1, 1000000), argument(argc, argv, 2, 512), pool);
    app::ReadBandwidth bandwidth(pool);
    fmt::print(
        "{} random unit vectors of {}, {} threads, {}; one query, the best {}; F16 and I8 rescore {} candidates "
        "from F32\n",
        collection.count, collection.width, pool.size(), bestScan().name, kTop, kCandidates);
    for (const DType dtype : {DType::F32, DType::F16, DType::I8}) {
        measure(collection, dtype, bandwidth, pool);
    }
    return 0;
}
