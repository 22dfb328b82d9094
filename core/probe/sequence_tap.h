// SPDX-License-Identifier: Apache-2.0
// Taps of passes over one sequence, which know where in the sequence the rows of a pass stand, and several of them
// as one.
#pragma once

#include "core/model/forward_tap.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace fulgurite::probe {

class SequenceTap : public ForwardTap {
  public:
    // Called before the pass over tokens [first, first + rows).
    virtual void begin(std::size_t first, std::size_t /*rows*/) { first_ = first; }
    void onRouting(int /*layer*/, std::span<const std::int32_t> /*experts*/, std::span<const float> /*weights*/,
                   std::size_t /*rows*/) override {}

  protected:
    std::size_t first() const { return first_; }

  private:
    std::size_t first_ = 0;
};

// Offers everything to each of its members. Does not own them.
class TapGroup final : public SequenceTap {
  public:
    explicit TapGroup(std::vector<SequenceTap*> taps) : taps_(std::move(taps)) {}

    void begin(std::size_t first, std::size_t rows) override {
        for (SequenceTap* tap : taps_) {
            tap->begin(first, rows);
        }
    }
    bool wants(TapPoint point, int layer) const override {
        return std::any_of(taps_.begin(), taps_.end(),
                           [&](const SequenceTap* tap) { return tap->wants(point, layer); });
    }
    void onValues(TapPoint point, int layer, std::span<const float> values, std::size_t rows) override {
        for (SequenceTap* tap : taps_) {
            if (tap->wants(point, layer)) {
                tap->onValues(point, layer, values, rows);
            }
        }
    }
    void onRouting(int layer, std::span<const std::int32_t> experts, std::span<const float> weights,
                   std::size_t rows) override {
        for (SequenceTap* tap : taps_) {
            tap->onRouting(layer, experts, weights, rows);
        }
    }

  private:
    std::vector<SequenceTap*> taps_;
};

} // namespace fulgurite::probe
