// SPDX-License-Identifier: Apache-2.0
#include "kernels/device_library.h"

#include <array>
#include <charconv>
#include <cstdlib>
#include <dlfcn.h>

namespace fulgurite::kernels {

namespace {

namespace fs = std::filesystem;

constexpr const char* kLibraryName = "libfulgurite-cuda.so";

[[noreturn]] void missing(const std::string& message) {
    throw DeviceError(DeviceFault::NotFound, message);
}

fs::path programFolder() {
    std::error_code error;
    const fs::path program = fs::read_symlink("/proc/self/exe", error);
    return error ? fs::path() : program.parent_path();
}

std::string searched(const fs::path& folder) {
    return folder.string() + " and " + (folder / "../lib/fulgurite").lexically_normal().string();
}

// The driver comes with the machine, not with the toolkit: without it even a complete library finds nothing.
bool hasDriver() {
    void* driver = ::dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
    if (driver == nullptr) {
        return false;
    }
    ::dlclose(driver);
    return true;
}

const DeviceLibrary& openLibrary(const fs::path& path) {
    void* handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
        const char* reason = ::dlerror();
        missing(std::string("the CUDA library could not be opened: ") +
                (reason != nullptr ? reason : path.string()) +
                "; it needs the CUDA toolkit's cuBLAS where the system finds it");
    }
    using Entry = const DeviceLibrary* (*)();
    const auto entry = reinterpret_cast<Entry>(::dlsym(handle, kDeviceEntry));
    const DeviceLibrary* library = entry != nullptr ? entry() : nullptr;
    if (library == nullptr || library->interface != kDeviceInterface) {
        missing(path.string() + " was built for another version of this program; install both from one build");
    }
    return *library;
}

} // namespace

fs::path cudaLibraryPath() {
    if (const char* named = std::getenv(kDeviceLibraryVariable); named != nullptr && *named != '\0') {
        return named;
    }
    const fs::path folder = programFolder();
    for (const fs::path& place :
         {folder / kLibraryName, folder / "../lib/fulgurite" / kLibraryName, folder / "../lib" / kLibraryName}) {
        if (fs::exists(place)) {
            return place.lexically_normal();
        }
    }
    missing(std::string("this installation has no ") + kLibraryName + " (looked in " + searched(folder) +
            "): it was built without CUDA; build it where the CUDA toolkit is installed (nvcc on the PATH or in "
            "/usr/local/cuda), or use --device cpu");
}

const DeviceLibrary& cudaLibrary() {
    static const DeviceLibrary& library = openLibrary(cudaLibraryPath()); // a failure is tried again next time
    return library;
}

void* cudaEntry(const char* name) {
    cudaLibrary(); // opens it, or says what is missing
    void* library = ::dlopen(cudaLibraryPath().c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
    return library != nullptr ? ::dlsym(library, name) : nullptr;
}

std::vector<DeviceInfo> cudaDevices() {
    const DeviceLibrary& library = cudaLibrary();
    int count = 0;
    try {
        count = library.count();
    } catch (const DeviceError& error) {
        if (!hasDriver()) {
            missing("no CUDA driver found: libcuda.so.1 is not on this machine; install the NVIDIA driver, or use "
                    "--device cpu");
        }
        throw;
    }
    std::vector<DeviceInfo> devices;
    for (int index = 0; index < count; ++index) {
        devices.push_back(library.describe(index));
    }
    return devices;
}

std::shared_ptr<Device> openCudaDevice(int index) {
    const std::vector<DeviceInfo> devices = cudaDevices();
    if (devices.empty()) {
        missing("the CUDA driver sees no device; check `nvidia-smi` and CUDA_VISIBLE_DEVICES, or use --device cpu");
    }
    if (index < 0 || static_cast<std::size_t>(index) >= devices.size()) {
        missing("there is no CUDA device " + std::to_string(index) + "; the devices are 0 to " +
                std::to_string(devices.size() - 1));
    }
    const DeviceInfo& info = devices[static_cast<std::size_t>(index)];
    if (!info.unusable.empty()) {
        missing("CUDA device " + std::to_string(index) + ", " + info.name + ", cannot be used: " + info.unusable);
    }
    return cudaLibrary().open(index);
}

std::shared_ptr<Device> openDevice(const std::string& name) {
    if (name == "cpu") {
        return nullptr;
    }
    if (name == "cuda") {
        return openCudaDevice(0);
    }
    const std::string prefix = "cuda:";
    int index = 0;
    const char* end = name.data() + name.size();
    if (name.rfind(prefix, 0) == 0) {
        const auto [parsed, error] = std::from_chars(name.data() + prefix.size(), end, index);
        if (error == std::errc() && parsed == end && index >= 0) {
            return openCudaDevice(index);
        }
    }
    throw std::invalid_argument("no such device: \"" + name + "\"; say cpu, cuda or cuda:N with a number N");
}

} // namespace fulgurite::kernels
