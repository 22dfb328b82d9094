// SPDX-License-Identifier: Apache-2.0
// All tensors of a checkpoint folder: one file, numbered shards (from 0 or 1) with or without an index, mixed
// dtypes.
#pragma once

#include "core/checkpoint/safetensors.h"

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite {

class Checkpoint {
  public:
    // Maps every shard. Throws Error{NotFound | Corrupt | Io} when there is nothing to map or no sense in the index;
    // what is wrong with shards becomes problems(), to be told together with what is wrong with tensors: whoever takes
    // tensors otherwise than through a TensorBinder has to look at them.
    explicit Checkpoint(const std::filesystem::path& folder);

    const std::filesystem::path& folder() const { return folder_; }
    const std::map<std::string, TensorView, std::less<>>& tensors() const { return tensors_; }
    // Sum of the sizes of all arrays.
    std::uint64_t bytes() const { return bytes_; }
    // Shards that are missing, damaged or one too many, each in a line.
    const std::vector<std::string>& problems() const { return problems_; }
    // Whether a tensor that was not found may be in a shard that is missing or damaged.
    bool mayBeLost(std::string_view name) const;
    // Whether an index lists it.
    bool indexed(std::string_view name) const { return index_.contains(name); }

  private:
    void addFile(const std::filesystem::path& path);

    std::filesystem::path folder_;
    std::vector<SafetensorsFile> files_;
    std::map<std::string, TensorView, std::less<>> tensors_;
    std::map<std::string, std::string> origin_; // tensor -> file name, for messages
    std::map<std::string, std::string, std::less<>> index_; // tensor -> shard, as far as an index says
    std::set<std::string> lost_;                            // shards
    std::vector<std::string> problems_;
    std::uint64_t bytes_ = 0;
};

// A matrix as it is stored; `scale` F32 [rows] when its elements are I8, empty otherwise.
struct StoredMatrix {
    TensorView weight;
    TensorView scale;
};

// Hands out the tensors that a model expects and remembers everything that does not fit, so that one message can
// list all of it: missing, extra and damaged shards, and missing, extra and mis-shaped tensors.
class TensorBinder {
  public:
    explicit TensorBinder(const Checkpoint& checkpoint) : checkpoint_(checkpoint) {}

    bool has(std::string_view name) const;
    // The first of `names` that exists; records a problem and returns an empty view when none does, when the shape
    // differs or when the dtype is not F32, BF16 or F16.
    TensorView take(const std::vector<std::string>& names, const Shape& shape);
    // As take(), for a matrix that may also be I8 with the scales of its rows under "NAME_scale"; records a problem
    // when they are missing, mis-shaped, negative or not finite.
    StoredMatrix takeMatrix(const std::vector<std::string>& names, const Shape& shape);
    // A tensor that may exist and is not needed.
    void ignore(const std::string& name) { taken_.insert_or_assign(name, true); }
    // Throws Error{Corrupt} with every problem.
    void finish() const;

  private:
    // The first of `names` that exists with the right shape, of whatever type; nullptr after recording a problem.
    const std::pair<const std::string, TensorView>* find(const std::vector<std::string>& names, const Shape& shape);
    TensorView takeScale(const std::string& weight, std::int64_t rows);

    const Checkpoint& checkpoint_;
    std::map<std::string, bool, std::less<>> taken_;
    std::vector<std::string> problems_;
    std::size_t lost_ = 0; // tensors of shards that are missing or damaged
};

} // namespace fulgurite
