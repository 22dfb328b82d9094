// SPDX-License-Identifier: Apache-2.0
// Capture files: what is written is read, and nothing else is.
#include "core/base/error.h"
#include "core/base/file_io.h"
#include "tests/support/capture_sample.h"
#include "tests/support/golden_models.h"

#include <cmath>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fulgurite::capture {
namespace {

namespace fs = std::filesystem;
using test::CaptureSample;
using test::CaptureSampleOptions;
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
    EXPECT_EQ(found.routing, wanted.routing);
    EXPECT_EQ(found.heads, wanted.heads);
    EXPECT_EQ(found.lens, wanted.lens);
    EXPECT_EQ(found.fact, wanted.fact);
}

void expectSameArrays(const CaptureFile& capture, const CaptureSample& sample) {
    for (const int layer : sample.info().attention_layers) {
        for (int h = 0; h < sample.info().config.num_heads; ++h) {
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

} // namespace
} // namespace fulgurite::capture
