// SPDX-License-Identifier: Apache-2.0
#include "core/checkpoint/model_config.h"

#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/checkpoint/config_reader.h"

#include <algorithm>
#include <cmath>

namespace fulgurite {

namespace {

constexpr const char* kText01 = "MiniMaxText01ForCausalLM";
constexpr const char* kM1 = "MiniMaxM1ForCausalLM";
constexpr const char* kTransformers = "MiniMaxForCausalLM";

// Which of the three spellings a config uses. `architectures` decides; `model_type` alone is enough.
std::string architectureOf(const ConfigReader& reader) {
    const std::string type = reader.text("model_type", "");
    const std::string architecture = reader.firstOf("architectures");
    for (const char* known : {kText01, kM1, kTransformers}) {
        if (architecture == known) {
            return known;
        }
    }
    if (architecture.empty()) {
        if (type == "minimax_m1" || type == "MiniMaxM1") {
            return kM1;
        }
        if (type == "minimax_text_01" || type == "MiniMaxText01") {
            return kText01;
        }
        if (type == "minimax") {
            return kTransformers;
        }
    }
    fail(ErrorKind::Unsupported,
         "{}: architecture \"{}\" (model_type \"{}\") is not one of {}, {}, {}: only MiniMax-Text-01, MiniMax-M1 "
         "and the "
         "transformers minimax model can be run",
         reader.name(), architecture, type, kText01, kM1, kTransformers);
}

LayerKind kindFromInteger(const ConfigReader& reader, const std::string& field, std::int64_t value,
                          std::size_t index) {
    if (value != 0 && value != 1) {
        fail(ErrorKind::Unsupported, "{}: {}[{}] is {}; known layer types are 0 (lightning) and 1 (softmax)",
             reader.name(), field, index, value);
    }
    return value == 0 ? LayerKind::Lightning : LayerKind::Softmax;
}

LayerKind kindFromName(const ConfigReader& reader, const std::string& value, std::size_t index) {
    if (value != "linear_attention" && value != "full_attention") {
        fail(ErrorKind::Unsupported,
             "{}: layer_types[{}] is \"{}\"; known layer types are \"linear_attention\" and \"full_attention\"",
             reader.name(), index, value);
    }
    return value == "linear_attention" ? LayerKind::Lightning : LayerKind::Softmax;
}

// attn_type_list, else decoder_attention_types, else layer_types, else the default of the spelling.
std::vector<LayerKind> layerKinds(const ConfigReader& reader, std::size_t layers, bool transformers) {
    std::vector<LayerKind> kinds;
    std::string field;
    for (const char* name : {"attn_type_list", "decoder_attention_types"}) {
        if (field.empty() && reader.has(name)) {
            field = name;
            const auto values = reader.integers(name);
            for (std::size_t i = 0; i < values.size(); ++i) {
                kinds.push_back(kindFromInteger(reader, field, values[i], i));
            }
        }
    }
    if (field.empty() && reader.has("layer_types")) {
        field = "layer_types";
        const auto values = reader.texts("layer_types");
        for (std::size_t i = 0; i < values.size(); ++i) {
            kinds.push_back(kindFromName(reader, values[i], i));
        }
    }
    if (field.empty()) {
        for (std::size_t i = 0; i < layers; ++i) {
            kinds.push_back(transformers && i % 2 == 1 ? LayerKind::Lightning : LayerKind::Softmax);
        }
    }
    if (kinds.size() != layers) {
        fail(ErrorKind::InvalidInput, "{}: {} has {} entries, num_hidden_layers is {}", reader.name(), field,
             kinds.size(), layers);
    }
    return kinds;
}

ResidualScale residualScale(const ConfigReader& reader, const char* published, const char* transformers) {
    ResidualScale scale;
    const std::string alpha = std::string("layernorm_") + published + "_alpha";
    const std::string beta = std::string("layernorm_") + published + "_beta";
    scale.alpha =
        static_cast<float>(reader.number(alpha, reader.number(std::string(transformers) + "_alpha_factor", 1.0)));
    scale.beta =
        static_cast<float>(reader.number(beta, reader.number(std::string(transformers) + "_beta_factor", 1.0)));
    return scale;
}

int rotaryDim(const ConfigReader& reader, const ConfigReader& rope, int head_dim) {
    if (reader.has("rotary_dim")) {
        return static_cast<int>(reader.integer("rotary_dim", 1, head_dim, head_dim));
    }
    const double factor = rope.number("partial_rotary_factor", reader.number("partial_rotary_factor", 1.0));
    if (!(factor > 0.0 && factor <= 1.0)) {
        fail(ErrorKind::InvalidInput, "{}: partial_rotary_factor is {}, expected more than 0 and at most 1",
             reader.name(), factor);
    }
    return static_cast<int>(factor * head_dim);
}

void requirePlainPositions(const ConfigReader& reader) {
    for (const char* field : {"rope_parameters", "rope_scaling"}) {
        const ConfigReader rope = reader.object(field);
        const std::string kind = rope.text("rope_type", rope.text("type", "default"));
        if (kind != "default") {
            fail(ErrorKind::Unsupported, "{}: {} asks for positions of the kind \"{}\"; only \"default\" is known",
                 reader.name(), field, kind);
        }
    }
}

void checkSupported(const ConfigReader& reader, const ModelConfig& config) {
    const std::string activation = reader.text("hidden_act", "silu");
    if (activation != "silu") {
        fail(ErrorKind::Unsupported, "{}: hidden_act is \"{}\", only \"silu\" is known", reader.name(), activation);
    }
    if (reader.largest("shared_intermediate_size") != 0) {
        fail(ErrorKind::Unsupported,
             "{}: shared_intermediate_size is not 0; no published checkpoint has a shared expert", reader.name());
    }
    if (reader.has("sliding_window")) {
        fail(ErrorKind::Unsupported, "{}: sliding_window is set; these models attend to everything", reader.name());
    }
    if (config.architecture == kTransformers) { // the published code reads none of this
        requirePlainPositions(reader);
    }
    if (config.num_heads % config.num_kv_heads != 0) {
        fail(ErrorKind::InvalidInput, "{}: num_attention_heads {} is not a multiple of num_key_value_heads {}",
             reader.name(), config.num_heads, config.num_kv_heads);
    }
    if (config.rotary_dim % 2 != 0) {
        fail(ErrorKind::InvalidInput, "{}: rotary_dim {} is odd", reader.name(), config.rotary_dim);
    }
    if (config.top_k > config.num_experts) {
        fail(ErrorKind::InvalidInput, "{}: num_experts_per_tok {} exceeds num_local_experts {}", reader.name(),
             config.top_k, config.num_experts);
    }
}

// ALiBi slopes for n heads: exact for powers of two, interpolated otherwise.
std::vector<double> baseSlopes(int n) {
    const int floor_power = 1 << static_cast<int>(std::floor(std::log2(n)));
    std::vector<double> slopes;
    for (int j = 0; j < floor_power; ++j) {
        slopes.push_back(std::pow(2.0, -8.0 * (j + 1) / floor_power));
    }
    for (int j = 0; static_cast<int>(slopes.size()) < n; j += 2) {
        slopes.push_back(std::pow(2.0, -8.0 * (j + 1) / (2.0 * floor_power)));
    }
    return slopes;
}

} // namespace

int ModelConfig::lightningLayerCount() const {
    return static_cast<int>(std::count(layers.begin(), layers.end(), LayerKind::Lightning));
}

int ModelConfig::softmaxLayerCount() const {
    return layerCount() - lightningLayerCount();
}

std::int64_t ModelConfig::parameterCount() const {
    const std::int64_t h = hidden_size;
    const std::int64_t inner = std::int64_t{num_heads} * head_dim;
    const std::int64_t lightning = 3 * inner * h + inner * h + inner + h * inner;
    const std::int64_t softmax = inner * h + 2 * std::int64_t{num_kv_heads} * head_dim * h + h * inner;
    const std::int64_t moe = std::int64_t{num_experts} * (3 * h * intermediate_size + h);
    const std::int64_t head = std::int64_t{vocab_size} * h * (tie_word_embeddings ? 1 : 2);
    return lightningLayerCount() * lightning + softmaxLayerCount() * softmax + layerCount() * (moe + 2 * h) + head +
           h;
}

ModelConfig ModelConfig::parse(std::string_view json_text, const std::string& name) {
    const ConfigReader reader = ConfigReader::parse(json_text, name);
    ModelConfig config;
    config.architecture = architectureOf(reader);
    const bool transformers = config.architecture == kTransformers;
    // Far above every published model and low enough that no product of them leaves 63 bits.
    constexpr std::int64_t kMaxWidth = 1 << 17;
    constexpr std::int64_t kMaxHeads = 1 << 12;
    constexpr std::int64_t kMaxExperts = 1 << 13;
    constexpr std::int64_t kMaxLayers = 1 << 12;
    constexpr std::int64_t kMaxVocabulary = 1 << 24;
    const auto size = [&](const char* field, std::int64_t max, std::int64_t fallback) {
        return static_cast<int>(reader.integer(field, 1, max, fallback));
    };
    config.hidden_size = size("hidden_size", kMaxWidth, 4096);
    config.intermediate_size = size("intermediate_size", kMaxWidth, 14336);
    config.vocab_size = size("vocab_size", kMaxVocabulary, 32000);
    config.num_heads = size("num_attention_heads", kMaxHeads, 32);
    config.num_kv_heads = size("num_key_value_heads", kMaxHeads, 8);
    config.head_dim = size("head_dim", kMaxHeads, std::max(1, config.hidden_size / config.num_heads));
    config.num_experts =
        size(reader.has("num_experts") && !reader.has("num_local_experts") ? "num_experts" : "num_local_experts",
             kMaxExperts, 8);
    config.top_k = size("num_experts_per_tok", kMaxExperts, 2);
    const auto layers = static_cast<std::size_t>(reader.integer("num_hidden_layers", 1, kMaxLayers, 32));
    config.layers = layerKinds(reader, layers, transformers);
    const ConfigReader rope = reader.object("rope_parameters");
    config.rope_theta = reader.number("rope_theta", rope.number("rope_theta", 1e6));
    if (!(config.rope_theta > 0)) {
        fail(ErrorKind::InvalidInput, "{}: rope_theta is {}, expected a positive number", name, config.rope_theta);
    }
    config.rotary_dim = rotaryDim(reader, rope, config.head_dim);
    config.rms_norm_eps = static_cast<float>(reader.number("rms_norm_eps", 1e-5));
    config.postnorm = reader.boolean("postnorm", transformers);
    config.tie_word_embeddings = reader.boolean("tie_word_embeddings", false);
    config.lightning_scale = residualScale(reader, "linear_attention", "linear_attn");
    config.softmax_scale = residualScale(reader, "full_attention", "full_attn");
    config.mlp_scale = residualScale(reader, "mlp", "mlp");
    config.max_positions = reader.integer("max_position_embeddings", 1, INT64_MAX, 131072);
    for (const std::int64_t id : reader.integersOrOne("eos_token_id")) {
        config.eos_token_ids.push_back(static_cast<TokenId>(id));
    }
    checkSupported(reader, config);
    return config;
}

ModelConfig ModelConfig::load(const std::filesystem::path& folder) {
    const auto path = folder / "config.json";
    constexpr std::size_t kMaxConfigBytes = std::size_t{16} << 20;
    return parse(readTextFile(path, kMaxConfigBytes), path.string());
}

std::vector<float> decayRates(const ModelConfig& config, int layer) {
    const int last = config.layerCount() - 1;
    // A single layer would divide by zero in the published code; it then keeps the factor of layer 0.
    const double depth = last == 0 ? 0.0 : static_cast<double>(layer) / last;
    const double factor = 1.0 - depth + 1e-5;
    std::vector<float> rates;
    for (const double slope : baseSlopes(config.num_heads)) {
        rates.push_back(static_cast<float>(slope * factor));
    }
    return rates;
}

} // namespace fulgurite
