// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine doctor --cluster`: driver, links, limits and memory against a model, before anything is loaded.
#include "app/engine/default_model.h"
#include "app/engine/doctor.h"
#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/base/gpu_devices.h"
#include "core/base/system_memory.h"
#include "core/checkpoint/footprint.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fmt/core.h>
#include <fstream>
#include <sys/resource.h>
#include <sys/statvfs.h>

namespace fulgurite::app {
namespace {

namespace fs = std::filesystem;

// Of a GPU's memory: activations, workspaces and the driver's own take the rest.
constexpr double kUsable = 0.9;

std::string gigabytes(double bytes) {
    return bytes < 0.1e9    ? fmt::format("{:.1f} MB", bytes / 1e6)
           : bytes < 9.95e9 ? fmt::format("{:.1f} GB", bytes / 1e9)
                            : fmt::format("{:.0f} GB", bytes / 1e9);
}

// The fewest devices that hold the weights and that the heads can be split over.
int devicesFor(const ModelConfig& config, WeightForm form, double bytes) {
    int devices = static_cast<int>(std::ceil(footprintOf(config, form).weights / bytes));
    while (devices < config.num_heads && config.num_heads % devices != 0)
        ++devices;
    return devices;
}

ModelConfig configOf(const std::string& model) {
    const fs::path path = model.empty() ? findModel(model) : fs::path(model);
    if (fs::is_directory(path))
        return ModelConfig::load(path);
    if (!fs::exists(path))
        fail(ErrorKind::NotFound,
             "{}: there is no such folder or file; --model takes a folder with config.json, or that file", model);
    return ModelConfig::parse(readTextFile(path), path.string());
}

Finding modelSize(const ModelConfig& config) {
    const Footprint whole = footprintOf(config, WeightForm::Bfloat16);
    const Footprint small = footprintOf(config, WeightForm::Int8Experts);
    const double count = static_cast<double>(config.parameterCount());
    return {"model", Verdict::Good,
            fmt::format("{} parameters: {} in bfloat16, {} with int8 experts; {} of keys and values per million "
                        "tokens, {:.4g} MiB of state per sequence",
                        count < 1e9 ? fmt::format("{:.1f} M", count / 1e6) : fmt::format("{:.1f} G", count / 1e9),
                        gigabytes(whole.weights), gigabytes(small.weights), gigabytes(whole.kv_per_token * 1e6),
                        whole.state_per_sequence / (1 << 20))};
}

Finding driver(const GpuReport& report) {
    if (report.driver.empty())
        return {"driver", Verdict::Bad, report.problem};
    return {"driver", Verdict::Good, "NVIDIA " + report.driver};
}

Finding devices(const GpuReport& report) {
    if (report.devices.empty())
        return {"GPUs", Verdict::Bad, "none; --gpus and --gpu-memory answer for another server"};
    const GpuDevice& first = report.devices.front();
    const bool alike = std::all_of(report.devices.begin(), report.devices.end(), [&](const GpuDevice& each) {
        return each.name == first.name && each.memory_total == first.memory_total;
    });
    std::uint64_t used = 0;
    for (const GpuDevice& each : report.devices)
        used = std::max(used, each.memory_used);
    std::string text =
        fmt::format("{} x {}, {} each, compute capability {}.{}", report.devices.size(), first.name,
                    gigabytes(static_cast<double>(first.memory_total)), first.compute_major, first.compute_minor);
    if (!alike)
        return {"GPUs", Verdict::Limited, text + "; they differ, and the smallest decides"};
    constexpr double kBusy = 0.05;
    if (static_cast<double>(used) > kBusy * static_cast<double>(first.memory_total))
        return {"GPUs", Verdict::Limited,
                fmt::format("{}; up to {} of it is in use already", text, gigabytes(static_cast<double>(used)))};
    return {"GPUs", Verdict::Good, text};
}

Finding nvlinks(const GpuReport& report) {
    if (report.devices.size() < 2)
        return {"NVLink", Verdict::Good, "fewer than two GPUs: nothing to join"};
    int fewest = report.devices.front().nvlinks;
    for (const GpuDevice& each : report.devices)
        fewest = std::min(fewest, each.nvlinks);
    if (fewest > 0)
        return {"NVLink", Verdict::Good, fmt::format("at least {} active links on every GPU", fewest)};
    return {"NVLink", Verdict::Limited,
            "a GPU has no active link: sums between GPUs go over PCIe, many times slower"};
}

// The ports under /sys/class/infiniband, "mlx5_0 port 1: ACTIVE, 400 Gb/sec (4X NDR)".
Finding infiniband() {
    const auto line = [](const fs::path& file) {
        std::string text;
        std::ifstream stream(file);
        std::getline(stream, text);
        return text;
    };
    std::error_code none;
    int active = 0;
    int all = 0;
    std::string rate;
    for (const auto& device : fs::directory_iterator("/sys/class/infiniband", none)) {
        for (const auto& port : fs::directory_iterator(device.path() / "ports", none)) {
            ++all;
            if (line(port.path() / "state").find("ACTIVE") == std::string::npos)
                continue;
            ++active;
            rate = line(port.path() / "rate");
        }
    }
    if (active > 0)
        return {"InfiniBand", Verdict::Good, fmt::format("{} of {} ports active, {}", active, all, rate)};
    return {"InfiniBand", Verdict::Limited,
            all > 0 ? fmt::format("{} ports, none active", all)
                    : "no ports: a model over several servers would talk over Ethernet"};
}

Finding sharedMemory() {
    struct statvfs shm {};
    if (::statvfs("/dev/shm", &shm) != 0)
        return {"shared memory", Verdict::Bad,
                "/dev/shm is not there: processes on one server cannot exchange data"};
    const double bytes = static_cast<double>(shm.f_blocks) * static_cast<double>(shm.f_frsize);
    constexpr double kEnough = 1e9;
    return bytes >= kEnough ? Finding{"shared memory", Verdict::Good, "/dev/shm has " + gigabytes(bytes)}
                            : Finding{"shared memory", Verdict::Limited,
                                      fmt::format("/dev/shm has only {}: start the container with --shm-size=16g",
                                                  gigabytes(bytes))};
}

Finding lockedMemory() {
    rlimit limit{};
    ::getrlimit(RLIMIT_MEMLOCK, &limit);
    if (limit.rlim_cur == RLIM_INFINITY)
        return {"locked memory", Verdict::Good, "unlimited"};
    return {"locked memory", Verdict::Limited,
            fmt::format("{}: transfers over InfiniBand pin memory; LimitMEMLOCK=infinity, or --ulimit memlock=-1",
                        readableBytes(limit.rlim_cur))};
}

Finding fit(const ModelConfig& config, WeightForm form, int gpus, double bytes) {
    const std::string subject = form == WeightForm::Bfloat16 ? "fit, bfloat16" : "fit, int8";
    const DeviceShare share = deviceShare(config, form, gpus);
    const double context = longestContext(share, bytes * kUsable);
    const std::string where =
        fmt::format("on {} x {}: {} of weights on each", gpus, gigabytes(bytes), gigabytes(share.weights));
    if (config.num_heads % gpus != 0)
        return {subject, Verdict::Bad,
                fmt::format("{} heads cannot be split over {} GPUs", config.num_heads, gpus)};
    if (context >= static_cast<double>(std::max<std::int64_t>(config.max_positions, 1)))
        return {subject, Verdict::Good,
                fmt::format("{}, room for {:.2f} M tokens of context", where, context / 1e6)};
    if (context > 0)
        return {subject, Verdict::Limited,
                fmt::format("{}, room for {:.2f} M tokens of context where the model knows {:.2f} M", where,
                            context / 1e6, static_cast<double>(config.max_positions) / 1e6)};
    return {subject, Verdict::Bad,
            fmt::format("{}: too large; {} such GPUs hold the weights", where,
                        devicesFor(config, form, bytes * kUsable))};
}

} // namespace

std::vector<Finding> examineCluster(const std::string& model, const ClusterQuestion& question) {
    const ModelConfig config = configOf(model);
    const GpuReport report = readGpus();
    std::vector<Finding> findings{modelSize(config), driver(report), devices(report), nvlinks(report),
                                  infiniband(),      sharedMemory(), lockedMemory(),  openFiles()};
    double smallest = 0;
    for (const GpuDevice& each : report.devices) {
        const auto bytes = static_cast<double>(each.memory_total);
        smallest = smallest == 0 ? bytes : std::min(smallest, bytes);
    }
    const int gpus = question.gpus > 0 ? question.gpus : static_cast<int>(report.devices.size());
    const double bytes = question.gigabytes > 0 ? question.gigabytes * 1e9 : smallest;
    if (gpus == 0 || bytes == 0) {
        findings.push_back({"fit", Verdict::Bad, "no GPU to fit it on: ask with --gpus 8 --gpu-memory 80"});
        return findings;
    }
    findings.push_back(fit(config, WeightForm::Bfloat16, gpus, bytes));
    findings.push_back(fit(config, WeightForm::Int8Experts, gpus, bytes));
    return findings;
}

} // namespace fulgurite::app
