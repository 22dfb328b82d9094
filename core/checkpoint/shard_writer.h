// SPDX-License-Identifier: Apache-2.0
// Cuts a list of tensors into shards and writes them with their index.
#pragma once

#include "core/checkpoint/safetensors.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace fulgurite {

// Arrays that are written together, a matrix and its scales for example, and never fall into two shards.
struct ShardItem {
    struct Array {
        std::string name;
        DType dtype = DType::F32;
        Shape shape;
    };
    std::vector<Array> arrays;

    std::uint64_t bytes() const; // Throws Error{InvalidInput} when a shape is too large
};

// Writes model.safetensors, or numbered shards of at most max_shard_bytes (more when one item is larger) and
// model.safetensors.index.json, into `folder`. write(i, writer) appends the bytes of item i's arrays in their
// order. Throws Error{Io} that says how many bytes are missing when the disk is too small.
void writeShards(const std::filesystem::path& folder, const std::vector<ShardItem>& items,
                 std::uint64_t max_shard_bytes,
                 const std::function<void(std::size_t item, SafetensorsWriter& writer)>& write);

} // namespace fulgurite
