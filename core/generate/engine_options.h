// SPDX-License-Identifier: Apache-2.0
// How an engine is set up and what it says about itself: plain data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace fulgurite {

// Tokens of a conversation that it would be a pity to compute again with every edit.
inline constexpr std::size_t kWorthKeeping = 16384;

struct EngineOptions {
    std::size_t threads = 0;                             // 0: one per core
    std::size_t memory_bytes = 0;                        // for states; 0: half of what is available at start
    // Part of it for snapshots of prefixes, which give way to what is being answered; unless given a quarter, or more
    // where that holds less than two conversations of kWorthKeeping tokens.
    std::optional<std::size_t> snapshot_bytes = std::nullopt;
    std::size_t snapshot_interval = 64;                  // tokens between snapshots while decoding
    std::size_t prefill_chunk = 256;                     // tokens between two decode steps
    std::size_t max_batch = 64;                          // sequences that decode together
    std::size_t max_queue = 1024;
    std::string thinking_end = "\n</think>\n"; // forced in when a thinking budget is used up
};

using GenerationId = std::uint64_t;

// What it would take to continue from a prefix of tokens.
struct ReentryCost {
    std::size_t tokens = 0; // of the prefix
    std::size_t reused = 0; // held by the nearest snapshot
    double seconds = 0;     // to compute the rest, at the measured prefill rate
};

struct EngineStatus {
    std::size_t active = 0;
    std::size_t queued = 0;
    std::size_t state_bytes = 0;
    std::size_t snapshot_bytes = 0;
    std::size_t snapshot_count = 0;
    std::size_t snapshot_limit = 0;
    std::size_t snapshot_tokens = 0; // of the longest prefix that a snapshot can be kept of; the largest number: of any
    std::size_t memory_limit = 0;
    double queue_seconds = 0; // that a new request would wait, from how fast the last ones were finished
    double prefill_tokens_per_second = 0; // recent
    double decode_tokens_per_second = 0;
    std::uint64_t prompt_tokens_total = 0;
    std::uint64_t reused_tokens_total = 0;
    std::uint64_t completion_tokens_total = 0;
};

} // namespace fulgurite
