// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine doctor`: what this machine can do and what is missing, in plain words.
#include "app/engine/doctor.h"
#include "app/engine/command.h"
#include "app/engine/default_model.h"
#include "app/engine/machine_ceilings.h"
#include "core/base/error.h"
#include "core/base/gpu_devices.h"
#include "core/base/system_memory.h"
#include "core/base/version.h"
#include "core/model/hybrid_model.h"
#include "core/text/chat_template.h"
#include "core/text/tokenizer.h"
#include "kernels/device_library.h"

#include <cstdio>
#include <fmt/core.h>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <thread>

namespace fulgurite::app {

namespace {

std::string processorName() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        if (line.rfind("model name", 0) == 0) {
            const auto colon = line.find(": ");
            return colon == std::string::npos ? line : line.substr(colon + 2);
        }
    }
    return "unknown processor";
}

Finding processor() {
    const std::string who = fmt::format("{}, {} cores", processorName(), std::thread::hardware_concurrency());
    if (!kernels::isSupported(kernels::CpuLevel::Avx2)) {
        return {
            "processor", Verdict::Limited,
            who + ": no AVX2, so the scalar reference runs, correct and many times slower; any x86 processor since "
                  "2015 has AVX2"};
    }
    return {"processor", Verdict::Good, fmt::format("{}: {} kernels", who, kernels::bestCpuOps().name)};
}

Finding memory() {
    const std::size_t bytes = availableMemory();
    const std::string text = readableBytes(bytes) + " available";
    constexpr std::size_t kLittle = std::size_t{1} << 30;
    return bytes < kLittle ? Finding{"memory", Verdict::Limited,
                                     text + ": enough for the model that comes with the program only"}
                           : Finding{"memory", Verdict::Good, text};
}

Finding bandwidth() {
    kernels::ThreadPool pool;
    const double gigabytes = ReadBandwidth(pool).measure() / 1e9;
    return {
        "read bandwidth", Verdict::Good,
        fmt::format("{:.1f} GB/s measured now: a model with 1 GB of active weights decodes at most {:.0f} tokens/s",
                    gigabytes, gigabytes)};
}

Finding graphics() {
    const GpuReport gpus = readGpus();
    if (gpus.devices.empty()) {
        return {"GPU", Verdict::Limited, gpus.problem};
    }
    return {"GPU", Verdict::Good, fmt::format("{} x {}", gpus.devices.size(), gpus.devices.front().name)};
}

// What --device cuda would find.
Finding cuda() {
    try {
        const std::vector<kernels::DeviceInfo> devices = kernels::cudaDevices();
        std::string text = kernels::cudaLibrary().description;
        std::size_t usable = 0;
        for (const kernels::DeviceInfo& device : devices) {
            usable += device.unusable.empty() ? 1 : 0;
            text += fmt::format("; cuda:{} {}, {} free{}{}", device.index, device.name,
                                readableBytes(device.free_bytes),
                                device.unusable.empty() ? "" : ": cannot be used, ", device.unusable);
        }
        return {"CUDA", usable > 0 ? Verdict::Good : Verdict::Limited,
                devices.empty() ? text + "; the driver sees no device" : text};
    } catch (const kernels::DeviceError& error) {
        return {"CUDA", Verdict::Limited, error.what()};
    }
}

Finding blas() {
    const auto library = OpenBlas::open();
    return library
               ? Finding{"OpenBLAS", Verdict::Good,
                         library->description() + " (used by `bench` as a yardstick only)"}
               : Finding{
                     "OpenBLAS", Verdict::Limited,
                     "not installed: `bench` cannot print its sgemm ratio; Debian package libopenblas0-pthread"};
}

Finding model(const std::string& option) {
    try {
        const auto folder = findModel(option);
        const auto loaded = HybridModel::load(folder);
        const ModelConfig& config = loaded->config();
        const auto tokenizer = Tokenizer::load(folder);
        if (tokenizer->size() > static_cast<std::size_t>(config.vocab_size)) {
            return {"model", Verdict::Bad,
                    fmt::format("{}: the tokenizer has {} tokens, the model only {}", folder.string(),
                                tokenizer->size(), config.vocab_size)};
        }
        ChatTemplate::load(folder);
        return {"model", Verdict::Good,
                fmt::format(
                    "{}: {:.1f} M parameters, {} lightning and {} softmax layers, tokenizer and chat template load",
                    folder.string(), static_cast<double>(config.parameterCount()) / 1e6,
                    config.lightningLayerCount(), config.softmaxLayerCount())};
    } catch (const Error& error) {
        return {"model", Verdict::Bad, error.what()};
    }
}

std::vector<Finding> examineMachine(const std::string& model_option) {
    return {processor(), memory(), bandwidth(), graphics(), cuda(), openFiles(), blas(), model(model_option)};
}

const char* wordOf(Verdict verdict) {
    return verdict == Verdict::Good ? "ok" : verdict == Verdict::Limited ? "limited" : "missing";
}

void print(const std::vector<Finding>& findings, bool json) {
    if (json) {
        nlohmann::ordered_json report{{"version", kVersion}, {"findings", nlohmann::ordered_json::array()}};
        for (const Finding& f : findings) {
            report["findings"].push_back(
                {{"subject", f.subject}, {"verdict", wordOf(f.verdict)}, {"text", f.text}});
        }
        fmt::print("{}\n", report.dump(2));
        return;
    }
    fmt::print("fulgurite-engine {}\n", kVersion);
    for (const Finding& f : findings) {
        fmt::print("{:<8} {:<15} {}\n", wordOf(f.verdict), f.subject, f.text);
    }
}

} // namespace

Finding openFiles() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const std::string text = fmt::format("{} open files allowed", static_cast<unsigned long long>(limit.rlim_cur));
    constexpr rlim_t kComfortable = 4096;
    return limit.rlim_cur >= kComfortable
               ? Finding{"connections", Verdict::Good, text}
               : Finding{"connections", Verdict::Limited,
                         text + ": `serve` can hold about that many connections; raise it with `ulimit -n 65536`"};
}

void addDoctor(CLI::App& app) {
    struct Options {
        std::string model;
        ClusterQuestion cluster;
        bool for_cluster = false;
        bool json = false;
    };
    auto options = std::make_shared<Options>();
    CLI::App* command = app.add_subcommand("doctor", "Say what this machine can do and what is missing");
    command->add_option(
        "--model", options->model,
        "Checkpoint folder to examine; otherwise the default model. With --cluster a config.json is enough");
    command->add_flag("--cluster", options->for_cluster,
                      "Say whether a big model fits on this server's GPUs, before anything is loaded");
    command->add_option("--gpus", options->cluster.gpus, "With --cluster: as if there were so many GPUs in all")
        ->check(CLI::Range(1, 1024));
    command
        ->add_option("--gpu-memory", options->cluster.gigabytes,
                     "With --cluster: as if each GPU had so many GB (10^9 bytes)")
        ->check(CLI::PositiveNumber);
    command->add_flag("--json", options->json, "Print JSON");
    command->footer("Examples:\n  fulgurite-engine doctor --model ~/models/MiniMax-M1\n"
                    "  fulgurite-engine doctor --cluster --model MiniMax-M1/config.json --gpus 8 --gpu-memory 80");
    command->callback([options] {
        print(options->for_cluster ? examineCluster(options->model, options->cluster)
                                   : examineMachine(options->model),
              options->json);
    });
}

} // namespace fulgurite::app
