// SPDX-License-Identifier: Apache-2.0
#include "core/checkpoint/shard_writer.h"

#include "core/base/atomic_file.h"
#include "core/base/error.h"

#include <nlohmann/json.hpp>

namespace fulgurite {

namespace {

// First item of each shard, and the end.
std::vector<std::size_t> cutShards(const std::vector<ShardItem>& items, std::uint64_t max_shard_bytes) {
    std::vector<std::size_t> cuts{0};
    std::uint64_t in_shard = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
        const std::uint64_t bytes = items[i].bytes();
        if (in_shard > 0 && in_shard + bytes > max_shard_bytes) {
            cuts.push_back(i);
            in_shard = 0;
        }
        in_shard += bytes;
    }
    cuts.push_back(items.size());
    return cuts;
}

void checkSpace(const std::filesystem::path& folder, std::uint64_t bytes) {
    std::error_code error;
    const auto space = std::filesystem::space(folder, error);
    if (!error && space.available < bytes) {
        fail(ErrorKind::Io, "{}: the checkpoint needs {} bytes, the disk has {} free", folder.string(), bytes,
             space.available);
    }
}

} // namespace

std::uint64_t ShardItem::bytes() const {
    std::uint64_t total = 0;
    for (const Array& array : arrays) {
        std::uint64_t bytes = 0;
        if (!byteCount(array.shape, array.dtype, bytes)) {
            fail(ErrorKind::InvalidInput, "{}: shape {} is too large", array.name, toString(array.shape));
        }
        total += bytes;
    }
    return total;
}

void writeShards(const std::filesystem::path& folder, const std::vector<ShardItem>& items,
                 std::uint64_t max_shard_bytes,
                 const std::function<void(std::size_t item, SafetensorsWriter& writer)>& write) {
    std::uint64_t total = 0;
    for (const ShardItem& item : items) {
        total += item.bytes();
    }
    checkSpace(folder, total);
    const auto cuts = cutShards(items, max_shard_bytes);
    const std::size_t shards = cuts.size() - 1;
    nlohmann::json weight_map = nlohmann::json::object();
    for (std::size_t shard = 0; shard < shards; ++shard) {
        const std::string name = shards == 1 ? "model.safetensors"
                                             : fmt::format("model-{:05d}-of-{:05d}.safetensors", shard + 1, shards);
        SafetensorsWriter writer(folder / name);
        writer.setMetadata("format", "pt");
        for (std::size_t i = cuts[shard]; i < cuts[shard + 1]; ++i) {
            for (const ShardItem::Array& array : items[i].arrays) {
                writer.declare(array.name, array.dtype, array.shape);
                weight_map[array.name] = name;
            }
        }
        for (std::size_t i = cuts[shard]; i < cuts[shard + 1]; ++i) {
            write(i, writer);
        }
        writer.finish();
    }
    if (shards > 1) {
        const nlohmann::json index{{"metadata", {{"total_size", total}}}, {"weight_map", weight_map}};
        writeFileAtomically(folder / "model.safetensors.index.json", index.dump(1));
    }
}

} // namespace fulgurite
