// SPDX-License-Identifier: Apache-2.0
// Errors of a device as those of the program.
#pragma once

#include "core/base/error.h"
#include "kernels/device.h"

#include <utility>

namespace fulgurite {

// call(), whose DeviceError becomes Error{OutOfMemory | NotFound | Internal} with the same message.
template <class Call>
decltype(auto) onDevice(Call&& call) {
    try {
        return std::forward<Call>(call)();
    } catch (const kernels::DeviceError& error) {
        switch (error.fault()) {
        case kernels::DeviceFault::OutOfMemory:
            throw Error(ErrorKind::OutOfMemory, error.what());
        case kernels::DeviceFault::NotFound:
            throw Error(ErrorKind::NotFound, error.what());
        case kernels::DeviceFault::Failed:
            break;
        }
        throw Error(ErrorKind::Internal, error.what());
    }
}

} // namespace fulgurite
