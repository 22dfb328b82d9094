// SPDX-License-Identifier: Apache-2.0
// The GPUs of this machine as NVIDIA's management library (NVML) reports them. The library comes with the driver
// and is opened at run time: a machine without it simply has no GPUs, and the report says why.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fulgurite {

struct GpuDevice {
    std::string name;
    std::uint64_t memory_total = 0; // bytes
    std::uint64_t memory_used = 0;  // bytes, by everybody
    int compute_major = 0;          // 9.0 is Hopper
    int compute_minor = 0;
    int nvlinks = 0;      // active ones
    int utilization = -1; // percent of the last sample in which a kernel ran; -1: not reported
    int temperature = -1; // degrees Celsius; -1: not reported
    double power = -1;    // watts; -1: not reported
};

struct GpuReport {
    std::vector<GpuDevice> devices;
    std::string driver;  // its version; empty when there is none
    std::string problem; // why there are no devices, for a person; empty when there are
};

// Takes some milliseconds, and up to a second where the driver has to wake the devices. `library` is for tests.
GpuReport readGpus(const char* library = "libnvidia-ml.so.1");

} // namespace fulgurite
