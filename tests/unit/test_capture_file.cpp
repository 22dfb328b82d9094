// SPDX-License-Identifier: Apache-2.0
// Capture files: what is written is read, and nothing else is.
#include "core/base/error.h"
#include "core/base/file_io.h"
#include "tests/support/capture_sample.h"
#include "tests/support/golden_models.h"

#include <cmath>
#include <csignal>
#include <fstream>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

namespace fulgurite::capture {
namespace {

namespace fs = std::filesystem;
using test::CaptureSample;
using test::TemporaryFolder;
using testing::ElementsAreArray;
using testing::HasSubstr;

void expectSameInfo(const CaptureInfo& found, const CaptureInfo& wanted) {
    EXPECT_EQ(found.created, wanted.created);
    EXPECT_EQ(found.engine, wanted.engine);
    EXPECT_EQ(found.model, wanted.model);
    EXPECT_EQ(found.model_hash, wanted.model_hash);
    EXPECT_EQ(found.tokens_hash, wanted.tokens_hash);
    EXPECT_EQ(found.settings, wanted.settings);
    EXPECT_EQ(found.config.toJson(), wanted.config.toJson());
    EXPECT_EQ(found.tokens, wanted.tokens);
    EXPECT_EQ(found.positions, wanted.positions);
    EXPECT_EQ(found.attention_layers, wanted.attention_layers);
    EXPECT_EQ(found.attention_heads, wanted.attention_heads);
    EXPECT_EQ(found.routing, wanted.routing);
    EXPECT_EQ(found.heads, wanted.heads);
    EXPECT_EQ(found.lens, wanted.lens);
    EXPECT_EQ(found.fact, wanted.fact);
}

void expectSameArrays(const CaptureFile& capture, const CaptureSample& sample) {
    for (const int layer : sample.info().attention_layers) {
        for (const int h : heldHeads(sample.info(), layer)) {
            const HeadRef head{layer, h};
            const HeadArrays arrays = capture.arrays(head);
            for (std::size_t t = 0; t < arrays.tokens; ++t) {
                const auto row = [&](const float* array) {
                    return std::vector<float>(array + t * arrays.dim, array + (t + 1) * arrays.dim);
                };
                ASSERT_EQ(row(arrays.q), sample.vectorOf('q', head, t)) << layer << ":" << h << " at " << t;
                ASSERT_EQ(row(arrays.k), sample.vectorOf('k', head, t)) << layer << ":" << h << " at " << t;
                ASSERT_EQ(row(arrays.v), sample.vectorOf('v', head, t)) << layer << ":" << h << " at " << t;
            }
        }
    }
}

TEST(CaptureFiles, HoldWhatWasWritten) {
    const TemporaryFolder folder;
    const CaptureSample sample;
    const auto capture = sample.write(folder / "a.fcap");
    expectSameInfo(capture->info(), sample.info());
    expectSameArrays(*capture, sample);
    EXPECT_EQ(capture->info().bytes, fs::file_size(folder / "a.fcap"));
    const auto tokens = capture->tokens(3, 20);
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        const CapturedToken& wanted = sample.tokens()[3 + i];
        EXPECT_EQ(tokens[i].id, wanted.id);
        EXPECT_EQ(tokens[i].text, wanted.text);
        EXPECT_EQ(tokens[i].special, wanted.special);
        EXPECT_EQ(tokens[i].sampled, wanted.sampled);
        EXPECT_EQ(tokens[i].logprob, wanted.logprob);
    }
    const auto held = capture->output({2, 3}, 17);
    const std::size_t at = (17 * 4 + 3) * 8;
    EXPECT_THAT(std::vector(held.begin(), held.end()),
                ElementsAreArray(sample.outputs(2).begin() + at, sample.outputs(2).begin() + at + 8));
}

// Heads 1 and 2 of a softmax layer read key/value heads 0 and 1; heads 2 and 3 of the other share head 1.
TEST(CaptureFiles, HoldChosenHeads) {
    const TemporaryFolder folder;
    for (const bool every_output : {true, false}) {
        const CaptureSample whole({.layers = {LayerKind::Lightning, LayerKind::Softmax, LayerKind::Softmax}});
        const CaptureSample sample({.layers = {LayerKind::Lightning, LayerKind::Softmax, LayerKind::Softmax},
                                    .attention_heads = {{0, {3}}, {1, {1, 2}}, {2, {2, 3}}},
                                    .every_output = every_output});
        const auto capture = sample.write(folder / "a.fcap");
        const auto all = whole.write(folder / "all.fcap");
        expectSameInfo(capture->info(), sample.info());
        expectSameArrays(*capture, sample);
        EXPECT_EQ(capture->info().version, 2);
        EXPECT_EQ(all->info().version, 1) << "older programs read it";
        std::uint64_t texts = 0;
        for (const std::string& text : sample.vocabulary()) {
            texts += text.size();
        }
        EXPECT_EQ(captureBytes(sample.info(), sample.contents(), texts), fs::file_size(folder / "a.fcap"));
        // 5 of 12 heads, 4 of 8 key/value heads; q, k, v, o of 40 tokens of 8 floats.
        EXPECT_LT(fs::file_size(folder / "a.fcap"), fs::file_size(folder / "all.fcap") - 40 * 8 * 4 * 20);
        EXPECT_EQ(capture->rows(39).size(), 5u);
        for (const AttentionRow& row : capture->rows(39)) {
            const AttentionRow wanted = all->row(row.head, 39);
            EXPECT_EQ(row.weight, wanted.weight) << row.head.layer << ":" << row.head.head;
            EXPECT_EQ(row.error, wanted.error);
        }
        EXPECT_EQ(capture->thumbnails(1, 8).size(), 2u);
        EXPECT_EQ(capture->thumbnails(1, 8)[1].head, (HeadRef{1, 2}));
        EXPECT_EQ(capture->tile({2, 3}, {.rows = 40, .cols = 40}).max_abs,
                  all->tile({2, 3}, {.rows = 40, .cols = 40}).max_abs);
        const HeadTable table = capture->heads(39);
        EXPECT_FALSE(std::isnan(table.heads[3].entropy));
        EXPECT_TRUE(std::isnan(table.heads[2].entropy)) << "needs q and k";
        EXPECT_FALSE(std::isnan(table.heads[2].output_norm)) << "stored";
    }
}

TEST(CaptureFiles, EstimateIsTheSize) {
    const TemporaryFolder folder;
    for (const bool everything : {true, false}) {
        const CaptureSample sample({.every_output = everything,
                                    .logprobs = everything,
                                    .routing = everything,
                                    .head_figures = everything,
                                    .lens = everything});
        sample.write(folder / "a.fcap");
        std::uint64_t texts = 0;
        for (const std::string& text : sample.vocabulary()) {
            texts += text.size();
        }
        EXPECT_EQ(captureBytes(sample.info(), sample.contents(), texts), fs::file_size(folder / "a.fcap"));
    }
}

TEST(CaptureFiles, HeadFiguresAreThoseOfThePositionBefore) {
    const TemporaryFolder folder;
    const CaptureSample sample({.attention_layers = {0, 1}, .positions = {10, 20, 30}});
    const auto capture = sample.write(folder / "a.fcap");
    const HeadTable table = capture->heads(29);
    EXPECT_EQ(table.position, 20u);
    EXPECT_EQ(table.target, sample.heads(1).target);
    ASSERT_EQ(table.heads.size(), 12u);
    for (std::size_t i = 0; i < 12; ++i) {
        const HeadFigures& wanted = sample.heads(1).heads[i];
        EXPECT_EQ(table.heads[i].head, wanted.head);
        EXPECT_EQ(table.heads[i].gate_mean, wanted.gate_mean);
        EXPECT_EQ(table.heads[i].mrag_importance, wanted.mrag_importance);
        EXPECT_EQ(table.heads[i].half_life, wanted.half_life);
        // Worked out where queries and keys are held: layers 0 and 1.
        EXPECT_EQ(std::isnan(table.heads[i].entropy), i >= 8) << i;
    }
    // Before the first captured position: what the arrays give, at the position itself.
    const HeadTable early = capture->heads(5);
    EXPECT_EQ(early.position, 5u);
    EXPECT_TRUE(std::isnan(early.heads[0].gate_mean));
    EXPECT_FALSE(std::isnan(early.heads[0].effective_span));
    const auto output = capture->output({0, 0}, 5);
    double norm = 0;
    for (const float value : output) {
        norm += static_cast<double>(value) * value;
    }
    EXPECT_FLOAT_EQ(early.heads[0].output_norm, static_cast<float>(std::sqrt(norm)));
}

TEST(CaptureFiles, OutputsOfQueryPositionsOnly) {
    const TemporaryFolder folder;
    const CaptureSample sample({.positions = {3, 17, 33}, .every_output = false});
    const auto capture = sample.write(folder / "a.fcap");
    for (const std::size_t position : sample.info().positions) {
        const AttentionRow row = capture->row({1, 2}, position);
        const auto begin = sample.outputs(1).begin() + static_cast<std::ptrdiff_t>((position * 4 + 2) * 8);
        EXPECT_THAT(row.output, ElementsAreArray(begin, begin + 8));
        EXPECT_LT(row.error, 1e-5);
    }
    const AttentionRow row = capture->row({1, 2}, 16);
    EXPECT_TRUE(row.output.empty());
    EXPECT_TRUE(std::isnan(row.error));
    EXPECT_EQ(row.share.size(), 17u);
}

TEST(CaptureFiles, RoutingAndLens) {
    const TemporaryFolder folder;
    const CaptureSample sample;
    const auto capture = sample.write(folder / "a.fcap");
    const RoutingSlice slice = capture->routing(5, 30);
    EXPECT_THAT(slice.experts,
                ElementsAreArray(sample.routing().experts.begin() + 30, sample.routing().experts.begin() + 210));
    EXPECT_THAT(slice.weights,
                ElementsAreArray(sample.routing().weights.begin() + 30, sample.routing().weights.begin() + 210));
    EXPECT_THAT(slice.margin,
                ElementsAreArray(sample.routing().margin.begin() + 15, sample.routing().margin.begin() + 105));
    const RoutingSummary summary = capture->routingSummary();
    for (std::size_t layer = 0; layer < 3; ++layer) {
        std::vector<std::uint64_t> load(5);
        double bits = 0;
        for (std::size_t t = 0; t < 40; ++t) {
            for (std::size_t i = 0; i < 2; ++i) {
                ++load[static_cast<std::size_t>(sample.routing().experts[(t * 3 + layer) * 2 + i])];
            }
        }
        double weight = 0;
        for (std::size_t e = 0; e < 5; ++e) {
            EXPECT_EQ(summary.load[layer * 5 + e], load[e]);
            bits -= load[e] == 0 ? 0 : load[e] / 80.0 * std::log2(load[e] / 80.0);
            weight += summary.weight[layer * 5 + e];
        }
        EXPECT_NEAR(summary.entropy_bits[layer], bits, 1e-12);
        EXPECT_DOUBLE_EQ(weight, 40.0); // 0.75 + 0.25 for each token
    }
    const LensView lens = capture->lens(39);
    EXPECT_EQ(lens.position, 39u);
    ASSERT_EQ(lens.layers.size(), 4u);
    EXPECT_EQ(lens.layers[2].final_rank, sample.lens(7).layers[2].final_rank);
    EXPECT_EQ(lens.layers[3].candidates[1].id, sample.lens(7).layers[3].candidates[1].id);
    EXPECT_EQ(lens.layers[3].candidates[1].text, sample.lens(7).layers[3].candidates[1].text);
}

TEST(CaptureFiles, ThumbnailsOfALayer) {
    const TemporaryFolder folder;
    const auto capture = CaptureSample({.tokens = 300}).write(folder / "a.fcap");
    const auto tiles = capture->thumbnails(1, 64);
    ASSERT_EQ(tiles.size(), 4u);
    for (int h = 0; h < 4; ++h) {
        const AttentionTile& tile = tiles[static_cast<std::size_t>(h)];
        EXPECT_EQ(tile.head, (HeadRef{1, h}));
        EXPECT_EQ(tile.pool, 8u); // a power of two
        EXPECT_EQ(tile.row_step, 1u);
        EXPECT_EQ(tile.cells[0], tile.max_abs); // the first token has only itself to look at
    }
}

ErrorKind refused(const std::function<void()>& action, const std::string& reason) {
    try {
        action();
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr(reason));
        return error.kind();
    }
    ADD_FAILURE() << "accepted, should say: " << reason;
    return ErrorKind::Internal;
}

