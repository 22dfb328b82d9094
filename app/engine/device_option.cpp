// SPDX-License-Identifier: Apache-2.0
#include "app/engine/device_option.h"

#include "core/base/error.h"
#include "core/model/shard.h"
#include "core/state/device_call.h"
#include "kernels/device_library.h"

#include <cstdio>
#include <fmt/core.h>
#include <stdexcept>
#include <unistd.h>

namespace fulgurite::app {

void addDeviceOption(CLI::App& command, std::string& device) {
    device = "cpu";
    command
        .add_option("--device", device, "Where to compute: cpu, cuda, or cuda:N for the N-th GPU, counted from 0")
        ->capture_default_str();
}

std::shared_ptr<kernels::Device> deviceNamed(const std::string& name) {
    try {
        return onDevice([&] { return kernels::openDevice(name); });
    } catch (const std::invalid_argument& error) {
        throw Error(ErrorKind::InvalidInput, error.what());
    }
}

HybridModel::CopyProgress printedProgress() {
    if (::isatty(STDERR_FILENO) == 0) {
        return nullptr;
    }
    return [shown = -1](std::size_t done, std::size_t all) mutable {
        const auto percent = static_cast<int>(done * 100 / std::max<std::size_t>(all, 1));
        if (percent != shown) {
            shown = percent;
            fmt::print(stderr, "\rcopying weights to the GPU: {} %{}", percent, done == all ? "\n" : "");
            std::fflush(stderr);
        }
    };
}

std::shared_ptr<const HybridModel> loadModelOn(const std::filesystem::path& folder, const std::string& device) {
    return HybridModel::load(folder, kernels::bestCpuOps(), ShardPlan{}, deviceNamed(device), printedProgress());
}

} // namespace fulgurite::app
