// SPDX-License-Identifier: Apache-2.0
// Splits a scan over the pool, keeps the best rows, and chooses the instruction set.
#include "kernels/vector_scan.h"

#include "kernels/cpu/simd_scan.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>

namespace fulgurite::kernels {

namespace {

// Rows whose scores are kept at once: small enough for the first-level cache with several queries.
constexpr std::size_t kScoreRows = 256;
// Rows that a worker takes at a time. Shares are taken as workers become free, so that one that lost its core to
// another program does not hold up the rest.
constexpr std::size_t kShareRows = 16 * kScoreRows;
// Products of a scan below which a second worker costs more than it saves.
constexpr std::size_t kWorthSharing = 1 << 18;

template <ScanKernel (*kKernel)()>
void boundDots(const VectorRows& rows, std::size_t first, std::size_t count, const ScanQueries& queries,
               float* scores, std::size_t score_stride) {
    const auto* data = static_cast<const char*>(rows.data) + first * rows.stride * sizeOf(rows.dtype);
    kKernel()({.rows = data,
               .dtype = rows.dtype,
               .count = count,
               .width = rows.width,
               .stride = rows.stride,
               .queries = queries.data,
               .query_count = queries.count,
               .query_stride = queries.stride,
               .scores = scores,
               .score_stride = score_stride});
    if (rows.dtype == DType::I8) {
        for (std::size_t q = 0; q < queries.count; ++q) {
            for (std::size_t i = 0; i < count; ++i) {
                scores[q * score_stride + i] *= rows.scales[first + i];
            }
        }
    }
}

// Runs body(begin, end, worker) over shares of the rows.
template <class Body>
void overShares(const VectorRows& rows, std::size_t queries, ThreadPool& pool, const Body& body) {
    const bool shared = rows.count * rows.width * queries >= kWorthSharing;
    const std::size_t workers = shared ? pool.size() : 1;
    std::atomic<std::size_t> next{0};
    pool.parallelFor(workers, 1, [&](std::size_t, std::size_t, std::size_t worker) {
        for (std::size_t begin = next.fetch_add(kShareRows); begin < rows.count;
             begin = next.fetch_add(kShareRows)) {
            body(begin, std::min(rows.count, begin + kShareRows), worker);
        }
    });
}

// The best k hits seen so far as a heap whose root is the worst of them.
class TopHeap {
  public:
    explicit TopHeap(std::size_t k) : k_(k) { hits_.reserve(k); }

    void offer(const ScanHit& hit) {
        if (hits_.size() < k_) {
            if (!std::isnan(hit.score)) {
                hits_.push_back(hit);
                std::push_heap(hits_.begin(), hits_.end(), isBetter);
            }
        } else if (k_ > 0 && isBetter(hit, hits_.front())) {
            std::pop_heap(hits_.begin(), hits_.end(), isBetter);
            hits_.back() = hit;
            std::push_heap(hits_.begin(), hits_.end(), isBetter);
        }
    }

    const std::vector<ScanHit>& hits() const { return hits_; }

  private:
    std::size_t k_;
    std::vector<ScanHit> hits_;
};

// What one worker keeps.
struct Partial {
    std::vector<TopHeap> best; // one for each query
    std::vector<float> scores; // [queries, kScoreRows]
};

std::vector<ScanHit> bestOf(std::vector<ScanHit> hits, std::size_t k) {
    std::sort(hits.begin(), hits.end(), isBetter);
    hits.resize(std::min(k, hits.size()));
    return hits;
}

} // namespace

const ScanTable& cpuScan(CpuLevel level) {
#if defined(__x86_64__)
    static constexpr ScanTable kAvx2{.name = "AVX2", .dots = boundDots<avx2Scan>};
    static constexpr ScanTable kAvx512{.name = "AVX-512", .dots = boundDots<avx512Scan>};
    return level == CpuLevel::Avx512 ? kAvx512 : kAvx2;
#else
    (void)level;
    return referenceScan();
#endif
}

const ScanTable& bestScan() {
    for (const CpuLevel level : {CpuLevel::Avx512, CpuLevel::Avx2}) {
        if (isSupported(level)) {
            return cpuScan(level);
        }
    }
    return referenceScan();
}

void scanDots(const VectorRows& rows, const ScanQueries& queries, float* scores, ThreadPool& pool,
              const ScanTable& table) {
    overShares(rows, queries.count, pool, [&](std::size_t begin, std::size_t end, std::size_t) {
        table.dots(rows, begin, end - begin, queries, scores + begin, rows.count);
    });
}

std::vector<std::vector<ScanHit>> scanTop(const VectorRows& rows, const ScanQueries& queries, std::size_t k,
                                          ThreadPool& pool, const ScanTable& table) {
    const std::size_t kept = std::min(k, rows.count);
    std::vector<Partial> partials(pool.size());
    overShares(rows, queries.count, pool, [&](std::size_t begin, std::size_t end, std::size_t worker) {
        Partial& partial = partials[worker];
        if (partial.best.empty()) {
            partial.best.assign(queries.count, TopHeap(kept));
            partial.scores.resize(queries.count * kScoreRows);
        }
        for (std::size_t first = begin; first < end; first += kScoreRows) {
            const std::size_t count = std::min(kScoreRows, end - first);
            table.dots(rows, first, count, queries, partial.scores.data(), kScoreRows);
            for (std::size_t q = 0; q < queries.count; ++q) {
                for (std::size_t i = 0; i < count; ++i) {
                    partial.best[q].offer({partial.scores[q * kScoreRows + i], first + i});
                }
            }
        }
    });
    std::vector<std::vector<ScanHit>> results(queries.count);
    for (std::size_t q = 0; q < queries.count; ++q) {
        std::vector<ScanHit> all;
        for (const Partial& partial : partials) {
            if (!partial.best.empty()) {
                const auto& hits = partial.best[q].hits();
                all.insert(all.end(), hits.begin(), hits.end());
            }
        }
        results[q] = bestOf(std::move(all), kept);
    }
    return results;
}

std::vector<ScanHit> rescore(const VectorRows& exact, const float* query, std::span<const ScanHit> candidates,
                             std::size_t k, const ScanTable& table) {
    std::vector<ScanHit> hits;
    hits.reserve(candidates.size());
    for (const ScanHit& candidate : candidates) {
        float score = 0;
        table.dots(exact, candidate.row, 1, {query, 1, exact.width}, &score, 1);
        if (!std::isnan(score)) {
            hits.push_back({score, candidate.row});
        }
    }
    return bestOf(std::move(hits), k);
}

float quantizeRow(const float* x, std::size_t width, std::int8_t* out) {
    float largest = 0;
    for (std::size_t i = 0; i < width; ++i) {
        largest = std::max(largest, std::abs(x[i]));
    }
    if (largest == 0) {
        std::memset(out, 0, width);
        return 0;
    }
    const float scale = largest / 127;
    for (std::size_t i = 0; i < width; ++i) {
        out[i] = static_cast<std::int8_t>(std::lround(std::clamp(x[i] / scale, -127.0f, 127.0f)));
    }
    return scale;
}

} // namespace fulgurite::kernels
