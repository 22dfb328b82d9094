// SPDX-License-Identifier: Apache-2.0
// Training samples and the order in which they come: every epoch takes each once, in an order that is a function of
// (seed, epoch), so that a position in the data is one number.
#pragma once

#include "core/base/types.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fulgurite {

class TrainingData {
  public:
    virtual ~TrainingData() = default;
    // Samples of one epoch, at least one.
    virtual std::uint64_t count() const = 0;
    // Of all samples.
    virtual std::size_t tokens() const = 0;
    // Of all that append() can give: whether a run goes on with the data that it began with.
    virtual std::uint64_t checksum() const = 0;
    // Appends the tokens of sample `index` < count() and the target of each, TrainBatch::kNoTarget for none.
    // Returns their number.
    virtual std::size_t append(std::uint64_t index, TokenIds& tokens, TokenIds& targets) const = 0;
};

class SampleOrder {
  public:
    // Throws Error{InvalidInput} for no samples, Error{Unsupported} for more than 2^32 - 1.
    SampleOrder(std::uint64_t count, std::uint64_t seed);

    // Which sample is number `position` since the beginning of training.
    std::uint64_t at(std::uint64_t position);

  private:
    void shuffle(std::uint64_t epoch);

    std::uint64_t seed_;
    std::uint64_t epoch_ = 0;
    std::vector<std::uint32_t> order_; // of epoch_
};

// FNV-1a over ids.
class TokenChecksum {
  public:
    void add(TokenId id) { hash_ = (hash_ ^ static_cast<std::uint32_t>(id)) * 0x100000001b3u; }
    std::uint64_t value() const { return hash_; }

  private:
    std::uint64_t hash_ = 0xcbf29ce484222325u;
};

} // namespace fulgurite
