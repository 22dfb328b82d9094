// SPDX-License-Identifier: Apache-2.0
// The CUDA library's operations at the published M1 shapes, each beside its two floors: the bytes that it has to
// move at the copy bandwidth measured in the same run, and its operations at the best rate of products in the same
// run. What the GPU has no memory for is told and left out.
//   bench_gpu_kernels [--only products,decode,prefill,softmax,experts,ranks] [--longest TOKENS] [--repeats N]
//   [--json FILE]
#include "kernels/comm/device_ranks.h"
#include "kernels/device_library.h"
#include "tests/bench/gpu/m1_shapes.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace {

using namespace fulgurite::kernels;
using namespace fulgurite::bench;
using fulgurite::DType;

struct Options {
    std::size_t longest = std::size_t{1} << 20;
    int repeats = 5;
    std::string only;
    std::string json;
};

class Bench {
  public:
    explicit Bench(const Options& options)
        : device_(openCudaDevice(0)),
          stream_(device_->newQueue()),
          queue_(pool_, stream_.get()),
          ops_(device_->ops(Precision::Mixed)),
          options_(options) {}

    void run() {
        const DeviceInfo info = device_->info();
        std::printf("%s, %s; %d multiprocessors, %.1f GB\n\n", info.name.c_str(), cudaLibrary().description,
                    info.multiprocessors, static_cast<double>(info.memory_bytes) / 1e9);
        report_ = {{"device", info.name},
                   {"library", cudaLibrary().description},
                   {"multiprocessors", info.multiprocessors},
                   {"memory_bytes", info.memory_bytes},
                   {"rows", nlohmann::ordered_json::array()}};
        measureCeilings();
        section("products", [&] { products(); });
        section("decode", [&] { lightningDecode(); });
        section("prefill", [&] { lightningPrefill(); });
        section("softmax", [&] {
            softmaxDecode();
            softmaxPrefill();
        });
        section("experts", [&] {
            experts(DType::BF16);
            experts(DType::I8);
        });
        section("ranks", [&] { oneRank(); });
    }

  private:
    // What was asked for; one that finds no memory does not keep the others from running.
    void section(const std::string& name, const std::function<void()>& measure) {
        if (!options_.only.empty() && ("," + options_.only + ",").find("," + name + ",") == std::string::npos) {
            return;
        }
        const auto leaveOut = [&](const char* why) {
            std::printf("| the rest of %s was not measured: %s |\n", name.c_str(), why);
            report_["missing"][name] = why;
            drop();
        };
        try {
            measure();
        } catch (const CommError& error) {
            leaveOut(error.what());
        } catch (const DeviceError& error) {
            if (error.fault() != DeviceFault::OutOfMemory) {
                throw;
            }
            leaveOut(error.what());
        }
        save();
    }

    void save() const {
        if (!options_.json.empty()) {
            std::ofstream(options_.json) << report_.dump(1) << '\n';
        }
    }

    // The median of the repeats, each of as many calls as fill 20 ms.
    double seconds(const std::function<void()>& call) {
        call();
        stream_->wait();
        const auto timed = [&](int calls) {
            const auto start = std::chrono::steady_clock::now();
            for (int i = 0; i < calls; ++i) {
                call();
            }
            stream_->wait();
            return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / calls;
        };
        const int calls = std::clamp(static_cast<int>(0.02 / std::max(timed(1), 1e-7)), 1, 1000);
        std::vector<double> times;
        for (int i = 0; i < options_.repeats; ++i) {
            times.push_back(timed(calls));
        }
        std::sort(times.begin(), times.end());
        return times[times.size() / 2];
    }

