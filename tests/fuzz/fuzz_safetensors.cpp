// SPDX-License-Identifier: Apache-2.0
// Any bytes as a safetensors file: either refused with Error, or every view lies inside the input.
#include "core/base/error.h"
#include "core/checkpoint/safetensors.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fulgurite;
    try {
        const auto header = SafetensorsHeader::parse({reinterpret_cast<const std::byte*>(data), size}, "fuzz");
        for (const auto& [name, entry] : header.entries) {
            std::uint64_t bytes = 0;
            if (!byteCount(entry.shape, entry.dtype, bytes) || entry.end - entry.begin != bytes ||
                header.data_offset + entry.end > size) {
                std::abort();
            }
        }
    } catch (const Error&) {
        // Refused with a message: the other allowed outcome.
    }
    return 0;
}
