// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target over the seeds of a folder, whole and cut short, where libFuzzer is not at hand.
#include "core/base/file_io.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void runOn(const std::string& seed) {
    constexpr std::size_t kCuts = 16;
    for (std::size_t i = 0; i <= kCuts; ++i) {
        const std::string input = seed.substr(0, seed.size() * i / kCuts); // exact storage: overreads are seen
        LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
    }
}

} // namespace

int main(int argc, char** argv) {
    std::vector<std::filesystem::path> seeds;
    for (int i = 1; i < argc; ++i) {
        for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
            seeds.push_back(entry.path());
        }
    }
    std::sort(seeds.begin(), seeds.end());
    for (const auto& seed : seeds) {
        std::printf("%s\n", seed.c_str());
        std::fflush(stdout); // names the seed if the target crashes
        runOn(fulgurite::readTextFile(seed));
    }
    std::printf("%zu seeds\n", seeds.size());
    return seeds.empty() ? 1 : 0;
}
