// SPDX-License-Identifier: Apache-2.0
#include "kernels/device_library.h"
#include "kernels/preselect.h"

namespace fulgurite::kernels {

const DeviceSampling& cudaSampling() {
    using Entry = const DeviceSampling* (*)();
    const auto entry = reinterpret_cast<Entry>(cudaEntry(kSamplingEntry));
    const DeviceSampling* sampling = entry != nullptr ? entry() : nullptr;
    if (sampling == nullptr || sampling->interface != kSamplingInterface) {
        throw DeviceError(DeviceFault::NotFound,
                          cudaLibraryPath().string() +
                              " was built for another version of this program and cannot look "
                              "up what sampling needs; install both from one build");
    }
    return *sampling;
}

} // namespace fulgurite::kernels
