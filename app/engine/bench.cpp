// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine bench`: prefill and decode speed beside what this machine can reach, measured in the same run.
#include "app/engine/command.h"
#include "app/engine/device_option.h"
#include "app/engine/layer_bench.h"
#include "app/engine/machine_ceilings.h"
#include "app/engine/ranked_model.h"
#include "app/engine/shape_bench.h"
#include "core/base/elapsed.h"
#include "core/base/error.h"
#include "core/base/version.h"
#include "core/model/costs.h"
#include "core/model/hybrid_model.h"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

namespace fulgurite::app {

namespace {

struct BenchOptions {
    std::string model;
    std::size_t threads = 0;
    std::size_t prompt = 512;
    std::size_t decode = 32;
    int repeats = 5;
    bool json = false;
    std::string kernels = "best";
    std::vector<std::size_t> contexts;
    std::vector<std::size_t> layer_contexts;
    RankOptions ranks;
    std::string device;
    std::string shape; // instead of a model
    std::string layers;
    std::string experts;
};

double least(const std::vector<double>& values) {
    return *std::min_element(values.begin(), values.end());
}
double most(const std::vector<double>& values) {
    return *std::max_element(values.begin(), values.end());
}

class Bench {
  public:
    Bench(std::shared_ptr<const HybridModel> model, const BenchOptions& options)
        : model_(std::move(model)), options_(options), pool_(threadsOfRank(options.ranks, options.threads)) {}

    Json run() {
        Json result;
        const ModelConfig& config = model_->config();
        result["version"] = kVersion;
        result["model"] = {{"path", options_.model},
                           {"parameters", config.parameterCount()},
                           {"weight_bytes", model_->weights().checkpoint->bytes()}};
        result["machine"] = {
            {"threads", pool_.size()}, {"kernels", model_->kernelsName()}, {"ranks", model_->ranks()}};
        warmUp();
        addDecode(result);
        addPrefill(result);
        if (!options_.layer_contexts.empty()) {
            result["lightning_layer"] = benchLightningLayer(options_.model, model_->ops(), options_.layer_contexts,
                                                            options_.decode, options_.repeats, pool_);
        }
        if (!options_.contexts.empty()) {
            result["contexts"] = overContexts();
        }
        result["fork_seconds"] = fork();
        return result;
    }

  private:
    // One pass over everything: pages come in from the disk, experts included.
    void warmUp() {
        SequenceState state = model_->newState();
        feed(state, spreadTokens(std::min<std::size_t>(options_.prompt, 256), model_->config().vocab_size));
    }

    void feed(SequenceState& state, std::span<const TokenId> tokens, ForwardTap* tap = nullptr) {
        SequenceChunk chunk{&state, tokens, LogitsWanted::Last};
        logits_.clear();
        model_->forward({&chunk, 1}, pool_, workspace_, logits_, tap);
    }

    // Ceiling and engine take turns, and the ratio is the median over the pairs: the speed of shared machines
    // drifts.
    void addDecode(Json& result) {
        ReadBandwidth memory(pool_);
        SequenceState state = model_->newState();
        const TokenIds tokens = spreadTokens(options_.decode, model_->config().vocab_size);
        feed(state, std::span(tokens).first(1));
        const DecodeBytes bytes = decodeBytes(model_->weights(), tokens.size());
        std::vector<double> rates;
        std::vector<double> bandwidths;
        std::vector<double> ratios;
        for (int repeat = 0; repeat < options_.repeats; ++repeat) {
            bandwidths.push_back(memory.measure());
            const auto start = Clock::now();
            for (const TokenId& token : tokens) {
                feed(state, {&token, 1});
            }
            rates.push_back(static_cast<double>(tokens.size()) / secondsSince(start));
            ratios.push_back(rates.back() * bytes.total() / bandwidths.back());
        }
        const double flops =
            productFlops(productsOf(model_->config(), 1, 1)) + attentionFlops(model_->config(), tokens.size(), 1);
        result["bandwidth"] = {{"read_bytes_per_second", median(bandwidths)}};
        result["decode"] = {{"tokens_per_second", median(rates)},
                            {"bytes_per_token", bytes.total()},
                            {"weight_bytes_per_token", bytes.weights},
                            {"flops_per_token", flops},
                            {"bytes_per_second", median(rates) * bytes.total()},
                            {"bandwidth_ratio", median(ratios)},
                            {"bandwidth_ratio_range", {least(ratios), most(ratios)}}};
    }

