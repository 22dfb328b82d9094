// SPDX-License-Identifier: Apache-2.0
#include "app/engine/search_cost.h"

#include "app/engine/machine_ceilings.h"
#include "core/base/system_memory.h"

#include <algorithm>
#include <fmt/core.h>

namespace fulgurite::app {

namespace {

// Read for the measurement: more than caches hold for a large search, little for a small one.
constexpr std::uint64_t kLeastMeasured = std::uint64_t{16} << 20;
constexpr std::uint64_t kMostMeasured = std::uint64_t{256} << 20;
constexpr double kLeastShown = 0.1; // milliseconds

} // namespace

std::uint64_t bytesOfSearch(const retrieval::CollectionIndex& index, const retrieval::Strategy& strategy, int layer,
                            std::size_t searches) {
    using retrieval::VectorKind;
    std::uint64_t bytes = 0;
    for (const retrieval::Space& space : index.spaces()) {
        const bool read =
            (strategy.vectors == VectorKind::Standard && space.name == "standard") ||
            (strategy.vectors == VectorKind::Segments && space.name == "split") ||
            (strategy.vectors == VectorKind::Heads &&
             space.name == retrieval::headSpace(layer < 0 ? index.info().embedder.layers.front() : layer));
        bytes += read ? index.bytes(space) : 0;
    }
    return strategy.fused ? bytes * searches : bytes;
}

void tellSearchCost(const std::string& what, std::uint64_t bytes, std::uint64_t own, kernels::ThreadPool& pool) {
    if (bytes == 0) {
        return; // nothing is read, or the search says why it cannot be made
    }
    ReadBandwidth bandwidth(pool, static_cast<std::size_t>(std::clamp(bytes, kLeastMeasured, kMostMeasured)));
    const double rate = bandwidth.measure();
    const double ms = static_cast<double>(bytes) / rate * 1e3;
    fmt::print(
        stderr,
        "{} reads {} of vectors from mapped files and takes {} besides ({} of memory is free); expected {} ms "
        "at {:.1f} GB/s, the rate at which memory is read here now, and more while files come from the "
        "disk\n",
        what, readableBytes(static_cast<std::size_t>(bytes)), readableBytes(static_cast<std::size_t>(own)),
        readableBytes(availableMemory()), ms < kLeastShown ? "under 0.1" : fmt::format("{:.3g}", ms), rate / 1e9);
}

} // namespace fulgurite::app
