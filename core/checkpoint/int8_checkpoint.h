// SPDX-License-Identifier: Apache-2.0
// A checkpoint with its experts as int8, made from one of F32, BF16 or F16: docs/formats/int8.md.
#pragma once

#include "core/checkpoint/checkpoint.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>

namespace fulgurite {

struct Int8CheckpointOptions {
    std::uint64_t max_shard_bytes = std::uint64_t{4} << 30;
    // Called now and then; return false to stop (throws Error{Cancelled}).
    std::function<bool(std::uint64_t done_bytes, std::uint64_t total_bytes)> progress;
};

struct Int8CheckpointReport {
    std::size_t matrices = 0; // that are int8 now
    std::uint64_t bytes = 0;  // of all arrays written
};

// Writes the shards and their index into `folder`, which must be there, row by row: the model is
// never in memory. Expert matrices become I8 with their scales beside them (fused ones are taken apart into the
// published names), everything else keeps its bytes. Copies the other files of the source (config, tokenizer,
// templates). Throws Error{InvalidInput} when there is nothing to convert or a weight is not finite, Error{Io} when
// the disk is too small.
Int8CheckpointReport writeInt8Checkpoint(const Checkpoint& source, const std::filesystem::path& folder,
                                         const Int8CheckpointOptions& options);

} // namespace fulgurite
