// SPDX-License-Identifier: Apache-2.0
// The images that simulated queries send to the later levels: the query for a picture is its vector by the first
// encoder. Pictures are counted by their bytes, as encodings are.
#pragma once

#include "core/cascade/search.h"

namespace fulgurite::cascade {

class SimulatedLists {
  public:
    // The encoder may get new vectors meanwhile; the pictures stay those of now.
    SimulatedLists(const SearchContext& context, StageEncoder& encoder, std::size_t length);

    std::size_t size() const { return contents_.size(); } // pictures that have a vector
    // The `length` pictures nearest to one, best first; valid until the next call.
    std::span<const std::uint32_t> of(std::size_t picture);

  private:
    std::vector<std::uint32_t> nearest(std::size_t picture);

    StageEncoder& encoder_;
    kernels::ThreadPool& pool_;
    std::size_t length_;
    std::vector<ContentId> contents_;
    std::vector<std::int64_t> place_of_row_; // -1: a picture of another library
    std::vector<std::vector<std::uint32_t>> kept_;
    std::size_t kept_entries_ = 0;
};

} // namespace fulgurite::cascade
