// SPDX-License-Identifier: Apache-2.0
// Finds and opens the library with the CUDA device. It lies beside the program, or in ../lib/fulgurite of it.
#pragma once

#include "kernels/device.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace fulgurite::kernels {

// Environment variable with the path of a library to open instead of the one beside the program.
inline constexpr const char* kDeviceLibraryVariable = "FULGURITE_CUDA_LIBRARY";

// The library stays open until the program ends. All of these throw DeviceError{NotFound} that says what is
// missing: the library, something it needs, a driver, a device; or that the library belongs to another version.
const DeviceLibrary& cudaLibrary();
std::filesystem::path cudaLibraryPath(); // of the one that cudaLibrary() opens or would open
std::vector<DeviceInfo> cudaDevices();
// A function that the library exports besides, or null where its build had none of this name.
void* cudaEntry(const char* name);

// index 0 is the first. Throws DeviceError{NotFound} too for a device whose compute capability does not suffice.
std::shared_ptr<Device> openCudaDevice(int index);

// "cpu" (null), "cuda" or "cuda:N". Throws std::invalid_argument for anything else.
std::shared_ptr<Device> openDevice(const std::string& name);

} // namespace fulgurite::kernels