TEST(CaptureFiles, SayWhatTheyDoNotHold) {
    const TemporaryFolder folder;
    const CaptureSample sample(
        {.attention_layers = {1}, .logprobs = false, .routing = false, .head_figures = false, .lens = false});
    const auto capture = sample.write(folder / "a.fcap");
    const auto name = (folder / "a.fcap").string();
    EXPECT_EQ(refused(
                  [&] {
                      capture->row({0, 0}, 3);
                  },
                  name + ": queries, keys and values of layer 0"),
              ErrorKind::NotFound);
    const auto part = CaptureSample({.attention_heads = {{1, {0, 2}}}}).write(folder / "part.fcap");
    EXPECT_EQ(refused(
                  [&] {
                      part->tile({1, 1}, {.rows = 1, .cols = 1});
                  },
                  "of layer 1 only heads 0, 2 were captured"),
              ErrorKind::NotFound);
    EXPECT_EQ(refused([&] { capture->thumbnails(2, 8); }, "of layer 2 were not captured"), ErrorKind::NotFound);
    EXPECT_EQ(refused([&] { capture->routing(0, 1); }, "expert routing was not captured"), ErrorKind::NotFound);
    EXPECT_EQ(refused([&] { capture->routingSummary(); }, "expert routing was not captured"), ErrorKind::NotFound);
    EXPECT_EQ(refused([&] { capture->lens(3); }, "the lens was not captured"), ErrorKind::NotFound);
    EXPECT_EQ(refused(
                  [&] {
                      capture->row({1, 4}, 3);
                  },
                  "no head 4 of layer 1; layers are 0 to 2, heads 0 to 3"),
              ErrorKind::InvalidInput);
    EXPECT_EQ(refused([&] { capture->row({3, 0}, 3); }, "no head 0 of layer 3"), ErrorKind::InvalidInput);
    EXPECT_EQ(refused([&] { capture->row({1, 0}, 40); }, "no token 40; it has 0 to 39"), ErrorKind::InvalidInput);
    EXPECT_EQ(refused([&] { capture->tokens(30, 11); }, "leave the 40"), ErrorKind::InvalidInput);
    EXPECT_TRUE(std::isnan(capture->tokens(0, 1)[0].logprob));
}

