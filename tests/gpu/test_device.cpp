// SPDX-License-Identifier: Apache-2.0
// Memory, copies, uploads, errors and recorded steps of a device.
#include "kernels/device_library.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <numeric>
#include <vector>

namespace fulgurite::kernels {
namespace {

using testing::HasSubstr;

class DeviceTest : public testing::Test {
  protected:
    DeviceTest() : device_(openCudaDevice(0)), stream_(device_->newQueue()), queue_(pool_, stream_.get()) {}

    float* place(const std::vector<float>& values) {
        auto* address = static_cast<float*>(device_->allocate(values.size() * sizeof(float), "a test"));
        device_->copyIn(address, values.data(), values.size() * sizeof(float));
        return address;
    }
    std::vector<float> read(const float* address, std::size_t count) {
        std::vector<float> values(count);
        stream_->copyOut(values.data(), address, count * sizeof(float));
        return values;
    }

    std::shared_ptr<Device> device_;
    ThreadPool pool_{1};
    std::unique_ptr<DeviceQueue> stream_;
    Queue queue_;
};

TEST_F(DeviceTest, MemoryIsAlignedKeptApartAndUsedAgain) {
    void* a = device_->allocate(100, "a test");
    void* b = device_->allocate(1, "a test");
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(a) % 256, 0u);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(b) % 256, 0u);
    EXPECT_NE(a, b);
    device_->release(a);
    EXPECT_EQ(device_->allocate(200, "a test"), a) << "the same size in blocks of 256";
}

TEST_F(DeviceTest, WhatIsReservedCanBeTaken) {
    const std::size_t bytes = std::size_t{96} << 20;
    device_->reserve(bytes, "a test");
    const std::size_t before = device_->info().memory_bytes;
    for (int i = 0; i < 96; ++i) {
        EXPECT_NE(device_->allocate(std::size_t{1} << 20, "a test"), nullptr);
    }
    EXPECT_EQ(device_->info().memory_bytes, before);
}

TEST_F(DeviceTest, TooLittleMemoryIsAnErrorWithPurposeAndSizes) {
    const std::size_t impossible = device_->info().memory_bytes + (std::size_t{1} << 30);
    try {
        device_->allocate(impossible, "keys and values");
        FAIL() << "it gave out more than it has";
    } catch (const DeviceError& error) {
        EXPECT_EQ(error.fault(), DeviceFault::OutOfMemory);
        EXPECT_THAT(error.what(), HasSubstr("keys and values"));
        EXPECT_THAT(error.what(), HasSubstr("wanted"));
        EXPECT_THAT(error.what(), HasSubstr("free"));
    }
    EXPECT_NE(device_->allocate(256, "a test"), nullptr) << "it is of use afterwards";
}

TEST_F(DeviceTest, UploadsPackRowsAcrossStagingBuffers) {
    // More than both staging buffers hold, in rows with gaps, at an odd address.
    constexpr std::size_t kRows = 9000;
    constexpr std::size_t kRow = 8009;
    constexpr std::size_t kStride = 8190;
    std::vector<std::uint8_t> host(kRows * kStride + 1);
    for (std::size_t i = 0; i < host.size(); ++i) {
        host[i] = static_cast<std::uint8_t>(i * 2654435761u >> 13);
    }
    void* target = device_->allocate(kRows * kRow, "a test");
    void* dense = device_->allocate(1000, "a test");
    const std::vector<Upload> uploads{{host.data() + 1, kRow, kRows, kStride, target},
                                      {host.data(), 1000, 1, 1000, dense}};
    std::size_t last = 0;
    device_->upload(uploads, [&](std::size_t done) {
        EXPECT_GT(done, last);
        last = done;
    });
    EXPECT_EQ(last, kRows * kRow + 1000);
    std::vector<std::uint8_t> back(kRows * kRow);
    device_->copyOut(back.data(), target, back.size());
    for (std::size_t row = 0; row < kRows; ++row) {
        ASSERT_TRUE(std::equal(back.begin() + static_cast<std::ptrdiff_t>(row * kRow),
                               back.begin() + static_cast<std::ptrdiff_t>((row + 1) * kRow),
                               host.begin() + static_cast<std::ptrdiff_t>(1 + row * kStride)))
            << row;
    }
}

TEST_F(DeviceTest, AnUploadThatIsStoppedLeavesTheDeviceInOrder) {
    const std::vector<float> host(1000, 1.0f);
    const std::vector<Upload> uploads{{host.data(), 4000, 1, 4000, device_->allocate(4000, "a test")}};
    EXPECT_THROW(device_->upload(uploads, [](std::size_t) { throw std::runtime_error("stop"); }),
                 std::runtime_error);
    device_->upload(uploads, nullptr);
}

