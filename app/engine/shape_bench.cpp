// SPDX-License-Identifier: Apache-2.0
#include "app/engine/shape_bench.h"

#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/model/costs.h"
#include "core/model/shape_weights.h"
#include "core/state/device_call.h"
#include "kernels/comm/communicator.h"
#include "kernels/device_library.h"

#include <chrono>
#include <fmt/core.h>

namespace fulgurite::app {

namespace {

ModelConfig configOf(const ShapeBenchOptions& options) {
    ModelConfig config = ModelConfig::parse(readTextFile(options.config), options.config.string());
    if (options.layers.empty()) {
        return config;
    }
    config.layers.clear();
    for (const char kind : options.layers) {
        if (kind != 'L' && kind != 'S') {
            fail(ErrorKind::InvalidInput, "--layers {}: layers are L (lightning) and S (softmax), as in LLLLLLLS",
                 options.layers);
        }
        config.layers.push_back(kind == 'L' ? LayerKind::Lightning : LayerKind::Softmax);
    }
    return config;
}

std::string layersOf(const ModelConfig& config) {
    std::string text;
    for (const LayerKind kind : config.layers) {
        text += kind == LayerKind::Lightning ? 'L' : 'S';
    }
    return text;
}

// Rank 0 of ranks that are not there: what it computes takes as long without them.
class LoneRank final : public kernels::Communicator {
  public:
    explicit LoneRank(int size) : size_(size) {}

    int rank() const override { return 0; }
    int size() const override { return size_; }
    void allReduceSum(float*, std::size_t, kernels::Queue&) override {}
    void allReduceSumBf16(std::uint16_t*, std::size_t, kernels::Queue&) override {}
    void allGather(const void*, void*, std::size_t, kernels::Queue&) override {}
    void broadcast(void*, std::size_t, int, kernels::Queue&) override {}
    void barrier(kernels::Queue&) override {}
    void abort(const std::string&) noexcept override {}

  private:
    int size_;
};

std::unique_ptr<HybridModel> modelOf(const ShapeBenchOptions& options) {
    auto weights = shapeWeights(configOf(options), options.int8_experts);
    const kernels::OpTable& ops = kernels::bestCpuOps();
    if (options.plan.ranks == 1) {
        return std::make_unique<HybridModel>(std::move(weights), ops);
    }
    return std::make_unique<HybridModel>(std::move(weights), ops, options.plan,
                                         std::make_shared<LoneRank>(options.plan.ranks));
}

class ShapeBench {
  public:
    ShapeBench(const ShapeBenchOptions& options, kernels::ThreadPool& pool)
        : options_(options), pool_(pool), owned_(modelOf(options)), model_(*owned_) {
        model_.placeOn(options.device);
    }

    Json run() {
        const kernels::DeviceInfo device = options_.device->info();
        const ModelConfig& config = model_.config();
        Json result;
        result["device"] = {{"name", device.name},
                            {"library", kernels::cudaLibrary().description},
                            {"memory_bytes", device.memory_bytes}};
        result["shape"] = {{"layers", layersOf(config)},
                           {"hidden", config.hidden_size},
                           {"heads", config.num_heads},
                           {"kv_heads", config.num_kv_heads},
                           {"experts", config.num_experts},
                           {"top_k", config.top_k},
                           {"vocabulary", config.vocab_size},
                           {"intermediate", config.intermediate_size},
                           {"int8_experts", options_.int8_experts},
                           {"plan", options_.plan.text()}};
        if (whole()) {
            result["weight_bytes"] = weightBytes();
        }
        result["copy_bytes_per_second"] = copyBandwidth();
        for (const std::size_t context : options_.contexts) {
            result["contexts"].push_back(behind(context));
        }
        return result;
    }

  private:
    double weightBytes() const {
        const ModelWeights& weights = model_.weights();
        double bytes = storedBytes(weights.embedding) + storedBytes(weights.head);
        for (const LayerWeights& layer : weights.layers) {
            const LightningWeights& l = layer.lightning;
            const SoftmaxWeights& s = layer.softmax;
            for (const auto* matrix : {&l.qkv, &l.gate, &l.out, &s.q, &s.k, &s.v, &s.out, &layer.router}) {
                bytes += storedBytes(*matrix);
            }
            for (const ExpertWeights& expert : layer.experts) {
                bytes += storedBytes(expert.gate) + storedBytes(expert.up) + storedBytes(expert.down);
            }
        }
        return bytes;
    }

    // Read and written, of a copy larger than every cache.
    double copyBandwidth() const {
        const std::size_t bytes =
            std::min<std::size_t>(std::size_t{1} << 30, options_.device->info().free_bytes / 4);
        const kernels::FloatArray from(bytes / sizeof(float), options_.device, "a copy");
        kernels::FloatArray to(from.size(), options_.device, "a copy");
        std::vector<double> seconds;
        for (int repeat = 0; repeat < options_.repeats; ++repeat) {
            seconds.push_back(
                secondsOf([&] { options_.device->copyWithin(to.data(), from.data(), from.bytes()); }));
        }
        return 2.0 * static_cast<double>(from.bytes()) / median(seconds);
    }

