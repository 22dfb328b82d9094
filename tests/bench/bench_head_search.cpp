// SPDX-License-Identifier: Apache-2.0
// Exact search in every head's space: bench_head_search FILE ROWS HEADS WIDTH DEPTH [THREADS]. FILE is a vector
// file of a collection with the one space "heads.0"; its tensor `queries` F32 [n, heads, width] holds unit vectors.
// Says before it starts what a query reads and how long that takes at this machine's read bandwidth, then prints
// one JSON line: seconds and the documents found. tests/bench/head_search.py makes the file and compares with
// faiss.
#include "core/retrieval/collection_index.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <numeric>

namespace {

using namespace fulgurite;
using namespace fulgurite::retrieval;
using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// One pass over the rows that does as little as reading allows.
double readSeconds(const kernels::VectorRows& first, std::size_t floats, kernels::ThreadPool& pool) {
    const auto* data = static_cast<const float*>(first.data);
    std::vector<float> sums(pool.size(), 0.0f);
    const auto start = Clock::now();
    pool.parallelFor(floats / 16, 1 << 16, [&](std::size_t begin, std::size_t end, std::size_t worker) {
        float sum = 0;
        for (std::size_t line = begin; line < end; ++line) {
            sum += data[line * 16]; // one of each cache line
        }
        sums[worker] = sum;
    });
    const double seconds = secondsSince(start);
    return std::accumulate(sums.begin(), sums.end(), 0.0f) == 1.0f ? seconds + 1e-12 : seconds;
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 6) {
        fmt::print(stderr, "bench_head_search FILE ROWS HEADS WIDTH DEPTH [THREADS]\n");
        return 2;
    }
    const auto number = [&](int i) { return static_cast<std::size_t>(std::strtoull(argv[i], nullptr, 10)); };
    const std::size_t rows = number(2);
    const Space space{headSpace(0), number(3), number(4)};
    const std::size_t depth = number(5);
    kernels::ThreadPool pool(argc > 6 ? number(6) : 0);

    CollectionInfo info;
    info.embedder.heads = space.heads;
    info.embedder.head_dim = space.width;
    info.embedder.width = space.floats();
    info.embedder.layers = {0};
    std::vector<std::int32_t> documents(rows);
    std::iota(documents.begin(), documents.end(), 0);
    IndexSegment segment{std::make_shared<const SegmentFile>(argv[1], std::span(&space, 1), rows), documents,
                         std::vector<std::int32_t>(rows, 0), 0};
    std::vector<std::int64_t> ids(documents.begin(), documents.end());
    const CollectionIndex index(info, {segment}, std::move(ids),
                                {{space.name, std::vector<HeadScore>(space.heads)}});

    const std::size_t floats = rows * space.floats();
    const double bytes = static_cast<double>(floats * sizeof(float));
    readSeconds(segment.file->head(space, 0), floats, pool); // brings the file into memory
    const double read = readSeconds(segment.file->head(space, 0), floats, pool);
    fmt::print(stderr,
               "a query reads {:.2f} GiB; expected {:.0f} ms at the {:.1f} GB/s that reading alone reaches now\n",
               bytes / (1 << 30), read * 1e3, bytes / read / 1e9);

    const SafetensorsFile file(argv[1]);
    const std::vector<float> queries = toFloats(file.tensor("queries"));
    nlohmann::json result{
        {"read_seconds", read}, {"seconds", nlohmann::json::array()}, {"documents", nlohmann::json::array()}};
    for (std::size_t at = 0; at < queries.size(); at += space.floats()) {
        const auto start = Clock::now();
        const HeadLists lists = index.nearest(space, std::span(queries).subspan(at, space.floats()), depth, pool);
        result["seconds"].push_back(secondsSince(start));
        result["documents"].push_back(lists.documents);
    }
    fmt::print("{}\n", result.dump());
    return 0;
}