// Somebody cuts the file between the check and the reading: an error of the view, not the end of the program.
TEST(CaptureFiles, ThatAreCutWhileTheyAreReadAreAnError) {
    const TemporaryFolder folder;
    const CaptureSample sample({.tokens = 2000});
    const auto path = folder / "a.fcap";
    const auto capture = sample.write(path);
    const AttentionRow before = capture->row({0, 0}, 1999);
    const auto untouched = CaptureSample({.tokens = 30}).write(folder / "b.fcap");
    fs::resize_file(path, 8192);
    EXPECT_EQ(refused(
                  [&] {
                      capture->row({0, 0}, 1999);
                  },
                  path.string() + ": the file was cut"),
              ErrorKind::Corrupt);
    EXPECT_EQ(refused([&] { capture->rows(1999); }, "was cut"), ErrorKind::Corrupt);
    EXPECT_EQ(refused([&] { capture->thumbnails(1, 64); }, "was cut"), ErrorKind::Corrupt);
    EXPECT_EQ(refused([&] { capture->tokens(0, 2000); }, "was cut"), ErrorKind::Corrupt);
    EXPECT_FALSE(capture->intact());
    EXPECT_EQ(untouched->tokens(0, 30).size(), 30u) << "other files are none the worse";
    EXPECT_EQ(CaptureSample({.tokens = 2000}).write(path)->row({0, 0}, 1999).weight, before.weight);
}

