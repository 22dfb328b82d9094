// SPDX-License-Identifier: Apache-2.0
// Any bytes as what another process says when ranks find each other, and as a scheduler's list of hosts: read or
// refused, never past the end.
#include "kernels/comm/launch.h"
#include "kernels/comm/wire.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace fulgurite::kernels;
    const std::string bytes(reinterpret_cast<const char*>(data), size);
    if (const auto hello = Hello::decode(bytes)) {
        const auto again = Hello::decode(hello->encode());
        if (!again || again->rank != hello->rank || again->identity.plan != hello->identity.plan) {
            std::abort();
        }
    }
    if (std::string(decodeAbort(bytes).what()).size() > size + 64) {
        std::abort();
    }
    if (firstHost(bytes).size() > size) {
        std::abort();
    }
    return 0;
}
