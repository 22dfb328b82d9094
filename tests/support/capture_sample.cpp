// SPDX-License-Identifier: Apache-2.0
#include "tests/support/capture_sample.h"

#include "core/probe/capture/figures.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace fulgurite::test {

namespace {

std::vector<float> randomFloats(std::mt19937& random, std::size_t count) {
    std::normal_distribution<float> normal;
    std::vector<float> values(count);
    std::generate(values.begin(), values.end(), [&] { return normal(random); });
    return values;
}

ModelConfig configOf(const CaptureSampleOptions& options) {
    ModelConfig config;
    config.architecture = "MiniMaxM1ForCausalLM";
    config.layers = options.layers;
    config.hidden_size = 24;
    config.intermediate_size = 16;
    config.vocab_size = 50;
    config.num_heads = options.heads;
    config.num_kv_heads = options.kv_heads;
    config.head_dim = options.head_dim;
    config.rotary_dim = options.head_dim / 2;
    config.num_experts = 5;
    config.top_k = 2;
    config.rope_theta = 1e4;
    config.max_positions = 1 << 20;
    return config;
}

} // namespace

CaptureSample::CaptureSample(const CaptureSampleOptions& options) : options_(options) {
    info_.created = "2026-11-24T20:00:00Z";
    info_.engine = "0.1.0";
    info_.model = "sample \"quoted\"";
    info_.model_hash = "aa";
    info_.tokens_hash = "bb";
    info_.settings = R"({"plan": "all"})";
    info_.config = configOf(options);
    info_.tokens = options.tokens;
    info_.positions = options.positions;
    for (std::size_t t = options.tokens - std::min<std::size_t>(8, options.tokens);
         options.positions.empty() && t < options.tokens; ++t) {
        info_.positions.push_back(t);
    }
    info_.attention_layers = options.attention_layers;
    info_.attention_heads = options.attention_heads;
    info_.routing = options.routing;
    info_.heads = options.head_figures;
    info_.lens = options.lens;
    if (options.tokens > 4) {
        info_.fact.emplace(1, 3);
    }
    contents_.every_output = options.every_output;
    contents_.logprobs = options.logprobs;
    contents_.lens_candidates = 3;
    projections_.resize(options.layers.size());
    outputs_.resize(options.layers.size());
    fillTokens();
    for (const int layer : options.attention_layers) {
        options.layers[index(layer)] == LayerKind::Lightning ? fillLightning(layer) : fillSoftmax(layer);
    }
    fillRouting();
    fillFigures();
}

void CaptureSample::fillTokens() {
    for (int id = 0; id < info_.config.vocab_size - 1; ++id) {              // the last id has no text
        vocabulary_.push_back(id == 7 ? "\xC3" : "t" + std::to_string(id)); // 7: half a character
    }
    std::mt19937 random(options_.seed);
    for (std::size_t i = 0; i < options_.tokens; ++i) {
        capture::CapturedToken token;
        token.id = static_cast<TokenId>(random() % static_cast<unsigned>(info_.config.vocab_size));
        token.text = token.id < 49 ? vocabulary_[index(token.id)] : "";
        token.special = i % 10 == 0;
        token.sampled = i > options_.tokens / 2;
        token.logprob = options_.logprobs ? -static_cast<float>(i) / 7 : std::nanf("");
        tokens_.push_back(std::move(token));
    }
}

void CaptureSample::fillLightning(int layer) {
    const auto heads = static_cast<std::size_t>(options_.heads);
    const auto dim = static_cast<std::size_t>(options_.head_dim);
    std::mt19937 random(options_.seed + 100 + static_cast<unsigned>(layer));
    projections_[index(layer)] = randomFloats(random, options_.tokens * heads * 3 * dim);
    outputs_[index(layer)].resize(options_.tokens * heads * dim);
    const std::vector<float> rates = decayRates(info_.config, layer);
    for (std::size_t h = 0; h < heads; ++h) {
        const double decay = std::exp(-static_cast<double>(rates[h]));
        std::vector<double> state(dim * dim);
        for (std::size_t t = 0; t < options_.tokens; ++t) {
            const float* q = projections_[index(layer)].data() + (t * heads + h) * 3 * dim;
            float* out = outputs_[index(layer)].data() + (t * heads + h) * dim;
            std::vector<double> sum(dim);
            for (std::size_t a = 0; a < dim; ++a) {
                for (std::size_t b = 0; b < dim; ++b) {
                    double& s = state[a * dim + b];
                    s = decay * s + static_cast<double>(q[dim + a]) * q[2 * dim + b];
                    sum[b] += q[a] * s;
                }
            }
            std::copy(sum.begin(), sum.end(), out);
        }
    }
}

void CaptureSample::fillSoftmax(int layer) {
    const auto heads = static_cast<std::size_t>(options_.heads);
    const auto keys = static_cast<std::size_t>(options_.kv_heads);
    const auto dim = static_cast<std::size_t>(options_.head_dim);
    const std::size_t width = (heads + 2 * keys) * dim;
    std::mt19937 random(options_.seed + 100 + static_cast<unsigned>(layer));
    projections_[index(layer)] = randomFloats(random, options_.tokens * width);
    outputs_[index(layer)].resize(options_.tokens * heads * dim);
    const float* all = projections_[index(layer)].data();
    for (std::size_t t = 0; t < options_.tokens; ++t) {
        for (std::size_t h = 0; h < heads; ++h) {
            const std::size_t key = (heads + h / (heads / keys)) * dim;
            std::vector<double> sum(dim);
            double total = 0;
            for (std::size_t j = 0; j <= t; ++j) {
                double score = 0;
                for (std::size_t d = 0; d < dim; ++d) {
                    score += static_cast<double>(all[t * width + h * dim + d]) * all[j * width + key + d];
                }
                const double e = std::exp(score / std::sqrt(static_cast<double>(dim)));
                total += e;
                for (std::size_t d = 0; d < dim; ++d) {
                    sum[d] += e * all[j * width + key + keys * dim + d];
                }
            }
            for (std::size_t d = 0; d < dim; ++d) {
                outputs_[index(layer)][(t * heads + h) * dim + d] = static_cast<float>(sum[d] / total);
            }
        }
    }
}

