// SPDX-License-Identifier: Apache-2.0
#include "kernels/device_training.h"

#include "kernels/device_library.h"

#include <dlfcn.h>

namespace fulgurite::kernels {

const DeviceTraining& cudaTraining() {
    cudaLibrary(); // opens it, or says what is missing
    const std::string path = cudaLibraryPath().string();
    void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
    using Entry = const DeviceTraining* (*)();
    const auto entry = reinterpret_cast<Entry>(library != nullptr ? ::dlsym(library, kTrainingEntry) : nullptr);
    const DeviceTraining* training = entry != nullptr ? entry() : nullptr;
    if (training == nullptr || training->interface != kTrainingInterface) {
        throw DeviceError(DeviceFault::NotFound, path + " was built for another version of this program and cannot "
                                                        "train; install both from one build");
    }
    return *training;
}

} // namespace fulgurite::kernels