    void* random(DType type, std::size_t count, float scale = 1.0f) {
        void* address = device_->allocate(count * sizeOf(type), "a benchmark");
        device_->randomise(address, type, count, scale, ++seed_);
        owned_.push_back(address);
        return address;
    }
    float* floats(std::size_t count, float scale = 1.0f) {
        return static_cast<float*>(random(DType::F32, count, scale));
    }
    void drop() {
        stream_->wait();
        for (void* address : owned_) {
            device_->release(address);
        }
        owned_.clear();
        stream_ = device_->newQueue(); // its scratch memory too
        queue_.~Queue();
        new (&queue_) Queue(pool_, stream_.get());
    }

    void row(const std::string& what, double time, double bytes, double flops) {
        report_["rows"].push_back({{"name", what}, {"seconds", time}, {"bytes", bytes}, {"flops", flops}});
        const double by_bytes = bytes / bandwidth_;
        const double by_flops = flops / rate_;
        std::printf("| %-46s | %10.2f us | %8.2f TB/s | %7.1f TFLOP/s | %10.2f us | %10.2f us | %.2f |\n",
                    what.c_str(), time * 1e6, bytes / time / 1e12, flops / time / 1e12, by_bytes * 1e6,
                    by_flops * 1e6, std::max(by_bytes, by_flops) / time);
    }

    void measureCeilings() {
        constexpr std::size_t kBytes = std::size_t{2} << 30;
        void* a = random(DType::F32, kBytes / 4);
        void* b = random(DType::F32, kBytes / 4);
        const double copy = seconds([&] { device_->copyWithin(b, a, kBytes); });
        bandwidth_ = 2.0 * kBytes / copy;
        drop();
        constexpr std::size_t kSide = 8192;
        const WeightMatrix w{random(DType::BF16, kSide * kSide), DType::BF16, kSide, kSide};
        const LinearTask square{floats(kSide * kSide), kSide, kSide, w, floats(kSide * kSide), kSide};
        const double product = seconds([&] { ops_.linear({&square, 1}, queue_); });
        rate_ = 2.0 * kSide * kSide * kSide / product;
        drop();
        report_["copy_bytes_per_second"] = bandwidth_;
        report_["product_flops_per_second"] = rate_;
        std::printf(
            "copy of 2 GiB: %.2f TB/s read and written; cuBLAS product of 8192^3 with bfloat16 factors, its input "
            "rounded in the same time: %.0f TFLOP/s\n\n",
            bandwidth_ / 1e12, rate_ / 1e12);
        std::printf("| %-46s | %13s | %13s | %15s | %13s | %13s | share of the higher floor |\n", "operation",
                    "time", "bytes", "operations", "floor: bytes", "floor: FLOPs");
        std::printf("| --- | --- | --- | --- | --- | --- | --- |\n");
    }

    void products() {
        for (const Product& s : kProjections) {
            const WeightMatrix w{random(DType::BF16, s.outputs * s.inputs), DType::BF16, s.outputs, s.inputs};
            for (const std::size_t rows : kRows) {
                const LinearTask task{floats(rows * s.inputs),  s.inputs, rows, w,
                                      floats(rows * s.outputs), s.outputs};
                const double bytes = 2.0 * static_cast<double>(s.outputs * s.inputs) +
                                     4.0 * static_cast<double>(rows * (s.inputs + s.outputs));
                row(rowName(s.name, rows), seconds([&] {
                        ops_.linear({&task, 1}, queue_);
                    }),
                    bytes, 2.0 * static_cast<double>(rows * s.outputs * s.inputs));
            }
            drop();
        }
    }

    // Decay rates as published, of the first layer.
    float* rates() {
        std::vector<float> values;
        for (std::size_t head = 0; head < kHeads; ++head) {
            values.push_back(std::exp2(-8.0f * static_cast<float>(head + 1) / static_cast<float>(kHeads)));
        }
        float* placed = floats(kHeads);
        device_->copyIn(placed, values.data(), values.size() * sizeof(float));
        return placed;
    }

    LightningParams lightning(std::size_t rows) {
        return {.qkv = floats(rows * 3 * kInner),
                .rows = rows,
                .heads = kHeads,
                .head_dim = kDim,
                .rates = rates(),
                .state = floats(kHeads * kDim * kDim, 0.01f),
                .out = floats(rows * kInner)};
    }

