// SPDX-License-Identifier: Apache-2.0
// The few functions of NVML that are needed, declared here because its header is part of a toolkit that need not be
// installed.
#include "core/base/gpu_devices.h"

#include <array>
#include <dlfcn.h>
#include <fmt/core.h>

namespace fulgurite {
namespace {

using Device = void*;
using Status = int; // 0: success

// nvmlMemory_t and nvmlUtilization_t of the published interface.
struct Memory {
    unsigned long long total, free, used;
};
struct Utilization {
    unsigned int gpu, memory;
};
constexpr int kTemperatureOfGpu = 0;
constexpr unsigned kMostLinks = 18;

class Nvml {
  public:
    explicit Nvml(const char* library) : handle_(::dlopen(library, RTLD_NOW | RTLD_LOCAL)) {
        if (!handle_) {
            problem_ = fmt::format("no NVIDIA driver: {} cannot be opened", library);
            return;
        }
        const auto init = function<Status()>("nvmlInit_v2");
        const Status status = init ? init() : -1;
        started_ = status == 0;
        if (!started_)
            problem_ = fmt::format("the NVIDIA driver does not answer: {}", errorText(status));
    }
    ~Nvml() {
        if (started_) {
            if (const auto shutdown = function<Status()>("nvmlShutdown"))
                shutdown();
        }
        if (handle_)
            ::dlclose(handle_);
    }
    Nvml(const Nvml&) = delete;
    Nvml& operator=(const Nvml&) = delete;

    bool started() const { return started_; }
    const std::string& problem() const { return problem_; }

    // False when the library lacks the function or the function fails: that figure is then not reported.
    template <typename... Arguments>
    bool call(const char* name, Arguments... arguments) const {
        const auto each = function<Status(Arguments...)>(name);
        return each && each(arguments...) == 0;
    }
    std::string text(const char* name) const {
        std::array<char, 96> buffer{};
        return call(name, buffer.data(), static_cast<unsigned>(buffer.size())) ? buffer.data() : "";
    }

  private:
    template <typename Signature>
    Signature* function(const char* name) const {
        return reinterpret_cast<Signature*>(::dlsym(handle_, name));
    }
    std::string errorText(Status status) const {
        const auto text = function<const char*(Status)>("nvmlErrorString");
        return text ? text(status) : fmt::format("error {}", status);
    }

    void* handle_ = nullptr;
    bool started_ = false;
    std::string problem_;
};

int activeLinks(const Nvml& nvml, Device device) {
    int active = 0;
    for (unsigned link = 0; link < kMostLinks; ++link) {
        int state = 0;
        if (nvml.call("nvmlDeviceGetNvLinkState", device, link, &state) && state == 1)
            ++active;
    }
    return active;
}

GpuDevice describe(const Nvml& nvml, Device device) {
    GpuDevice result;
    std::array<char, 96> name{};
    if (nvml.call("nvmlDeviceGetName", device, name.data(), static_cast<unsigned>(name.size())))
        result.name = name.data();
    Memory memory{};
    if (nvml.call("nvmlDeviceGetMemoryInfo", device, &memory)) {
        result.memory_total = memory.total;
        result.memory_used = memory.used;
    }
    nvml.call("nvmlDeviceGetCudaComputeCapability", device, &result.compute_major, &result.compute_minor);
    Utilization utilization{};
    if (nvml.call("nvmlDeviceGetUtilizationRates", device, &utilization))
        result.utilization = static_cast<int>(utilization.gpu);
    unsigned value = 0;
    if (nvml.call("nvmlDeviceGetTemperature", device, kTemperatureOfGpu, &value))
        result.temperature = static_cast<int>(value);
    if (nvml.call("nvmlDeviceGetPowerUsage", device, &value))
        result.power = value / 1000.0;
    result.nvlinks = activeLinks(nvml, device);
    return result;
}

} // namespace

GpuReport readGpus(const char* library) {
    GpuReport report;
    const Nvml nvml(library);
    report.problem = nvml.problem();
    if (!nvml.started())
        return report;
    report.driver = nvml.text("nvmlSystemGetDriverVersion");
    unsigned count = 0;
    nvml.call("nvmlDeviceGetCount_v2", &count);
    for (unsigned index = 0; index < count; ++index) {
        Device device = nullptr;
        if (nvml.call("nvmlDeviceGetHandleByIndex_v2", index, &device))
            report.devices.push_back(describe(nvml, device));
    }
    if (report.devices.empty())
        report.problem = fmt::format("the NVIDIA driver {} lists no GPU that this process may use", report.driver);
    return report;
}

} // namespace fulgurite
