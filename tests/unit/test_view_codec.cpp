// SPDX-License-Identifier: Apache-2.0
// Views over the wire: bytes and back, and nothing else accepted.
#include "core/base/error.h"
#include "core/probe/capture/view_codec.h"
#include "tests/support/capture_sample.h"
#include "tests/support/golden_models.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fulgurite::capture {
namespace {

using test::CaptureSample;
using test::TemporaryFolder;
using testing::HasSubstr;
using testing::NanSensitiveFloatEq;

std::span<const std::byte> bytesOf(const std::string& text) {
    return std::as_bytes(std::span(text));
}

void expectSame(const std::vector<float>& a, const std::vector<float>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
        ASSERT_THAT(a[i], NanSensitiveFloatEq(b[i]));
    }
}

class ViewCodec : public testing::Test {
  protected:
    TemporaryFolder folder_;
    CaptureSample sample_;
    std::shared_ptr<const CaptureFile> capture_ = sample_.write(folder_ / "a.fcap");
};

TEST_F(ViewCodec, Rows) {
    for (const int layer : {0, 1}) {
        const AttentionRow row = capture_->row({layer, 3}, 25);
        const AttentionRow back = decodeRow(bytesOf(encode(row)), "node");
        EXPECT_EQ(back.head, row.head);
        EXPECT_EQ(back.kind, row.kind);
        EXPECT_EQ(back.position, row.position);
        EXPECT_EQ(back.score, row.score);
        EXPECT_EQ(back.decay, row.decay);
        EXPECT_EQ(back.weight, row.weight);
        EXPECT_EQ(back.share, row.share);
        EXPECT_EQ(back.output, row.output);
        EXPECT_EQ(back.error, row.error);
        EXPECT_EQ(back.provenance, row.provenance);
    }
    AttentionRow row = capture_->row({0, 0}, 0);
    row.error = std::nan("");
    row.output.clear();
    EXPECT_TRUE(std::isnan(decodeRow(bytesOf(encode(row)), "node").error));
}

TEST_F(ViewCodec, TokensWithTheirBytes) {
    const auto tokens = capture_->tokens(0, 40);
    const auto back = decodeTokens(bytesOf(encode(tokens)), "node");
    ASSERT_EQ(back.size(), tokens.size());
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        EXPECT_EQ(back[i].id, tokens[i].id);
        EXPECT_EQ(back[i].text, tokens[i].text);
        EXPECT_EQ(back[i].special, tokens[i].special);
        EXPECT_EQ(back[i].sampled, tokens[i].sampled);
        EXPECT_EQ(back[i].logprob, tokens[i].logprob);
    }
    EXPECT_TRUE(decodeTokens(bytesOf(encode(std::vector<CapturedToken>())), "node").empty());
}

TEST_F(ViewCodec, TilesAndThumbnails) {
    const auto tiles = capture_->thumbnails(2, 9);
    const auto back = decodeTiles(bytesOf(encode(tiles)), "node");
    ASSERT_EQ(back.size(), tiles.size());
    for (std::size_t i = 0; i < tiles.size(); ++i) {
        for (const AttentionTile& tile : {back[i], decodeTile(bytesOf(encode(tiles[i])), "node")}) {
            EXPECT_EQ(tile.head, tiles[i].head);
            EXPECT_EQ(tile.kind, tiles[i].kind);
            EXPECT_EQ(tile.rows, tiles[i].rows);
            EXPECT_EQ(tile.cols, tiles[i].cols);
            EXPECT_EQ(tile.pool, tiles[i].pool);
            EXPECT_EQ(tile.row_step, tiles[i].row_step);
            EXPECT_EQ(tile.max_abs, tiles[i].max_abs);
            EXPECT_EQ(tile.provenance, tiles[i].provenance);
            expectSame(tile.cells, tiles[i].cells);
        }
    }
}

