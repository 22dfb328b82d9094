// SPDX-License-Identifier: Apache-2.0
// Forks against deep copies: random forks and appends, where a write that leaks to a relative shows as a
// difference.
#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/checkpoint/safetensors.h"
#include "core/state/sequence_state.h"
#include "tests/support/host_device.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <gtest/gtest.h>
#include <random>
#include <thread>
#include <unistd.h>
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
                float& key = page.keys[keyIndex(shape, head, position % kPageTokens, d)];
                float& held = page.values[valueIndex(shape, head, position % kPageTokens, d)];
                key = value(random);
                held = value(random);
                pair.expected.keys[static_cast<std::size_t>(layer)].push_back(key);
                pair.expected.values[static_cast<std::size_t>(layer)].push_back(held);
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
                    ASSERT_EQ(page.keys[keyIndex(shape, head, t % kPageTokens, d)],
                              expected.keys[static_cast<std::size_t>(layer)][i]);
                    ASSERT_EQ(page.values[valueIndex(shape, head, t % kPageTokens, d)],
                              expected.values[static_cast<std::size_t>(layer)][i]);
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

class StateFile : public testing::Test {
  protected:
    StateFile()
        : folder(std::filesystem::temp_directory_path() / ("fulgurite-state-" + std::to_string(::getpid()))) {
        std::filesystem::create_directories(folder);
    }
    ~StateFile() override { std::filesystem::remove_all(folder); }

    static void expectRefused(const std::function<void()>& act, ErrorKind kind, const std::string& word) {
        try {
            act();
            ADD_FAILURE() << "accepted; expected a message with " << word;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), kind) << error.what();
            EXPECT_NE(std::string(error.what()).find(word), std::string::npos) << error.what();
        }
    }

    std::filesystem::path folder;
};

TEST_F(StateFile, RestoresEveryBit) {
    std::mt19937 random(7);
    for (const std::size_t tokens : {0u, 1u, 63u, 64u, 65u, 200u}) {
        Pair pair = freshPair();
        append(pair, tokens, random);
        pair.state.reserve(70); // room that was never written is not saved
        pair.state.save(folder / "s");
        Pair restored{SequenceState::restore(folder / "s", smallShape()), pair.expected};
        expectEqual(restored.state, restored.expected);
        append(restored, 70, random);
        expectEqual(restored.state, restored.expected);
        expectEqual(pair.state, pair.expected);
    }
}

TEST_F(StateFile, RefusesAnotherModelsState) {
    std::mt19937 random(8);
    Pair pair = freshPair();
    append(pair, 70, random);
    const auto path = folder / "s";
    pair.state.save(path);
    StateShape other = smallShape();
    other.head_dim = 8;
    expectRefused([&] { SequenceState::restore(path, other); }, ErrorKind::InvalidInput, "[3, 8, 8]");
    other = smallShape();
    other.num_kv_heads = 1;
    expectRefused([&] { SequenceState::restore(path, other); }, ErrorKind::InvalidInput, "keys.1");
    other = smallShape();
    std::swap(other.layers[0], other.layers[1]);
    expectRefused([&] { SequenceState::restore(path, other); }, ErrorKind::InvalidInput, "keys.0");
    other = smallShape();
    other.layers.push_back(LayerKind::Lightning);
    expectRefused([&] { SequenceState::restore(path, other); }, ErrorKind::InvalidInput, "another model");
}

TEST_F(StateFile, RefusesDamage) {
    std::mt19937 random(9);
    Pair pair = freshPair();
    append(pair, 70, random);
    const auto path = folder / "s";
    pair.state.save(path);
    const std::string whole = readTextFile(path);
    for (const std::size_t length : {std::size_t{0}, std::size_t{7}, std::size_t{100}, whole.size() - 1}) {
        writeFileAtomically(folder / "cut", whole.substr(0, length));
        expectRefused([&] { SequenceState::restore(folder / "cut", smallShape()); }, ErrorKind::Corrupt, "cut");
    }
    std::string longer = whole;
    longer.replace(longer.find("\"position\":\"70\""), 15, "\"position\":\"99\"");
    writeFileAtomically(folder / "longer", longer);
    expectRefused([&] { SequenceState::restore(folder / "longer", smallShape()); }, ErrorKind::InvalidInput,
                  "[70, 2, 4]");
    std::string word = whole;
    word.replace(word.find("\"position\":\"70\""), 15, "\"position\":\"x0\"");
    writeFileAtomically(folder / "word", word);
    expectRefused([&] { SequenceState::restore(folder / "word", smallShape()); }, ErrorKind::Corrupt, "position");
    // One bit anywhere in the data.
    for (const std::size_t from_end : {std::size_t{1}, std::size_t{77}, std::size_t{1000}}) {
        std::string flipped = whole;
        char& byte = flipped[flipped.size() - from_end];
        byte = static_cast<char>(byte ^ 4);
        writeFileAtomically(folder / "flipped", flipped);
        expectRefused([&] { SequenceState::restore(folder / "flipped", smallShape()); }, ErrorKind::Corrupt,
                      "flipped: the saved state is damaged");
    }
    SafetensorsWriter writer(folder / "weights");
    writer.declare("w", DType::F32, {0});
    writer.finish();
    expectRefused([&] { SequenceState::restore(folder / "weights", smallShape()); }, ErrorKind::InvalidInput,
                  "not a saved sequence state");
    expectRefused([&] { SequenceState::restore(folder / "none", smallShape()); }, ErrorKind::NotFound, "none");
}

TEST_F(StateFile, AFailedSaveKeepsTheOldFile) {
    std::mt19937 random(10);
    Pair pair = freshPair();
    append(pair, 5, random);
    pair.state.save(folder / "s");
    expectRefused([&] { pair.state.save(folder / "missing" / "s"); }, ErrorKind::Io, "missing");
    Pair longer{pair.state.fork(), pair.expected};
    append(longer, 5, random);
    longer.state.save(folder / "s");
    expectEqual(SequenceState::restore(folder / "s", smallShape()), longer.expected);
    std::size_t files = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) {
        ++files;
    }
    EXPECT_EQ(files, 1u); // no temporary left behind
}

// A fork copies what lies in a device's memory; to clear it first would move every byte twice.
TEST(SequenceStateOnADevice, AForkIsWrittenOnce) {
    const auto device = std::make_shared<test::HostDevice>();
    StateShape shape = smallShape();
    shape.device = device;
    SequenceState state(shape);
    state.skipTo(kPageTokens + 3);
    state.page(1, 1).keys[5] = 7.0f;
    state.lightning(2)[3] = 9.0f;
    const int clears = device->clears;
    EXPECT_GT(clears, 0) << "what is new is zero";
    SequenceState fork = state.fork();
    EXPECT_EQ(device->clears, clears);
    EXPECT_EQ(fork.page(1, 1).keys[5], 7.0f);
    EXPECT_EQ(fork.lightning(2)[3], 9.0f);
    fork.lightning(2)[3] = 1.0f;
    EXPECT_EQ(state.lightning(2)[3], 9.0f);
}

} // namespace
} // namespace fulgurite
