// SPDX-License-Identifier: Apache-2.0
#include "core/cascade/simulated_lists.h"

#include <algorithm>
#include <unordered_set>

namespace fulgurite::cascade {

namespace {

constexpr std::size_t kMostKeptEntries = std::size_t{64} << 20; // 256 MiB of lists

} // namespace

SimulatedLists::SimulatedLists(const SearchContext& context, StageEncoder& encoder, std::size_t length)
    : encoder_(encoder), pool_(context.pool), length_(length), place_of_row_(encoder.rows().count, -1) {
    std::unordered_set<ContentId> seen;
    for (const ContentId content : context.index.contents) {
        if (encoder.has(content) && seen.insert(content).second) {
            place_of_row_[static_cast<std::size_t>(encoder.rowOf(content))] =
                static_cast<std::int64_t>(contents_.size());
            contents_.push_back(content);
        }
    }
    length_ = std::min(length_, contents_.size());
    kept_.resize(contents_.size());
}

std::span<const std::uint32_t> SimulatedLists::of(std::size_t picture) {
    std::vector<std::uint32_t>& list = kept_[picture];
    if (list.empty()) {
        if (kept_entries_ + length_ > kMostKeptEntries) {
            kept_.assign(contents_.size(), {}); // they are found again
            kept_entries_ = 0;
        }
        kept_[picture] = nearest(picture);
        kept_entries_ += length_;
    }
    return kept_[picture];
}

// The file may hold other libraries' pictures between ours: as many more hits are asked for as it takes.
std::vector<std::uint32_t> SimulatedLists::nearest(std::size_t picture) {
    const kernels::VectorRows rows = encoder_.rows();
    const float* query = encoder_.vector(contents_[picture]);
    std::vector<std::uint32_t> list;
    for (std::size_t wanted = length_; list.size() < length_; wanted *= 4) {
        list.clear();
        const auto hits = kernels::scanTop(rows, {query, 1, encoder_.model().width()}, wanted, pool_);
        for (const kernels::ScanHit& hit : hits[0]) {
            const std::int64_t place = hit.row < place_of_row_.size() ? place_of_row_[hit.row] : -1;
            if (place >= 0 && list.size() < length_) {
                list.push_back(static_cast<std::uint32_t>(place));
            }
        }
        if (wanted >= rows.count) {
            break;
        }
    }
    return list;
}

} // namespace fulgurite::cascade