    template <class Call>
    static double secondsOf(const Call& call) {
        const auto start = std::chrono::steady_clock::now();
        call();
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }

    // As if `context` tokens had been absorbed: what matters to speed is how many there are, not which.
    SequenceState stateBehind(std::size_t context) {
        SequenceState state = model_.newState();
        state.reserve(context);
        std::uint64_t seed = 0;
        const auto fill = [&](float* values, std::size_t count, float scale) {
            options_.device->randomise(values, DType::F32, count, scale, ++seed);
        };
        for (int layer = 0; layer < model_.config().layerCount(); ++layer) {
            if (model_.config().layers[static_cast<std::size_t>(layer)] == LayerKind::Lightning) {
                const std::span<float> matrices = state.lightning(layer);
                fill(matrices.data(), matrices.size(), 0.1f);
                continue;
            }
            for (std::size_t page = 0; page * kPageTokens < context; ++page) {
                KvPage& kv = state.page(layer, page);
                fill(kv.keys.data(), kv.keys.size(), 1.0f);
                fill(kv.values.data(), kv.values.size(), 1.0f);
            }
        }
        state.advance(context);
        return state;
    }

    void feed(SequenceState& state, std::span<const TokenId> tokens) {
        SequenceChunk chunk{&state, tokens, LogitsWanted::Last};
        logits_.clear();
        model_.forward({&chunk, 1}, pool_, workspace_, logits_);
    }

    Json behind(std::size_t context) {
        const SequenceState state = onDevice([&] { return stateBehind(context); });
        const double decode = decodeSeconds(state);
        const double prefill = prefillSeconds(state);
        Json row{{"context", context},
                 {"decode_seconds", decode},
                 {"prefill_tokens", options_.prompt},
                 {"prefill_seconds", prefill}};
        if (whole()) {
            row["decode_bytes"] = decodeBytes(model_.weights(), context).total();
            row["prefill_flops"] = productFlops(productsOf(model_.config(), options_.prompt, 1)) +
                                   attentionFlops(model_.config(), context, options_.prompt);
        }
        return row;
    }
    bool whole() const { return options_.plan.ranks == 1; }

    double decodeSeconds(const SequenceState& state) {
        constexpr std::size_t kWarmUp = 3; // the first steps are put together, later ones replayed
        SequenceState branch = state.fork();
        std::vector<double> seconds;
        for (const TokenId& token : spreadTokens(options_.decode + kWarmUp, model_.config().vocab_size)) {
            seconds.push_back(secondsOf([&] { feed(branch, {&token, 1}); }));
        }
        seconds.erase(seconds.begin(), seconds.begin() + kWarmUp);
        return median(seconds);
    }

    double prefillSeconds(const SequenceState& state) {
        const TokenIds tokens = spreadTokens(options_.prompt, model_.config().vocab_size);
        std::vector<double> seconds;
        for (int repeat = 0; repeat <= options_.repeats; ++repeat) {
            SequenceState branch = state.fork();
            seconds.push_back(secondsOf([&] { feed(branch, tokens); }));
        }
        seconds.erase(seconds.begin());
        return median(seconds);
    }

    const ShapeBenchOptions& options_;
    kernels::ThreadPool& pool_;
    std::unique_ptr<HybridModel> owned_;
    HybridModel& model_;
    Workspace workspace_;
    std::vector<float> logits_;
};

} // namespace

Json benchShape(const ShapeBenchOptions& options, kernels::ThreadPool& pool) {
    return onDevice([&] { return ShapeBench(options, pool).run(); });
}

void printShapeReport(const Json& report) {
    const Json& shape = report["shape"];
    fmt::print("device    {}, copies {:.2f} TB/s\n", report["device"]["name"].get<std::string>(),
               report["copy_bytes_per_second"].get<double>() / 1e12);
    fmt::print("shape     {}, experts {}{}\n", shape["layers"].get<std::string>(),
               shape["int8_experts"].get<bool>() ? "int8" : "bf16",
               report.contains("weight_bytes")
                   ? fmt::format(": {:.2f} GB of random weights", report["weight_bytes"].get<double>() / 1e9)
                   : fmt::format(": the first of {}, sums over them left out", shape["plan"].get<std::string>()));
    for (const Json& row : report["contexts"]) {
        const double decode = row["decode_seconds"].get<double>();
        const double prefill = row["prefill_seconds"].get<double>();
        fmt::print("context   {:>7}: decode {:.3f} ms a token; prefill of {} tokens {:.1f} ms\n",
                   row["context"].get<std::size_t>(), decode * 1e3, row["prefill_tokens"].get<std::size_t>(),
                   prefill * 1e3);
        if (row.contains("decode_bytes")) {
            fmt::print("          {:.2f} TB/s; {:.1f} TFLOP/s\n", row["decode_bytes"].get<double>() / decode / 1e12,
                       row["prefill_flops"].get<double>() / prefill / 1e12);
        }
    }
}

} // namespace fulgurite::app