    void lightningDecode() {
        // 32 states in turn are more than the L2 holds.
        std::vector<LightningParams> sequences;
        for (int i = 0; i < 32; ++i) {
            sequences.push_back(lightning(1));
        }
        const double time = seconds([&] {
                                stream_->beginStep(); // as in a decode step: one launch for all of them
                                for (const LightningParams& p : sequences) {
                                    ops_.lightning_attention(p, queue_);
                                }
                                stream_->endStep();
                            }) /
                            static_cast<double>(sequences.size());
        row("lightning decode, one token of one layer", time, 4.0 * (2.0 * kHeads * kDim * kDim + 4.0 * kInner),
            5.0 * kHeads * kDim * kDim);
        drop();
    }

    // Texts too long for the memory go through in pieces, each with the state that the one before left.
    void lightningPrefill() {
        for (std::size_t rows = 1024; rows <= options_.longest; rows *= 4) {
            const double per_row = 4.0 * 4 * kInner;
            std::size_t piece = rows;
            while (piece > 1024 && per_row * static_cast<double>(piece) > 0.85 * freeBytes()) {
                piece /= 2;
            }
            const LightningParams p = lightning(piece);
            const auto all = [&] {
                for (std::size_t done = 0; done < rows; done += piece) {
                    ops_.lightning_attention(p, queue_);
                }
            };
            const double n = static_cast<double>(rows);
            row(rowName("lightning prefill", rows, "tokens"), seconds(all), per_row * n,
                n * kHeads * (2.0 * 64 * kDim + 4.0 * kDim * kDim));
            report_["rows"].back()["pieces"] = rows / piece;
            drop();
        }
    }
    double freeBytes() const { return static_cast<double>(device_->info().free_bytes); }

    struct Pages {
        std::vector<float*> keys;
        std::vector<float*> values;
    };
    Pages pages(std::size_t tokens) {
        Pages result;
        constexpr std::size_t kFloats = kKvHeads * kDim * kPageTokens;
        for (std::size_t t = 0; t < tokens; t += kPageTokens) {
            result.keys.push_back(floats(kFloats));
            result.values.push_back(floats(kFloats));
        }
        return result;
    }
    SoftmaxAttentionParams softmax(const Pages& pages, std::size_t first, std::size_t rows) {
        return {.q = floats(rows * kInner),
                .q_stride = kInner,
                .rows = rows,
                .heads = kHeads,
                .kv_heads = kKvHeads,
                .head_dim = kDim,
                .key_pages = pages.keys.data(),
                .value_pages = pages.values.data(),
                .first_position = first,
                .out = floats(rows * kInner)};
    }

    void softmaxDecode() {
        for (std::size_t context = 1024; context <= options_.longest; context *= 8) {
            const Pages all = pages(context);
            const SoftmaxAttentionParams p = softmax(all, context - 1, 1);
            const double c = static_cast<double>(context);
            row("softmax decode behind " + std::to_string(context) + " tokens",
                seconds([&] { ops_.softmax_attention(p, queue_); }), 4.0 * 2 * c * kKvHeads * kDim,
                4.0 * c * kInner);
            drop();
        }
    }

    void softmaxPrefill() {
        constexpr std::size_t kQueries = 1024;
        for (std::size_t context = 1024; context <= options_.longest; context *= 8) {
            const Pages all = pages(context);
            const SoftmaxAttentionParams p = softmax(all, context - kQueries, kQueries);
            const double seen = static_cast<double>(kQueries) * (static_cast<double>(context) - kQueries / 2.0);
            row("softmax prefill, 1024 tokens up to " + std::to_string(context),
                seconds([&] { ops_.softmax_attention(p, queue_); }),
                4.0 * (2.0 * static_cast<double>(context) * kKvHeads * kDim + 2.0 * kQueries * kInner),
                4.0 * seen * kInner);
            drop();
        }
    }

