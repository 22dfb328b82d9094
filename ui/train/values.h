// SPDX-License-Identifier: GPL-3.0-or-later
// Numbers that curves, bands and rows of a scene share: copies cost nothing, and none of them ever changes.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace fulgurite {

class Values {
  public:
    Values() = default;
    Values(std::vector<double> values) : values_(std::make_shared<const std::vector<double>>(std::move(values))) {}
    explicit Values(std::shared_ptr<const std::vector<double>> values) : values_(std::move(values)) {}

    const std::vector<double>& get() const { return *values_; }
    operator const std::vector<double>&() const { return *values_; }
    bool sharesWith(const Values& other) const { return values_ == other.values_; }

    std::size_t size() const { return values_->size(); }
    bool empty() const { return values_->empty(); }
    double operator[](std::size_t i) const { return (*values_)[i]; }
    double front() const { return values_->front(); }
    double back() const { return values_->back(); }
    const double* data() const { return values_->data(); }
    auto begin() const { return values_->begin(); }
    auto end() const { return values_->end(); }
    bool operator==(const Values& other) const { return values_ == other.values_ || *values_ == *other.values_; }

  private:
    static const std::shared_ptr<const std::vector<double>>& none() {
        static const auto empty = std::make_shared<const std::vector<double>>();
        return empty;
    }

    std::shared_ptr<const std::vector<double>> values_ = none();
};

} // namespace fulgurite
