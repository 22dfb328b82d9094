// SPDX-License-Identifier: Apache-2.0
#include "core/store/runs/rollout_codec.h"

#include "core/store/byte_codec.h"

namespace fulgurite {

namespace {

constexpr std::uint64_t rollout_version = 1;
constexpr unsigned capped_bit = 1;

} // namespace

std::vector<std::byte> encodeRolloutTokens(std::span<const RolloutToken> tokens) {
    ByteWriter writer;
    writer.number(rollout_version);
    writer.number(tokens.size());
    for (const RolloutToken& token : tokens) {
        writer.number(static_cast<std::uint32_t>(token.id));
        writer.number(token.capped ? capped_bit : 0);
        writer.text(token.bytes);
        writer.real(token.logprob);
        writer.real(token.ratio);
        writer.real(token.weight);
    }
    return writer.take();
}

std::vector<RolloutToken> decodeRolloutTokens(std::span<const std::byte> bytes, const std::string& where) {
    ByteReader reader(bytes, where);
    reader.version(rollout_version);
    std::vector<RolloutToken> tokens(reader.items());
    for (RolloutToken& token : tokens) {
        token.id = reader.count();
        token.capped = (reader.number() & capped_bit) != 0;
        token.bytes = reader.text();
        token.logprob = reader.real();
        token.ratio = reader.real();
        token.weight = reader.real();
    }
    reader.end();
    return tokens;
}

std::vector<std::byte> encodeHistogram(std::span<const HistogramBucket> buckets) {
    ByteWriter writer;
    writer.number(rollout_version);
    writer.number(buckets.size());
    for (const HistogramBucket& bucket : buckets) {
        writer.real(bucket.left);
        writer.real(bucket.right);
        writer.real(bucket.count);
    }
    return writer.take();
}

std::vector<HistogramBucket> decodeHistogram(std::span<const std::byte> bytes, const std::string& where) {
    ByteReader reader(bytes, where);
    reader.version(rollout_version);
    std::vector<HistogramBucket> buckets(reader.items());
    for (HistogramBucket& bucket : buckets) {
        bucket.left = reader.real64();
        bucket.right = reader.real64();
        bucket.count = reader.real64();
    }
    reader.end();
    return buckets;
}

} // namespace fulgurite
