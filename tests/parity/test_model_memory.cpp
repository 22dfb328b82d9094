// SPDX-License-Identifier: Apache-2.0
// A machine without memory: wherever an array of a forward pass cannot be had, the pass is refused before it has
// changed a state, and the same call later gives the same bits. What a device lacks only in the middle of a pass is told
// apart from that.
#include "kernels/device.h"
#include "tests/support/golden_models.h"
#include "tests/support/model_runner.h"
#include "tests/support/refused_memory.h"

#include <gtest/gtest.h>

namespace fulgurite::test {
namespace {

// Arrays from here on count; what is smaller is bookkeeping, lists of tasks and of pages.
constexpr std::size_t kLarge = 4096;

class ModelMemory : public testing::TestWithParam<char> {};

TEST_P(ModelMemory, APassThatGetsNoneHasChangedNothing) {
    const GoldenModel golden = goldenModel(GetParam());
    const TemporaryFolder folder;
    writeCheckpoint(golden, folder.path(), {});
    const auto model = HybridModel::load(folder.path());
    const std::span<const TokenId> prompt(golden.prompt);
    const ModelRun expected = runModel(*model, prompt, prompt.size());
    kernels::ThreadPool pool(2);
    RefusedMemory::smallest = kLarge;
    int refused = 0;
    for (int allowed = 0;; ++allowed) {
        // A new workspace each time: all its arrays are still to be had.
        Workspace workspace;
        SequenceState state = model->newState();
        std::vector<float> logits;
        SequenceChunk chunk{&state, prompt, LogitsWanted::All};
        RefusedMemory::until = allowed;
        try {
            model->forward({&chunk, 1}, pool, workspace, logits);
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::OutOfMemory);
            EXPECT_NE(std::string(error.what()).find(std::to_string(prompt.size()) + " tokens"), std::string::npos);
            ++refused;
        }
        const bool enough = RefusedMemory::until.exchange(-1) >= 0;
        if (!enough) {
            EXPECT_EQ(state.position(), 0u) << allowed;
            model->forward({&chunk, 1}, pool, workspace, logits);
        }
        ASSERT_EQ(logits, expected.logits) << "refused array " << allowed;
        if (enough) {
            break;
        }
    }
    EXPECT_GT(refused, 5); // the stream, attention, experts, keys and values, logits; more in larger models
}

int residuals_until_failure = 0;

// A device's operation takes its scratch memory when it is called: in the middle of a pass.
void failingResidual(const kernels::ResidualParams& params, kernels::Queue& queue) {
    if (residuals_until_failure-- == 0) {
        throw kernels::DeviceError(kernels::DeviceFault::OutOfMemory, "the GPU has no memory left for scratch");
    }
    kernels::referenceOps().residual(params, queue);
}

TEST_P(ModelMemory, APassThatEndsHalfWaySaysSo) {
    const GoldenModel golden = goldenModel(GetParam());
    const TemporaryFolder folder;
    writeCheckpoint(golden, folder.path(), {});
    static kernels::OpTable ops = kernels::referenceOps();
    ops.residual = failingResidual;
    const auto model = HybridModel::load(folder.path(), ops);
    kernels::ThreadPool pool(1);
    for (const int allowed : {0, 1, 2}) { // behind the first attention, the first experts, the second attention
        Workspace workspace;
        SequenceState state = model->newState();
        std::vector<float> logits;
        SequenceChunk chunk{&state, golden.prompt, LogitsWanted::All};
        residuals_until_failure = allowed;
        try {
            model->forward({&chunk, 1}, pool, workspace, logits);
            FAIL() << "nothing was thrown";
        } catch (const BrokenPass& error) {
            EXPECT_EQ(error.kind(), ErrorKind::OutOfMemory);
            EXPECT_STREQ(error.what(), "the GPU has no memory left for scratch");
        }
        // What is refused at the door has changed nothing.
        const TokenId unknown[] = {-1};
        chunk.tokens = unknown;
        try {
            model->forward({&chunk, 1}, pool, workspace, logits);
            FAIL() << "nothing was thrown";
        } catch (const BrokenPass&) {
            FAIL() << "no state was touched";
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::InvalidInput);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Models, ModelMemory, testing::Values('A', 'B', 'C'));

} // namespace
} // namespace fulgurite::test
