// SPDX-License-Identifier: Apache-2.0
// Training on a device with memory of its own: the gradients in its library (device_library.h). Programs that only
// run models need none of it.
#pragma once

#include "kernels/bf16_products.h"
#include "kernels/device.h"

namespace fulgurite::kernels {

// What the library exports under the C name kTrainingEntry, a function without parameters that returns a pointer to
// one.
struct DeviceTraining {
    std::uint64_t interface = 0; // kTrainingInterface of its build; nothing else is read when it differs
    const BackwardOpTable* gradients = nullptr;
    const ProductTable* rounded = nullptr; // with bfloat16 factors on the tensor cores
};

inline constexpr const char* kTrainingEntry = "fulgurite_device_training";

// Rises with every change of meaning in backward_ops.h; changes of layout show by themselves.
inline constexpr std::uint64_t kTrainingRevision = 1;
inline constexpr std::uint64_t kTrainingInterface = [] {
    std::uint64_t hash = kDeviceInterface ^ kTrainingRevision;
    for (const std::size_t size :
         {sizeof(BackwardOpTable), sizeof(ProductTable), sizeof(LinearInputGrad), sizeof(LinearWeightGrad),
          sizeof(EmbedGrad), sizeof(NormGateGrad), sizeof(SoftmaxAttentionGrad), sizeof(LightningGrad),
          sizeof(RouteGrad), sizeof(BalanceGrad), sizeof(CombineGrad), sizeof(LogProbParams), sizeof(LogProbGrad),
          sizeof(AdamParams), sizeof(DeviceTraining)}) {
        hash = (hash ^ size) * 0x100000001b3u;
    }
    return hash;
}();

// Of the CUDA library, for queues of its devices. Throws DeviceError{NotFound} as cudaLibrary() does.
const DeviceTraining& cudaTraining();

} // namespace fulgurite::kernels