    void addPrefill(Json& result) {
        const auto blas = OpenBlas::open();
        if (blas) {
            blas->setThreads(static_cast<int>(pool_.size()));
        }
        const TokenIds tokens = spreadTokens(options_.prompt, model_->config().vocab_size);
        const double n = static_cast<double>(tokens.size());
        const double flops = productFlops(productsOf(model_->config(), tokens.size(), 1)) +
                             attentionFlops(model_->config(), 0, tokens.size());
        std::vector<double> rates;
        std::vector<double> squares;
        std::vector<double> same;
        std::vector<double> ratios;
        for (int repeat = 0; repeat < options_.repeats; ++repeat) {
            SequenceState state = model_->newState();
            const auto start = Clock::now();
            feed(state, tokens);
            rates.push_back(n / secondsSince(start));
            if (blas) {
                constexpr std::size_t kSquare = 2048;
                squares.push_back(blas->measureRate({{kSquare, kSquare, kSquare, 1}}));
                same.push_back(blas->measureRate(sgemmShapes()));
                ratios.push_back(flops / n * rates.back() / std::max(squares.back(), same.back()));
            }
        }
        Json& out = result["prefill"];
        out = {{"tokens", tokens.size()},
               {"tokens_per_second", median(rates)},
               {"flops_per_token", flops / n},
               {"flops_per_second", flops / n * median(rates)},
               {"sgemm_ratio", nullptr}};
        if (!blas) {
            result["sgemm"] = {{"missing", "OpenBLAS is not installed (Debian: libopenblas0-pthread)"}};
            return;
        }
        result["sgemm"] = {{"library", blas->description()},
                           {"square_2048_flops_per_second", median(squares)},
                           {"same_shapes_flops_per_second", median(same)}};
        out["sgemm_ratio"] = median(ratios);
        out["sgemm_ratio_range"] = {least(ratios), most(ratios)};
    }

    std::vector<GemmShape> sgemmShapes() const {
        std::map<std::tuple<std::size_t, std::size_t, std::size_t>, double> counts;
        for (const ProductShape& p : productsOf(model_->config(), options_.prompt, 1)) {
            counts[{static_cast<std::size_t>(std::lround(std::max(1.0, p.m))), p.n, p.k}] += 1;
        }
        std::vector<GemmShape> shapes;
        for (const auto& [shape, count] : counts) {
            shapes.push_back({std::get<0>(shape), std::get<1>(shape), std::get<2>(shape), count});
        }
        return shapes;
    }

    // Decode speed with a long context behind it; the state of the lightning layers does not grow, keys and values
    // do.
    Json overContexts() {
        Json rows = Json::array();
        SequenceState state = model_->newState();
        for (const std::size_t context : options_.contexts) {
            while (state.position() < context) {
                const TokenIds more = spreadTokens(std::min<std::size_t>(512, context - state.position()),
                                                   model_->config().vocab_size);
                feed(state, more);
            }
            rows.push_back(decodeAt(state, context));
        }
        return rows;
    }

    // Times the layers of real decode steps behind the context.
    Json decodeAt(const SequenceState& state, std::size_t context) {
        SequenceState branch = state.fork();
        LayerClock clock(model_->config());
        std::vector<double> seconds;
        for (const TokenId& token : spreadTokens(options_.decode, model_->config().vocab_size)) {
            const auto start = Clock::now();
            feed(branch, {&token, 1}, &clock);
            seconds.push_back(secondsSince(start));
        }
        Json row{{"context", context}, {"seconds_per_token", median(seconds)}};
        for (const auto& [name, samples] : {std::pair{"lightning_layer_seconds", &clock.lightning},
                                            std::pair{"softmax_layer_seconds", &clock.softmax}}) {
            row[name] = samples->empty() ? Json(nullptr) : Json(median(*samples));
        }
        row["lightning_core_seconds"] = lightningCore(branch);
        return row;
    }

    // One token through the attention core of the first lightning layer, over and over on the state behind the
    // context: without the caches that the keys and values of a long context push the weights out of.
    Json lightningCore(SequenceState& state) {
        const ModelConfig& config = model_->config();
        const auto layer = std::find(config.layers.begin(), config.layers.end(), LayerKind::Lightning);
        if (layer == config.layers.end() || model_->device() != nullptr) { // its states are not the host's
            return nullptr;
        }
        const auto index = static_cast<int>(layer - config.layers.begin());
        const auto heads = static_cast<std::size_t>(state.shape().num_heads); // those that are here
        const auto dim = static_cast<std::size_t>(config.head_dim);
        const std::vector<float> qkv(heads * 3 * dim, 0.01f);
        std::vector<float> out(heads * dim);
        const auto& rates = model_->weights().layers[static_cast<std::size_t>(index)].lightning.decay_rates;
        kernels::Queue queue(pool_);
        std::vector<double> seconds;
        constexpr int kRuns = 1001;
        for (int run = 0; run < kRuns; ++run) {
            const auto start = Clock::now();
            model_->ops().lightning_attention({.qkv = qkv.data(),
                                               .rows = 1,
                                               .heads = heads,
                                               .head_dim = dim,
                                               .rates = rates.data(),
                                               .state = state.lightning(index).data(),
                                               .out = out.data()},
                                              queue);
            seconds.push_back(secondsSince(start));
        }
        return median(seconds);
    }

