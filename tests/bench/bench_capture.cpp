// SPDX-License-Identifier: Apache-2.0
// What a person waits for on the Inspect page, from a mapped capture: one query row of every head, the maps of a
// layer, the figures of every head. bench_capture CAPTURE.fcap, or bench_capture MODEL TOKENS FOLDER, which writes
// a capture with the model's shape and random numbers to FOLDER and removes it again.
#include "core/base/error.h"
#include "core/base/types.h"
#include "core/probe/capture/capture_file.h"
#include "core/probe/capture/capture_writer.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fmt/core.h>
#include <functional>
#include <random>
#include <thread>

namespace {

using namespace fulgurite;
using namespace fulgurite::capture;

double secondsOf(const std::function<void()>& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void report(const char* what, const std::function<void()>& work) {
    std::vector<double> seconds;
    for (int i = 0; i < 5; ++i) {
        seconds.push_back(secondsOf(work));
    }
    const double first = seconds.front();
    std::sort(seconds.begin(), seconds.end());
    fmt::print("{:<58} first {:8.1f} ms, median of 5 {:8.1f} ms\n", what, 1e3 * first, 1e3 * seconds[2]);
}

// Uniform numbers of a size that real projections have; the time does not depend on them.
std::vector<float> randomFloats(std::size_t count) {
    std::minstd_rand random(1);
    std::vector<float> values(count);
    for (float& value : values) {
        value = static_cast<float>(random()) / static_cast<float>(std::minstd_rand::max()) - 0.5f;
    }
    return values;
}

void writeSample(const std::filesystem::path& path, const ModelConfig& config, std::size_t tokens) {
    constexpr std::size_t kChunk = 256;
    CaptureInfo info;
    info.config = config;
    for (int layer = 0; layer < config.layerCount(); ++layer) {
        info.attention_layers.push_back(layer);
    }
    CaptureContents contents;
    contents.logprobs = false;
    const std::vector<CapturedToken> text(tokens);
    CaptureWriter writer(path, info, contents, text, {});
    const auto inner = static_cast<std::size_t>(config.num_heads * config.head_dim);
    const auto keys = static_cast<std::size_t>(config.num_kv_heads * config.head_dim);
    const std::vector<float> values = randomFloats(kChunk * 3 * inner);
    for (std::size_t first = 0; first < tokens; first += kChunk) {
        const std::size_t rows = std::min(kChunk, tokens - first);
        for (int layer = 0; layer < config.layerCount(); ++layer) {
            const bool softmax = config.layers[static_cast<std::size_t>(layer)] == LayerKind::Softmax;
            const std::size_t width = softmax ? inner + 2 * keys : 3 * inner;
            writer.projections(layer, first, std::span(values).first(rows * width), rows);
            writer.headOutputs(layer, first, std::span(values).first(rows * inner), rows);
        }
    }
    writer.finish();
}

void measure(const std::filesystem::path& path) {
    const auto capture = CaptureFile::open(path);
    const CaptureInfo& info = capture->info();
    fmt::print("{} tokens, {} layers with {} heads of {}, {:.2f} GB, {} threads\n", info.tokens,
               info.attention_layers.size(), info.config.num_heads, info.config.head_dim,
               static_cast<double>(info.bytes) * 1e-9, std::thread::hardware_concurrency());
    const std::size_t last = info.tokens - 1;
    report("open", [&] { CaptureFile::open(path); });
    report("one query row of every head", [&] { capture->rows(last); });
    report("one query row of one head", [&] { capture->row({info.attention_layers.front(), 0}, last); });
    report("figures of every head", [&] { capture->heads(last); });
    const std::size_t side = std::min<std::size_t>(info.tokens, 2048);
    for (const int layer : {info.attention_layers.front(), info.attention_layers.back()}) {
        const std::string kind =
            info.config.layers[static_cast<std::size_t>(layer)] == LayerKind::Softmax ? "softmax" : "lightning";
        for (const std::size_t first : {std::size_t{0}, info.tokens - side}) {
            report(fmt::format("all maps of a {} layer, tokens {} + {}", kind, first, side).c_str(), [&] {
                for (int head = 0; head < info.config.num_heads; ++head) {
                    capture->tile({layer, head}, {first, side, first, side, side, 1});
                }
            });
        }
        report(fmt::format("thumbnails of a {} layer over all tokens", kind).c_str(),
               [&] { capture->thumbnails(layer, 64); });
    }
}

} // namespace

int main(int argc, char** argv) {
    try {
        if (argc == 2) {
            measure(argv[1]);
            return EXIT_SUCCESS;
        }
        if (argc != 4) {
            fmt::print(stderr, "bench_capture CAPTURE.fcap | MODEL TOKENS FOLDER\n");
            return EXIT_FAILURE;
        }
        const std::filesystem::path path = std::filesystem::path(argv[3]) / "bench.fcap";
        const ModelConfig config = ModelConfig::load(argv[1]);
        const double seconds = secondsOf([&] { writeSample(path, config, std::stoul(argv[2])); });
        const auto bytes = static_cast<double>(std::filesystem::file_size(path));
        fmt::print("written and synced in {:.2f} s, {:.2f} GB/s\n", seconds, bytes / seconds * 1e-9);
        measure(path);
        std::filesystem::remove(path);
        return EXIT_SUCCESS;
    } catch (const Error& error) {
        fmt::print(stderr, "bench_capture: {}\n", error.what());
        return EXIT_FAILURE;
    }
}
