// SPDX-License-Identifier: Apache-2.0
#include "kernels/device_training.h"

#include "kernels/device_library.h"

namespace fulgurite::kernels {

const DeviceTraining& cudaTraining() {
    using Entry = const DeviceTraining* (*)();
    const auto entry = reinterpret_cast<Entry>(cudaEntry(kTrainingEntry));
    const DeviceTraining* training = entry != nullptr ? entry() : nullptr;
    if (training == nullptr || training->interface != kTrainingInterface) {
        throw DeviceError(DeviceFault::NotFound, cudaLibraryPath().string() +
                                                     " was built for another version of this program and cannot "
                                                     "train; install both from one build");
    }
    return *training;
}

} // namespace fulgurite::kernels