    double fork() {
        SequenceState state = model_->newState();
        feed(state, spreadTokens(options_.prompt, model_->config().vocab_size));
        std::vector<double> seconds;
        constexpr int kRuns = 51;
        for (int run = 0; run < kRuns; ++run) {
            const auto start = Clock::now();
            const SequenceState copy = state.fork();
            seconds.push_back(secondsSince(start));
        }
        return median(seconds);
    }

    std::shared_ptr<const HybridModel> model_;
    const BenchOptions& options_;
    kernels::ThreadPool pool_;
    Workspace workspace_;
    std::vector<float> logits_;
};

void printReport(const Json& r) {
    constexpr double kGiga = 1e9;
    fmt::print("model     {}: {:.2f} M parameters, {:.1f} MB of weights\n", r["model"]["path"].get<std::string>(),
               r["model"]["parameters"].get<double>() / 1e6, r["model"]["weight_bytes"].get<double>() / 1e6);
    const int ranks = r["machine"]["ranks"].get<int>();
    fmt::print("machine   {} threads{}, {} kernels, reads {:.2f} GB/s\n", r["machine"]["threads"].get<int>(),
               ranks == 1 ? "" : fmt::format(" in {} ranks", ranks), r["machine"]["kernels"].get<std::string>(),
               r["bandwidth"]["read_bytes_per_second"].get<double>() / kGiga);
    const Json& decode = r["decode"];
    fmt::print(
        "decode    {:.2f} tokens/s, {:.2f} MB and {:.3f} GFLOP each: {:.2f} GB/s, {:.2f} of the read bandwidth\n",
        decode["tokens_per_second"].get<double>(), decode["bytes_per_token"].get<double>() / 1e6,
        decode["flops_per_token"].get<double>() / kGiga, decode["bytes_per_second"].get<double>() / kGiga,
        decode["bandwidth_ratio"].get<double>());
    const Json& prefill = r["prefill"];
    fmt::print("prefill   {} tokens at {:.1f} tokens/s, {:.3f} GFLOP each: {:.1f} GFLOP/s\n",
               prefill["tokens"].get<int>(), prefill["tokens_per_second"].get<double>(),
               prefill["flops_per_token"].get<double>() / kGiga, prefill["flops_per_second"].get<double>() / kGiga);
    if (r["sgemm"].contains("missing")) {
        fmt::print("sgemm     {}\n", r["sgemm"]["missing"].get<std::string>());
    } else {
        fmt::print("sgemm     {:.1f} GFLOP/s square, {:.1f} on the model's shapes ({}): prefill reaches {:.2f} of "
                   "the better\n",
                   r["sgemm"]["square_2048_flops_per_second"].get<double>() / kGiga,
                   r["sgemm"]["same_shapes_flops_per_second"].get<double>() / kGiga,
                   r["sgemm"]["library"].get<std::string>(), prefill["sgemm_ratio"].get<double>());
    }
    fmt::print("fork      {:.3f} ms\n", r["fork_seconds"].get<double>() * 1e3);
    if (r.contains("lightning_layer")) {
        for (const Json& row : r["lightning_layer"]["contexts"]) {
            fmt::print("layer     {:>7}: one lightning layer {:.2f} us per token\n",
                       row["context"].get<std::size_t>(), row["seconds_per_token"].get<double>() * 1e6);
        }
        fmt::print("          the slowest over the fastest: {:.3f}\n",
                   r["lightning_layer"]["spread"].get<double>());
    }
    if (r.contains("contexts")) {
        for (const Json& row : r["contexts"]) {
            const auto micros = [&](const char* key) {
                return row[key].is_null() ? 0.0 : row[key].get<double>() * 1e6;
            };
            fmt::print(
                "context   {:>7}: {:.3f} ms per token; a lightning layer {:.1f} us (its core alone {:.2f}), a "
                "softmax layer {:.1f} us\n",
                row["context"].get<std::size_t>(), row["seconds_per_token"].get<double>() * 1e3,
                micros("lightning_layer_seconds"), micros("lightning_core_seconds"),
                micros("softmax_layer_seconds"));
        }
    }
}

const kernels::OpTable& kernelTable(const std::string& name) {
    if (name == "best") {
        return kernels::bestCpuOps();
    }
    const auto level = name == "avx2" ? kernels::CpuLevel::Avx2 : kernels::CpuLevel::Avx512;
    if (!kernels::isSupported(level)) {
        fail(ErrorKind::Unsupported, "this processor has no {}", kernels::nameOf(level));
    }
    return kernels::cpuOps(level);
}

void benchOfShape(const BenchOptions& options) {
    const auto device = deviceNamed(options.device);
    if (device == nullptr) {
        fail(ErrorKind::InvalidInput,
             "--shape measures on a GPU, where the weights are made: add --device cuda; for "
             "this processor write a checkpoint with convert --random");
    }
    kernels::ThreadPool pool(threadsOfRank(options.ranks, options.threads));
    const Json result = benchShape({.config = options.shape,
                                    .layers = options.layers,
                                    .int8_experts = options.experts == "int8",
                                    .plan = planOf(options.ranks),
                                    .device = device,
                                    .contexts = options.contexts,
                                    .prompt = options.prompt,
                                    .decode = options.decode,
                                    .repeats = options.repeats},
                                   pool);
    if (options.json) {
        fmt::print("{}\n", result.dump(2));
    } else {
        printShapeReport(result);
    }
}

void bench(const BenchOptions& options) {
    if (!options.shape.empty()) {
        benchOfShape(options);
        return;
    }
    if (options.model.empty()) {
        fail(ErrorKind::InvalidInput, "bench needs --model FOLDER, or --shape CONFIG.json on a GPU");
    }
    requireRising("--contexts", options.contexts);
    requireRising("--layer-contexts", options.layer_contexts);
    Bench bench(loadRanked({.folder = options.model,
                            .ops = kernelTable(options.kernels),
                            .ranks = options.ranks,
                            .device = options.device,
                            .threads = options.threads}),
                options);
    const Json result = bench.run();
    if (options.json) {
        fmt::print("{}\n", result.dump(2));
    } else {
        printReport(result);
    }
}

} // namespace

void addBench(CLI::App& app) {
    auto options = std::make_shared<BenchOptions>();
    CLI::App* command = app.add_subcommand("bench", "Measure prefill and decode beside this machine's ceilings");
    auto* model = command->add_option("--model", options->model, "Checkpoint folder");
    auto* shape =
        command
            ->add_option("--shape", options->shape,
                         "Instead of a model: config.json of a shape whose weights are made at random in the "
                         "GPU's memory; --contexts are then as if that many tokens had been read, and with "
                         "--ranks what the first of so many computes is timed")
            ->excludes(model);
    command
        ->add_option("--layers", options->layers,
                     "With --shape: its layers, L lightning and S softmax, as LLLLLLLS")
        ->needs(shape);
    command->add_option("--experts", options->experts, "With --shape: bf16 or int8")
        ->check(CLI::IsMember({"bf16", "int8"}))
        ->needs(shape);
    command->add_option("--prompt", options->prompt, "Tokens of the prefill")
        ->check(CLI::Range(1, 1 << 20))
        ->capture_default_str();
    command->add_option("--decode", options->decode, "Tokens decoded per repeat")
        ->check(CLI::Range(1, 1 << 20))
        ->capture_default_str();
    command->add_option("--repeats", options->repeats, "Repeats; medians are reported")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    command->add_option("--contexts", options->contexts, "Also decode behind these context lengths, ascending")
        ->delimiter(',');
    command
        ->add_option("--layer-contexts", options->layer_contexts,
                     "Also time one lightning layer alone behind these context lengths, ascending")
        ->delimiter(',');
    command->add_option("--threads", options->threads, "Threads; 0 is one per core")->capture_default_str();
    command->add_option("--kernels", options->kernels, "best, avx2 or avx512")
        ->check(CLI::IsMember({"best", "avx2", "avx512"}))
        ->capture_default_str();
    command->add_flag("--json", options->json, "Print JSON");
    addRankOptions(*command, options->ranks);
    addDeviceOption(*command, options->device);
    command->footer(
        "decode.bandwidth_ratio: bytes that a token must read, per second, over the measured read bandwidth.\n"
        "prefill.sgemm_ratio: operations per second over the best sgemm rate of OpenBLAS in the same run.\n\n"
        "Example:\n  fulgurite-engine bench --model ember --contexts 1024,16384 --layer-contexts 1024,262144 "
        "--json\n  fulgurite-engine bench --shape config.json --layers LLS --experts int8 --device cuda --contexts "
        "1024,131072");
    command->callback([options] { bench(*options); });
}

} // namespace fulgurite::app
