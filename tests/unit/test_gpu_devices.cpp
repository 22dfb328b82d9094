// SPDX-License-Identifier: Apache-2.0
#include "core/base/gpu_devices.h"

#include <gmock/gmock.h>

namespace fulgurite::test {
namespace {

using testing::HasSubstr;

TEST(GpuDevices, ReadsWhatTheDriverReportsAndMarksWhatItDoesNot) {
    const GpuReport report = readGpus(FULGURITE_TWO_GPUS);
    EXPECT_EQ(report.problem, "");
    EXPECT_EQ(report.driver, "570.1");
    ASSERT_EQ(report.devices.size(), 2u);
    const GpuDevice& first = report.devices[0];
    EXPECT_EQ(first.name, "GPU number 0");
    EXPECT_EQ(first.memory_total, 80ull << 30);
    EXPECT_EQ(first.memory_used, 1ull << 30);
    EXPECT_EQ(first.compute_major, 9);
    EXPECT_EQ(first.utilization, 37);
    EXPECT_EQ(first.power, 123.5);
    EXPECT_EQ(first.nvlinks, 17);
    EXPECT_EQ(first.temperature, -1); // that driver has no such function
    EXPECT_EQ(report.devices[1].utilization, -1);
    EXPECT_EQ(report.devices[1].memory_used, 2ull << 30);
}

TEST(GpuDevices, SaysWhyThereAreNone) {
    const GpuReport report = readGpus("libno-such-driver.so.9");
    EXPECT_TRUE(report.devices.empty());
    EXPECT_THAT(report.problem, HasSubstr("libno-such-driver.so.9"));
}

} // namespace
} // namespace fulgurite::test
