// SPDX-License-Identifier: Apache-2.0
// Tests of a device: without one they say why and count as skipped.
#include "kernels/device_library.h"

#include <cstdio>
#include <gtest/gtest.h>

int main(int argc, char** argv) {
    constexpr int kSkipped = 77; // SKIP_RETURN_CODE of tests/gpu/CMakeLists.txt
    try {
        const auto device = fulgurite::kernels::openCudaDevice(0);
        std::printf("Testing %s, %s\n", device->info().name.c_str(), fulgurite::kernels::cudaLibrary().description);
    } catch (const fulgurite::kernels::DeviceError& error) {
        std::printf("Skipped: %s\n", error.what());
        return kSkipped;
    }
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
