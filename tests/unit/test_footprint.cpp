// SPDX-License-Identifier: Apache-2.0
// The memory that MiniMax-M1's shape needs, against the figures that are published or follow from its tensor list.
#include "core/checkpoint/footprint.h"

#include <gtest/gtest.h>

namespace fulgurite::test {
namespace {

ModelConfig publishedM1() {
    ModelConfig config;
    config.hidden_size = 6144;
    config.intermediate_size = 9216;
    config.vocab_size = 200064;
    config.num_heads = 64;
    config.num_kv_heads = 8;
    config.head_dim = 128;
    config.num_experts = 32;
    config.top_k = 2;
    for (int layer = 0; layer < 80; ++layer)
        config.layers.push_back(layer % 8 == 7 ? LayerKind::Softmax : LayerKind::Lightning);
    return config;
}

TEST(Footprint, OfThePublishedShape) {
    const Footprint bf16 = footprintOf(publishedM1(), WeightForm::Bfloat16);
    EXPECT_NEAR(bf16.weights, 912e9, 1e9);
    EXPECT_EQ(bf16.kv_per_token * 1e6, 40.96e9);
    EXPECT_EQ(bf16.state_per_sequence, 280.0 * (1 << 20));
    const Footprint int8 = footprintOf(publishedM1(), WeightForm::Int8Experts);
    EXPECT_NEAR(int8.weights, 477.3e9 + 0.25e9, 0.3e9);
}

TEST(Footprint, KeysAndValuesAreCopiedWhereThereAreMoreDevicesThanTheirHeads) {
    const ModelConfig config = publishedM1();
    const DeviceShare eight = deviceShare(config, WeightForm::Int8Experts, 8);
    const DeviceShare sixteen = deviceShare(config, WeightForm::Int8Experts, 16);
    EXPECT_EQ(eight.kv_per_token * 1e6, 5.12e9);
    EXPECT_EQ(sixteen.kv_per_token, eight.kv_per_token);
    EXPECT_EQ(sixteen.weights, eight.weights / 2);
}

TEST(Footprint, OneServerHoldsTheInt8FormOnly) {
    const ModelConfig config = publishedM1();
    EXPECT_LT(longestContext(deviceShare(config, WeightForm::Bfloat16, 8), 80e9), 0);
    // The vendor's figure for eight GPUs of 80 GB is two million tokens.
    EXPECT_GT(longestContext(deviceShare(config, WeightForm::Int8Experts, 8), 80e9), 2e6);
}

} // namespace
} // namespace fulgurite::test