TEST_F(ViewCodec, HeadTables) {
    const HeadTable table = capture_->heads(35);
    const HeadTable back = decodeHeads(bytesOf(encode(table)), "node");
    EXPECT_EQ(back.position, table.position);
    EXPECT_EQ(back.target, table.target);
    ASSERT_EQ(back.heads.size(), table.heads.size());
    for (std::size_t i = 0; i < table.heads.size(); ++i) {
        EXPECT_EQ(back.heads[i].head, table.heads[i].head);
        EXPECT_EQ(back.heads[i].kind, table.heads[i].kind);
        EXPECT_EQ(back.heads[i].half_life, table.heads[i].half_life);
        for (const FigureField& field : figureFields()) {
            EXPECT_THAT(back.heads[i].*field.value, NanSensitiveFloatEq(table.heads[i].*field.value)) << field.name;
        }
    }
}

TEST_F(ViewCodec, Routing) {
    const RoutingSlice slice = capture_->routing(7, 11);
    const RoutingSlice back = decodeRouting(bytesOf(encode(slice)), "node");
    EXPECT_EQ(back.first, 7u);
    EXPECT_EQ(back.count, 11u);
    EXPECT_EQ(back.layers, 3);
    EXPECT_EQ(back.top_k, 2);
    EXPECT_EQ(back.experts, slice.experts);
    EXPECT_EQ(back.weights, slice.weights);
    EXPECT_EQ(back.margin, slice.margin);
    const RoutingSummary summary = capture_->routingSummary();
    const RoutingSummary again = decodeRoutingSummary(bytesOf(encode(summary)), "node");
    EXPECT_EQ(again.tokens, summary.tokens);
    EXPECT_EQ(again.experts, summary.experts);
    EXPECT_EQ(again.load, summary.load);
    EXPECT_EQ(again.weight, summary.weight);
    EXPECT_EQ(again.entropy_bits, summary.entropy_bits);
}

TEST_F(ViewCodec, Lens) {
    const LensView view = capture_->lens(38);
    const LensView back = decodeLens(bytesOf(encode(view)), "node");
    EXPECT_EQ(back.position, view.position);
    ASSERT_EQ(back.layers.size(), view.layers.size());
    for (std::size_t i = 0; i < view.layers.size(); ++i) {
        EXPECT_EQ(back.layers[i].layer, view.layers[i].layer);
        EXPECT_EQ(back.layers[i].final_rank, view.layers[i].final_rank);
        EXPECT_EQ(back.layers[i].kl, view.layers[i].kl);
        for (std::size_t c = 0; c < 3; ++c) {
            EXPECT_EQ(back.layers[i].candidates[c].id, view.layers[i].candidates[c].id);
            EXPECT_EQ(back.layers[i].candidates[c].logprob, view.layers[i].candidates[c].logprob);
            EXPECT_EQ(back.layers[i].candidates[c].text, view.layers[i].candidates[c].text);
        }
    }
}

TEST_F(ViewCodec, Info) {
    const CaptureInfo back = decodeInfo(encode(capture_->info()), "node");
    EXPECT_EQ(encode(back), encode(capture_->info()));
    EXPECT_EQ(back.bytes, capture_->info().bytes);
    EXPECT_THROW(decodeInfo("{", "node"), Error);
    EXPECT_THROW(decodeInfo("{}", "node"), Error);
}

TEST_F(ViewCodec, RefusesOtherViewsAndDamage) {
    const std::string row = encode(capture_->row({0, 0}, 20));
    try {
        decodeTile(bytesOf(row), "node 7");
        FAIL() << "a row passed for a map";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::Corrupt);
        EXPECT_THAT(error.what(), HasSubstr("node 7: metadata \"view\" is \"row\", expected \"tile\""));
    }
    std::string other = row;
    other.replace(other.find(R"(\"position\":20)"), 15, R"(\"position\":21)");
    try {
        decodeRow(bytesOf(other), "node 7");
        FAIL() << "a row of the wrong length";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("array \"score\" has shape [21], expected [22]"));
    }
    for (std::size_t size = 0; size < row.size(); size += 13) {
        EXPECT_THROW(decodeRow(bytesOf(row.substr(0, size)), "node"), Error);
    }
}

} // namespace
} // namespace fulgurite::capture
