// SPDX-License-Identifier: Apache-2.0
// Forks against deep copies: random forks and appends, where a write that leaks to a relative shows as a
// difference.
#include "core/state/sequence_state.h"

#include <cstdint>
#include <gtest/gtest.h>
#include <random>
#include <thread>
#include <vector>

namespace fulgurite {
namespace {

StateShape smallShape() {
    return {{LayerKind::Lightning, LayerKind::Softmax, LayerKind::Lightning, LayerKind::Softmax}, 3, 2, 4};
}

// What a state must hold: the rows of every token and the matrices, copied in full.
struct DeepCopy {
    std::vector<std::vector<float>> keys;   // [layer][token * row]
    std::vector<std::vector<float>> values; // likewise
    std::vector<std::vector<float>> matrices;
    std::size_t position = 0;
};

struct Pair {
    SequenceState state;
    DeepCopy expected;
};

Pair freshPair() {
    Pair pair{SequenceState(smallShape()), {}};
    const std::size_t layers = smallShape().layers.size();
    pair.expected.keys.resize(layers);
    pair.expected.values.resize(layers);
    pair.expected.matrices.resize(layers);
    for (const std::size_t layer : {0u, 2u}) {
        pair.expected.matrices[layer].assign(smallShape().matrixFloats(), 0.0f);
    }
    return pair;
}

void appendRows(Pair& pair, int layer, std::size_t count, std::mt19937& random) {
    std::uniform_real_distribution<float> value(-1.0f, 1.0f);
    const StateShape& shape = pair.state.shape();
    const auto dim = static_cast<std::size_t>(shape.head_dim);
    for (std::size_t t = 0; t < count; ++t) {
        const std::size_t position = pair.state.position() + t;
        KvPage& page = pair.state.page(layer, position / kPageTokens);
        for (std::size_t head = 0; head < static_cast<std::size_t>(shape.num_kv_heads); ++head) {
            for (std::size_t d = 0; d < dim; ++d) {
                const std::size_t at = (head * kPageTokens + position % kPageTokens) * dim + d;
                page.keys[at] = value(random);
                page.values[at] = value(random);
                pair.expected.keys[static_cast<std::size_t>(layer)].push_back(page.keys[at]);
                pair.expected.values[static_cast<std::size_t>(layer)].push_back(page.values[at]);
            }
        }
    }
}

// Plays the model: writes rows and matrices, then advances.
void append(Pair& pair, std::size_t count, std::mt19937& random) {
    std::uniform_real_distribution<float> value(-1.0f, 1.0f);
    pair.state.reserve(count);
    for (const int layer : {1, 3}) {
        appendRows(pair, layer, count, random);
    }
    for (const int layer : {0, 2}) {
        auto& expected = pair.expected.matrices[static_cast<std::size_t>(layer)];
        auto matrix = pair.state.lightning(layer);
        for (std::size_t i = 0; i < matrix.size(); ++i) {
            matrix[i] += value(random);
            expected[i] = matrix[i];
        }
    }
    pair.state.advance(count);
    pair.expected.position += count;
}

void expectEqual(const SequenceState& state, const DeepCopy& expected) {
    ASSERT_EQ(state.position(), expected.position);
    const StateShape& shape = state.shape();
    const auto dim = static_cast<std::size_t>(shape.head_dim);
    for (const int layer : {1, 3}) {
        std::size_t i = 0;
        for (std::size_t t = 0; t < state.position(); ++t) {
            const KvPage& page = state.page(layer, t / kPageTokens);
            for (std::size_t head = 0; head < static_cast<std::size_t>(shape.num_kv_heads); ++head) {
                for (std::size_t d = 0; d < dim; ++d, ++i) {
                    const std::size_t at = (head * kPageTokens + t % kPageTokens) * dim + d;
                    ASSERT_EQ(page.keys[at], expected.keys[static_cast<std::size_t>(layer)][i]);
                    ASSERT_EQ(page.values[at], expected.values[static_cast<std::size_t>(layer)][i]);
                }
            }
        }
    }
    for (const int layer : {0, 2}) {
        const auto matrix = state.lightning(layer);
        ASSERT_EQ(std::vector<float>(matrix.begin(), matrix.end()),
                  expected.matrices[static_cast<std::size_t>(layer)]);
    }
}

TEST(StateShape, Sizes) {
    const StateShape shape = smallShape();
    EXPECT_EQ(shape.lightningBytes(), 2u * 3 * 4 * 4 * 4);
    EXPECT_EQ(shape.kvBytesPerToken(), 2u * 2 * 2 * 4 * 4);
    EXPECT_EQ(shape.bytesAt(0), shape.lightningBytes());
    EXPECT_EQ(shape.bytesAt(1), shape.lightningBytes() + 64 * shape.kvBytesPerToken());
    EXPECT_EQ(shape.bytesAt(64), shape.bytesAt(1));
    EXPECT_EQ(shape.bytesAt(65), shape.lightningBytes() + 128 * shape.kvBytesPerToken());
}

TEST(StateShape, TheFullModelNeedsWhatItsReportSays) {
    ModelConfig config;
    for (int layer = 0; layer < 80; ++layer) {
        config.layers.push_back(layer % 8 == 7 ? LayerKind::Softmax : LayerKind::Lightning);
    }
    config.num_heads = 64;
    config.num_kv_heads = 8;
    config.head_dim = 128;
    const StateShape shape = StateShape::of(config);
    EXPECT_EQ(shape.lightningBytes(), std::size_t{280} << 20);
    EXPECT_EQ(shape.kvBytesPerToken(), 2u * 40960); // float32 here, 40,960 in bfloat16
}

TEST(SequenceState, BytesMatchTheShape) {
    std::mt19937 random(1);
    Pair pair = freshPair();
    EXPECT_EQ(pair.state.bytes(), smallShape().bytesAt(0));
    for (const std::size_t count : {1u, 62u, 1u, 1u, 63u, 64u, 200u}) {
        append(pair, count, random);
        EXPECT_EQ(pair.state.bytes(), smallShape().bytesAt(pair.state.position()));
        EXPECT_EQ(pair.state.exclusiveBytes(), pair.state.bytes());
    }
    expectEqual(pair.state, pair.expected);
}

TEST(SequenceState, ReserveAcrossPageBordersKeepsWhatIsThere) {
    std::mt19937 random(2);
    Pair pair = freshPair();
    append(pair, 63, random);
    pair.state.reserve(1);
    EXPECT_EQ(pair.state.kvBytes(), 2 * smallShape().pageBytes());
    pair.state.reserve(2);
    EXPECT_EQ(pair.state.kvBytes(), 4 * smallShape().pageBytes());
    pair.state.reserve(0);
    EXPECT_EQ(pair.state.kvBytes(), 4 * smallShape().pageBytes());
    const SequenceState fork = pair.state.fork(); // reserved room is not inherited
    EXPECT_EQ(fork.kvBytes(), 2 * smallShape().pageBytes());
    append(pair, 130, random);
    expectEqual(pair.state, pair.expected);
}

TEST(SequenceState, ForksShareFullPagesOnly) {
    std::mt19937 random(3);
    Pair pair = freshPair();
    append(pair, 130, random);
    const std::size_t page = smallShape().pageBytes();
    {
        const SequenceState fork = pair.state.fork();
        EXPECT_EQ(fork.bytes(), pair.state.bytes());
        EXPECT_EQ(fork.exclusiveBytes(), smallShape().lightningBytes() + 2 * page);
        EXPECT_EQ(pair.state.exclusiveBytes(), smallShape().lightningBytes() + 2 * page);
        EXPECT_EQ(&fork.page(1, 0), &std::as_const(pair.state).page(1, 0));
        EXPECT_NE(&fork.page(1, 2), &std::as_const(pair.state).page(1, 2));
    }
    EXPECT_EQ(pair.state.exclusiveBytes(), pair.state.bytes());
}

TEST(SequenceState, ForksNeverSeeEachOthersWrites) {
    for (std::uint32_t seed = 0; seed < 20; ++seed) {
        std::mt19937 random(seed);
        std::vector<Pair> family;
        family.push_back(freshPair());
        for (int step = 0; step < 60; ++step) {
            const std::size_t which = random() % family.size();
            if (random() % 3 == 0) {
                family.push_back({family[which].state.fork(), family[which].expected});
            } else if (family.size() > 3 && random() % 8 == 0) {
                family.erase(family.begin() + static_cast<std::ptrdiff_t>(which));
            } else {
                append(family[which], 1 + random() % 70, random);
            }
        }
        for (const Pair& member : family) {
            expectEqual(member.state, member.expected);
        }
    }
}

TEST(SequenceState, ForksContinueOnTheirOwnThreads) {
    std::mt19937 random(5);
    Pair root = freshPair();
    append(root, 100, random);
    std::vector<Pair> forks;
    for (int i = 0; i < 4; ++i) {
        forks.push_back({root.state.fork(), root.expected});
    }
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < forks.size(); ++i) {
            threads.emplace_back([&fork = forks[i], i] {
                std::mt19937 own(static_cast<std::uint32_t>(i));
                for (int round = 0; round < 20; ++round) {
                    append(fork, 1 + own() % 9, own);
                    fork.state = fork.state.fork();
                }
            });
        }
    }
    for (const Pair& fork : forks) {
        expectEqual(fork.state, fork.expected);
    }
    expectEqual(root.state, root.expected);
}

} // namespace
} // namespace fulgurite
