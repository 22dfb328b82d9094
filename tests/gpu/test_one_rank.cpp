// SPDX-License-Identifier: Apache-2.0
// NCCL with one rank, as far as one GPU can go: the library is found and opened, the calls of a communicator work
// in the order of a queue, and a model that makes them computes what it computes alone. What ranks say to each
// other is tested between processes with emulated GPUs (tests/cli/test_processes.cpp).
#include "core/model/hybrid_model.h"
#include "core/model/shard.h"
#include "core/model/weights.h"
#include "kernels/comm/device_ranks.h"
#include "kernels/device_library.h"
#include "tests/support/free_port.h"
#include "tests/support/golden_models.h"
#include "tests/support/model_runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

namespace fulgurite::test {
namespace {

class OneRank : public testing::Test {
  protected:
    void SetUp() override {
        device_ = kernels::openCudaDevice(0);
        device_->info(); // becomes this thread's
        const kernels::Launch launch{"a test", 0, 1, 0, "127.0.0.1", static_cast<std::uint16_t>(freePort())};
        try {
            comm_ = kernels::joinCudaRanks(launch, {"1", "a model", "1 rank"});
        } catch (const kernels::CommError& error) {
            GTEST_SKIP() << error.what(); // built without NCCL, or none is installed
        }
        stream_ = device_->newQueue();
        queue_ = std::make_unique<kernels::Queue>(pool_, stream_.get());
    }

    template <class T>
    T* place(const std::vector<T>& values) {
        auto* address = static_cast<T*>(device_->allocate(values.size() * sizeof(T), "a test"));
        device_->copyIn(address, values.data(), values.size() * sizeof(T));
        return address;
    }
    template <class T>
    std::vector<T> read(const T* address, std::size_t count) {
        std::vector<T> values(count);
        stream_->copyOut(values.data(), address, count * sizeof(T));
        return values;
    }

    std::shared_ptr<kernels::Device> device_;
    std::shared_ptr<kernels::Communicator> comm_;
    kernels::ThreadPool pool_{1};
    std::unique_ptr<kernels::DeviceQueue> stream_;
    std::unique_ptr<kernels::Queue> queue_;
};

TEST_F(OneRank, CallsKeepTheOrderOfTheQueue) {
    constexpr std::size_t kCount = 6144 * 5;
    std::vector<float> values(kCount);
    std::iota(values.begin(), values.end(), -7.0f);
    float* data = place(values);
    float* gathered = place(std::vector<float>(kCount, -1.0f));
    const kernels::OpTable& ops = device_->ops(kernels::Precision::Exact);
    ops.residual({data, data, data, kCount, 1, 1}, *queue_);
    comm_->allReduceSum(data, kCount, *queue_);
    ops.residual({data, data, data, kCount, 1, 1}, *queue_);
    comm_->allGather(data, gathered, kCount * sizeof(float), *queue_);
    comm_->broadcast(gathered, kCount * sizeof(float), 0, *queue_);
    comm_->barrier(*queue_);
    const std::vector<float> found = read(gathered, kCount);
    comm_->check();
    for (float& value : values) {
        value *= 4;
    }
    EXPECT_EQ(found, values);

    const std::vector<std::uint16_t> halves{0x3f80, 0xc000, 0x0000, 0x7f7f};
    std::uint16_t* sums = place(halves);
    comm_->allReduceSumBf16(sums, halves.size(), *queue_);
    EXPECT_EQ(read(sums, halves.size()), halves) << "the sum over one rank";
}

TEST_F(OneRank, AModelComputesWhatItComputesAlone) {
    const GoldenModel golden = goldenModel('A');
    TemporaryFolder folder;
    writeCheckpoint(golden, folder / "model");
    const auto alone =
        HybridModel::load(folder / "model", kernels::referenceOps(), ShardPlan{}, kernels::openCudaDevice(0));
    auto ranked = std::make_shared<HybridModel>(loadWeights(folder / "model"), kernels::referenceOps(), ShardPlan{},
                                                std::move(comm_));
    ranked->placeOn(device_);
    for (const std::size_t chunk : {std::size_t{1}, golden.prompt.size()}) {
        const auto expected = runModel(*alone, golden.prompt, chunk);
        const auto found = runModel(*ranked, golden.prompt, chunk);
        ASSERT_EQ(found.logits.size(), expected.logits.size());
        // The norm of lightning layers takes another way to the same sum.
        EXPECT_LE(largestDifference(found.logits, expected.logits), 5e-6) << chunk;
        EXPECT_EQ(found.seen.experts, expected.seen.experts);
    }
}

} // namespace
} // namespace fulgurite::test