    void experts(DType type) {
        std::vector<ExpertMatrices> all;
        const auto matrix = [&](std::size_t rows, std::size_t cols) {
            WeightMatrix w{random(type, rows * cols), type, rows, cols};
            w.scales = type == DType::I8 ? floats(rows, 0.01f) : nullptr;
            return w;
        };
        for (std::size_t e = 0; e < kExperts; ++e) {
            all.push_back(
                {matrix(kIntermediate, kHidden), matrix(kIntermediate, kHidden), matrix(kHidden, kIntermediate)});
        }
        auto* table = static_cast<ExpertMatrices*>(random(DType::U8, all.size() * sizeof(ExpertMatrices)));
        device_->copyIn(table, all.data(), all.size() * sizeof(ExpertMatrices));
        const double weights = 3.0 * kIntermediate * kHidden * static_cast<double>(sizeOf(type));
        for (const std::size_t rows : kRows) {
            const std::size_t choices = rows * kTopK;
            std::vector<std::int32_t> ids(choices);
            for (std::size_t i = 0; i < choices; ++i) {
                ids[i] = static_cast<std::int32_t>(i % kExperts); // even, and no two the same in a row
            }
            auto* chosen = static_cast<std::int32_t*>(random(DType::I32, choices));
            device_->copyIn(chosen, ids.data(), choices * sizeof(std::int32_t));
            const ExpertsParams p{.x = floats(rows * kHidden),
                                  .rows = rows,
                                  .top_k = kTopK,
                                  .ids = chosen,
                                  .weights = floats(choices),
                                  .experts = table,
                                  .like = all[0],
                                  .first = 0,
                                  .count = kExperts,
                                  .out = floats(rows * kHidden)};
            row(rowName(type == DType::I8 ? "experts in int8" : "experts in bfloat16", rows),
                seconds([&] { ops_.experts(p, queue_); }),
                weights * static_cast<double>(std::min(choices, kExperts)) +
                    8.0 * static_cast<double>(rows * kHidden),
                6.0 * static_cast<double>(choices * kIntermediate * kHidden));
        }
        drop();
    }

    // What a sum over ranks costs before any link is involved: NCCL with one rank.
    void oneRank() {
        constexpr std::uint16_t kPort = 29519;
        device_->info(); // becomes this thread's
        const auto comm = joinCudaRanks({"a benchmark", 0, 1, 0, "127.0.0.1", kPort}, {"1", "none", "1 rank"});
        for (const std::size_t rows : {std::size_t{1}, std::size_t{2048}}) {
            float* data = floats(rows * kHidden);
            row(rowName("NCCL sum over one rank", rows),
                seconds([&] { comm->allReduceSum(data, rows * kHidden, queue_); }),
                8.0 * static_cast<double>(rows * kHidden), static_cast<double>(rows * kHidden));
        }
        drop();
    }

    ThreadPool pool_{1};
    std::shared_ptr<Device> device_;
    std::unique_ptr<DeviceQueue> stream_;
    Queue queue_;
    const OpTable& ops_;
    const Options& options_;
    nlohmann::ordered_json report_;
    std::uint64_t seed_ = 0;
    double bandwidth_ = 0;
    double rate_ = 0;
    std::vector<void*> owned_;
};

} // namespace

int main(int argc, char** argv) {
    Options options;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string option = argv[i];
        if (option == "--longest") {
            options.longest = std::strtoull(argv[i + 1], nullptr, 10);
        } else if (option == "--repeats") {
            options.repeats = std::max(std::atoi(argv[i + 1]), 1);
        } else if (option == "--only") {
            options.only = argv[i + 1];
        } else if (option == "--json") {
            options.json = argv[i + 1];
        }
    }
    try {
        Bench(options).run();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_gpu_kernels: %s\n", error.what());
        return 1;
    }
    return 0;
}