void CaptureSample::fillRouting() {
    const std::size_t layers = options_.layers.size();
    std::mt19937 random(options_.seed + 7);
    routing_.count = options_.tokens;
    routing_.layers = static_cast<int>(layers);
    routing_.top_k = 2;
    for (std::size_t i = 0; i < options_.tokens * layers; ++i) {
        const auto first = static_cast<std::int16_t>(random() % 5);
        routing_.experts.insert(routing_.experts.end(), {first, static_cast<std::int16_t>((first + 1) % 5)});
        routing_.weights.insert(routing_.weights.end(), {0.75f, 0.25f});
        routing_.margin.push_back(static_cast<float>(random() % 100) / 100);
    }
}

void CaptureSample::fillFigures() {
    const capture::DecayMap decay = capture::decayMap(info_.config);
    std::mt19937 random(options_.seed + 9);
    for (const std::size_t position : info_.positions) {
        capture::HeadTable table{position, static_cast<TokenId>(position % 50), {}};
        for (int i = 0; i < static_cast<int>(options_.layers.size()) * options_.heads; ++i) {
            const capture::HeadRef ref{i / options_.heads, i % options_.heads};
            table.heads.push_back(capture::emptyFigures(ref, options_.layers[index(ref.layer)], decay.rate(ref)));
            for (const capture::FigureField& field : capture::figureFields()) {
                if (std::find(contents_.figures.begin(), contents_.figures.end(), field.name) !=
                    contents_.figures.end()) {
                    table.heads.back().*field.value = static_cast<float>(random() % 1000) / 100;
                }
            }
        }
        heads_.push_back(std::move(table));
        capture::LensView lens{position, {}};
        for (int layer = 0; layer <= static_cast<int>(options_.layers.size()); ++layer) {
            capture::LensLayer entry{layer, {}, 1 + static_cast<int>(random() % 50), 0.5f};
            for (int c = 0; c < contents_.lens_candidates; ++c) {
                const auto id = static_cast<TokenId>(random() % 49);
                entry.candidates.push_back({id, -static_cast<float>(c), vocabulary_[index(id)]});
            }
            lens.layers.push_back(std::move(entry));
        }
        lens_.push_back(std::move(lens));
    }
}

std::vector<float> CaptureSample::vectorOf(char array, capture::HeadRef head, std::size_t token) const {
    const auto heads = static_cast<std::size_t>(options_.heads);
    const auto keys = static_cast<std::size_t>(options_.kv_heads);
    const auto dim = static_cast<std::size_t>(options_.head_dim);
    const auto h = index(head.head);
    std::size_t width = 3 * heads * dim;
    std::size_t begin = (3 * h + (array == 'q' ? 0u : array == 'k' ? 1u : 2u)) * dim;
    if (options_.layers[index(head.layer)] == LayerKind::Softmax) {
        const std::size_t key = h / (heads / keys);
        width = (heads + 2 * keys) * dim;
        begin = (array == 'q' ? h : array == 'k' ? heads + key : heads + keys + key) * dim;
    }
    const float* first = projections(head.layer).data() + token * width + begin;
    return {first, first + dim};
}

void CaptureSample::writeInto(capture::CaptureWriter& writer) const {
    const std::size_t layers = options_.layers.size();
    const auto part = [&](const auto& all, std::size_t first, std::size_t rows) {
        const std::size_t width = all.size() / options_.tokens;
        return std::span(all).subspan(first * width, rows * width);
    };
    for (std::size_t first = 0; first < options_.tokens; first += options_.chunk) {
        const std::size_t rows = std::min(options_.chunk, options_.tokens - first);
        for (std::size_t layer = 0; layer < layers; ++layer) {
            const int l = static_cast<int>(layer);
            if (!projections(l).empty()) {
                writer.projections(l, first, part(projections(l), first, rows), rows);
                writer.headOutputs(l, first, part(outputs(l), first, rows), rows);
            }
            std::vector<std::int32_t> experts;
            std::vector<float> weights;
            std::vector<float> margin;
            for (std::size_t t = first; t < first + rows; ++t) {
                const std::size_t place = t * layers + layer;
                experts.insert(experts.end(), {routing_.experts[2 * place], routing_.experts[2 * place + 1]});
                weights.insert(weights.end(), {routing_.weights[2 * place], routing_.weights[2 * place + 1]});
                margin.push_back(routing_.margin[place]);
            }
            writer.routing(l, first, experts, weights, margin, rows);
        }
        std::vector<float> logprobs;
        for (std::size_t t = first; t < first + rows; ++t) {
            logprobs.push_back(tokens_[t].logprob);
        }
        writer.logprobs(first, logprobs);
    }
    for (std::size_t i = 0; i < heads_.size(); ++i) {
        writer.heads(heads_[i]);
        writer.lens(lens_[i]);
    }
}

std::shared_ptr<const capture::CaptureFile> CaptureSample::write(const std::filesystem::path& path) const {
    capture::CaptureWriter writer(path, info_, contents_, tokens_, vocabulary_);
    writeInto(writer);
    writer.finish();
    return capture::CaptureFile::open(path);
}

} // namespace fulgurite::test