TEST(CaptureWriter, LeavesNothingWhenItIsAbandoned) {
    const TemporaryFolder folder;
    const CaptureSample sample;
    {
        CaptureWriter writer(folder / "a.fcap", sample.info(), sample.contents(), sample.tokens(),
                             sample.vocabulary());
        EXPECT_FALSE(fs::exists(folder / "a.fcap"));
        EXPECT_EQ(refused([&] { writer.finish(); }, "\"experts\" has 0 of"), ErrorKind::Internal);
        sample.writeInto(writer);
    }
    EXPECT_TRUE(fs::is_empty(folder / ""));
}

TEST(CaptureWriter, TellsAFullDiskBeforeTheWork) {
    const TemporaryFolder folder;
    const CaptureSample sample;
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{4096, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    const ErrorKind kind = refused(
        [&] {
            CaptureWriter(folder / "a.fcap", sample.info(), sample.contents(), sample.tokens(),
                          sample.vocabulary());
        },
        "cannot reserve");
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    EXPECT_EQ(kind, ErrorKind::Io);
    EXPECT_TRUE(fs::is_empty(folder / ""));
}

TEST(CaptureWriter, RefusesImpossiblePlans) {
    const TemporaryFolder folder;
    const CaptureSample sample;
    const auto with = [&](const std::function<void(CaptureInfo&)>& change, const std::string& reason) {
        CaptureInfo info = sample.info();
        change(info);
        const auto make = [&] {
            CaptureWriter(folder / "a.fcap", info, sample.contents(), sample.tokens(), sample.vocabulary());
        };
        EXPECT_EQ(refused(make, reason), ErrorKind::InvalidInput);
    };
    with([](CaptureInfo& info) { info.positions = {3, 3}; }, "query position 3");
    with([](CaptureInfo& info) { info.positions = {40}; }, "query position 40");
    with([](CaptureInfo& info) { info.attention_layers = {3}; }, "attention layer 3");
    with([](CaptureInfo& info) { info.config.vocab_size = 4; }, "outside the model's vocabulary of 4");
    EXPECT_TRUE(fs::is_empty(folder / ""));
}

class DamagedCaptures : public testing::Test {
  protected:
    void SetUp() override {
        CaptureSample().write(folder_ / "a.fcap");
        bytes_ = readTextFile(folder_ / "a.fcap");
    }
    // Same length, so that the offsets stay.
    std::string with(const std::string& from, const std::string& to) const {
        std::string changed = bytes_;
        const auto at = changed.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        EXPECT_EQ(from.size(), to.size());
        return changed.replace(at, from.size(), to);
    }
    ErrorKind open(const std::string& content, const std::string& reason) const {
        std::ofstream(folder_ / "bad.fcap", std::ios::binary) << content;
        return refused([&] { CaptureFile::open(folder_ / "bad.fcap"); }, reason);
    }

    TemporaryFolder folder_;
    std::string bytes_;
};

TEST_F(DamagedCaptures, AreRefusedWithTheReason) {
    EXPECT_EQ(open(bytes_.substr(0, bytes_.size() - 1), "truncated"), ErrorKind::Corrupt);
    for (std::size_t size = 0; size < bytes_.size(); size += 997) {
        EXPECT_EQ(open(bytes_.substr(0, size), "bad.fcap"), ErrorKind::Corrupt);
    }
    EXPECT_EQ(open(with(R"("version":"1")", R"("version":"3")"), "version 3, this program reads up to 2"),
              ErrorKind::Unsupported);
    EXPECT_EQ(open(with(R"(\"version\":1)", R"(\"version\":2)"), "version is 2, that of the file is 1"),
              ErrorKind::Corrupt);
    EXPECT_EQ(open(with("fulgurite.capture", "fulgurite.pasture"), "this is no capture"), ErrorKind::Corrupt);
    EXPECT_EQ(open(with(R"(\"tokens\":40)", R"(\"tokens\":41)"), "array \"tokens\" is I32 [40], expected I32 [41]"),
              ErrorKind::Corrupt);
    EXPECT_EQ(open(with(R"(\"tokens\":40)", R"(\"tokens\":[])"), "tokens: expected a whole number"),
              ErrorKind::Corrupt);
    EXPECT_EQ(open(with(R"("heads.gate_mean")", R"("heads.fate_mean")"), "\"heads.gate_mean\" is missing"),
              ErrorKind::Corrupt);
    EXPECT_EQ(open(with(R"(\"fact\":[1,3])", R"(\"fact\":[3,1])"), "fact[1]: 1 is outside 4 to 40"),
              ErrorKind::Corrupt);
    EXPECT_EQ(open(with(R"(\"head_dim\":8)", R"(\"head_dim\":0)"), "head_dim is 0"), ErrorKind::Corrupt);
    EXPECT_EQ(open(with(R"(\"mrag_importance\")", R"(\"nrag_importance\")"), "is unknown or named twice"),
              ErrorKind::Corrupt);
    const std::string deep = with(R"(\"2026-11-24T20:00:00Z\")", std::string(12, '[') + std::string(12, ']'));
    EXPECT_EQ(open(deep, "nested deeper than"), ErrorKind::Corrupt);
}

TEST_F(DamagedCaptures, WithHeadsThatCannotBe) {
    CaptureSample({.attention_heads = {{1, {0, 2}}}}).write(folder_ / "part.fcap");
    bytes_ = readTextFile(folder_ / "part.fcap");
    EXPECT_EQ(
        open(with(R"(\"heads\":[0,2])", R"(\"heads\":[2,0])"), "attention_heads[0].heads[1]: 0 is outside 3 to 3"),
        ErrorKind::Corrupt);
    EXPECT_EQ(open(with(R"(\"heads\":[0,2])", R"(\"heads\":[   ])"), "must name heads of a layer"),
              ErrorKind::Corrupt);
    EXPECT_EQ(open(with(R"(\"layer\":1)", R"(\"layer\":3)"), "layer: 3 is outside 0 to 2"), ErrorKind::Corrupt);
    EXPECT_EQ(open(with(R"("version":"2")", R"("version":"1")"), "version is 2, that of the file is 1"),
              ErrorKind::Corrupt);
}

TEST_F(DamagedCaptures, WithValuesOutOfRange) {
    const SafetensorsHeader header = SafetensorsHeader::parse(std::as_bytes(std::span(bytes_)), "a");
    const auto patched = [&](const char* array, std::size_t offset, char value) {
        std::string changed = bytes_;
        changed[header.data_offset + header.entries.find(array)->second.begin + offset] = value;
        return changed;
    };
    EXPECT_EQ(open(patched("tokens", 4 * 5 + 3, 0x7F), "token 5 is"), ErrorKind::Corrupt);
    EXPECT_EQ(open(patched("vocabulary_ends", 4 * 5 + 3, 0x7F), "\"vocabulary_ends\""), ErrorKind::Corrupt);
    std::ofstream(folder_ / "bad.fcap", std::ios::binary) << patched("experts", 12 * 7, 99);
    const auto capture = CaptureFile::open(folder_ / "bad.fcap");
    EXPECT_EQ(refused([&] { capture->routing(0, 40); }, "names expert 99 for token 7, the model has 0 to 4"),
              ErrorKind::Corrupt);
    EXPECT_EQ(refused([&] { capture->routingSummary(); }, "names expert 99 for token 7"), ErrorKind::Corrupt);
    EXPECT_EQ(capture->routing(8, 32).count, 32u);
}

} // namespace
} // namespace fulgurite::capture