// A step whose lengths, addresses and factors change is replayed with the new ones.
TEST_F(DeviceTest, AStepIsReplayedWithItsNewArguments) {
    const OpTable& ops = device_->ops(Precision::Exact);
    std::vector<float> ones(1000, 1.0f);
    float* one = place(ones);
    float* other = place(std::vector<float>(1000, 5.0f));
    float* out = place(std::vector<float>(1000, 0.0f));
    const auto step = [&](const float* branch, std::size_t count, float beta) {
        stream_->beginStep();
        ops.residual({one, branch, out, count, 1, beta}, queue_);
        for (int i = 0; i < 5; ++i) {
            ops.residual({out, one, out, count, 1, 1}, queue_);
        }
        stream_->endStep();
    };
    step(one, 1000, 2);
    EXPECT_THAT(read(out, 1000), testing::Each(8.0f));
    EXPECT_EQ(device_->counters(*stream_).steps_built, 1u);
    step(one, 1000, 2);
    step(other, 300, 3);
    const std::vector<float> mixed = read(out, 1000);
    EXPECT_THAT(std::vector<float>(mixed.begin(), mixed.begin() + 300), testing::Each(21.0f));
    EXPECT_THAT(std::vector<float>(mixed.begin() + 300, mixed.end()), testing::Each(8.0f));
    EXPECT_EQ(device_->counters(*stream_).steps_built, 1u);
    EXPECT_EQ(device_->counters(*stream_).steps_replayed, 2u);
    EXPECT_EQ(device_->counters(*stream_).launches, 0u);
}

TEST_F(DeviceTest, ALookIntoAStepRunsWhatCameBeforeIt) {
    const OpTable& ops = device_->ops(Precision::Exact);
    float* one = place(std::vector<float>(10, 1.0f));
    float* out = place(std::vector<float>(10, 0.0f));
    stream_->beginStep();
    for (int i = 0; i < 6; ++i) {
        ops.residual({out, one, out, 10, 1, 1}, queue_);
        if (i == 2) {
            EXPECT_THAT(read(out, 10), testing::Each(3.0f));
        }
    }
    stream_->endStep();
    EXPECT_THAT(read(out, 10), testing::Each(6.0f));
    EXPECT_EQ(device_->counters(*stream_).steps_built, 0u);
}

TEST_F(DeviceTest, ADroppedStepDoesNothing) {
    const OpTable& ops = device_->ops(Precision::Exact);
    float* out = place(std::vector<float>(10, 1.0f));
    stream_->beginStep();
    ops.residual({out, out, out, 10, 1, 1}, queue_);
    stream_->dropStep();
    stream_->beginStep();
    stream_->endStep();
    EXPECT_THAT(read(out, 10), testing::Each(1.0f));
}

// What a GPU answers with an error that ends the process' use of it.
TEST_F(DeviceTest, TheEmulationRefusesTheHostsMemory) {
    if (std::getenv("FULGURITE_EMULATOR_ORDER") == nullptr) {
        GTEST_SKIP() << "a GPU would be of no use to the tests behind this one";
    }
    std::vector<float> host(1000, 1.0f);
    std::vector<float> other(1000, 2.0f);
    float* one = place(host);
    constexpr std::size_t kBytes = 4000;
    EXPECT_THROW(device_->copyOut(other.data(), host.data(), kBytes), DeviceError);
    EXPECT_THROW(device_->copyIn(host.data(), other.data(), kBytes), DeviceError);
    EXPECT_THROW(device_->copyWithin(one, host.data(), kBytes), DeviceError);
    EXPECT_THROW(device_->clear(host.data(), kBytes), DeviceError);
    EXPECT_THROW(stream_->copyOut(other.data(), host.data(), kBytes), DeviceError);
    EXPECT_THROW(stream_->copyIn(host.data(), other.data(), kBytes), DeviceError);
    const OpTable& ops = device_->ops(Precision::Exact);
    ::setenv("FULGURITE_EMULATOR_STRICT", "1", 1);
    const auto add = [&] { ops.residual({one, host.data() + 1, one, 999, 1, 1}, queue_); };
    EXPECT_THROW(add(), DeviceError);
    stream_->beginStep();
    for (int i = 0; i < 6; ++i) {
        add();
    }
    EXPECT_THROW(stream_->endStep(), DeviceError);
    ::unsetenv("FULGURITE_EMULATOR_STRICT");
    EXPECT_THAT(read(one, 1000), testing::Each(1.0f));
}

TEST(DeviceNames, AreChecked) {
    EXPECT_EQ(openDevice("cpu"), nullptr);
    EXPECT_NE(openDevice("cuda"), nullptr);
    EXPECT_NE(openDevice("cuda:0"), nullptr);
    for (const char* wrong : {"", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda0"}) {
        EXPECT_THROW(openDevice(wrong), std::invalid_argument) << wrong;
    }
    EXPECT_THROW(openDevice("cuda:99"), DeviceError);
}

} // namespace
} // namespace fulgurite::kernels
