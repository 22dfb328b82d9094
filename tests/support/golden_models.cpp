// SPDX-License-Identifier: Apache-2.0
#include "tests/support/golden_models.h"

#include "core/base/atomic_file.h"
#include "core/base/error.h"
#include "core/checkpoint/safetensors.h"
#include "core/checkpoint/tensor_list.h"

#include <array>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <span>

namespace fulgurite::test {

namespace {

constexpr const char* kConfigA = R"({"architectures": ["MiniMaxM1ForCausalLM"], "model_type": "minimax_m1",
  "hidden_size": 64, "num_hidden_layers": 4, "attn_type_list": [0, 0, 0, 1], "num_attention_heads": 4,
  "num_key_value_heads": 2, "head_dim": 16, "rotary_dim": 8, "rope_theta": 10000, "intermediate_size": 96,
  "num_local_experts": 4, "num_experts_per_tok": 2, "vocab_size": 128, "postnorm": true, "hidden_act": "silu",
  "rms_norm_eps": 1e-05, "shared_intermediate_size": 0, "tie_word_embeddings": false,
  "layernorm_full_attention_alpha": 1.681792830507429, "layernorm_full_attention_beta": 1.0,
  "layernorm_linear_attention_alpha": 1.681792830507429, "layernorm_linear_attention_beta": 1.0,
  "layernorm_mlp_alpha": 1.681792830507429, "layernorm_mlp_beta": 1.0})";

constexpr const char* kConfigB = R"({"architectures": ["MiniMaxText01ForCausalLM"], "model_type": "minimax_text_01",
  "hidden_size": 48, "num_hidden_layers": 5, "attn_type_list": [0, 1, 0, 0, 1], "num_attention_heads": 6,
  "num_key_value_heads": 3, "head_dim": 12, "rotary_dim": 6, "rope_theta": 1000, "intermediate_size": 40,
  "num_local_experts": 5, "num_experts_per_tok": 3, "vocab_size": 97, "postnorm": true, "hidden_act": "silu",
  "rms_norm_eps": 1e-05, "shared_intermediate_size": 0, "tie_word_embeddings": false,
  "layernorm_full_attention_alpha": 1.25, "layernorm_full_attention_beta": 0.75,
  "layernorm_linear_attention_alpha": 1.5, "layernorm_linear_attention_beta": 0.5,
  "layernorm_mlp_alpha": 2.0, "layernorm_mlp_beta": 1.25})";

constexpr const char* kConfigC = R"({"architectures": ["MiniMaxM1ForCausalLM"], "model_type": "MiniMaxM1",
  "hidden_size": 32, "num_hidden_layers": 8, "attn_type_list": [0, 0, 0, 0, 0, 0, 0, 1], "num_attention_heads": 8,
  "num_key_value_heads": 1, "head_dim": 8, "rotary_dim": 4, "rope_theta": 10000000, "intermediate_size": 24,
  "num_local_experts": 8, "num_experts_per_tok": 2, "vocab_size": 64, "postnorm": true, "hidden_act": "silu",
  "rms_norm_eps": 1e-05, "shared_intermediate_size": 0, "tie_word_embeddings": false,
  "layernorm_full_attention_alpha": 2.0, "layernorm_full_attention_beta": 1.0,
  "layernorm_linear_attention_alpha": 2.0, "layernorm_linear_attention_beta": 1.0,
  "layernorm_mlp_alpha": 2.0, "layernorm_mlp_beta": 1.0})";

TokenIds promptOf(int length, int offset, int vocab) {
    TokenIds ids;
    for (int t = 0; t < length; ++t) {
        ids.push_back((7 * t * t + 3 * t + offset) % vocab);
    }
    return ids;
}

std::uint64_t fnv1a(const std::string& text) {
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (const char c : text) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    }
    return hash;
}

bool endsWith(const std::string& text, const std::string& tail) {
    return text.size() >= tail.size() && text.compare(text.size() - tail.size(), tail.size(), tail) == 0;
}

// What one tensor of the file is made of: one published tensor, or several one after another.
struct FileTensor {
    std::string name;
    std::vector<std::int64_t> shape;
    std::vector<GoldenTensor> parts;
};

std::vector<FileTensor> fileTensors(const GoldenModel& model, bool fused) {
    std::vector<FileTensor> result;
    for (const GoldenTensor& tensor : model.tensors()) {
        if (!fused || tensor.name.find("block_sparse_moe") == std::string::npos) {
            result.push_back({tensor.name, tensor.shape, {tensor}});
        }
    }
    if (!fused) {
        return result;
    }
    const std::int64_t h = model.config.hidden_size;
    const std::int64_t f = model.config.intermediate_size;
    const std::int64_t experts = model.config.num_experts;
    for (int layer = 0; layer < model.config.layerCount(); ++layer) {
        const std::string prefix = "model.layers." + std::to_string(layer) + ".";
        const std::string moe = prefix + "block_sparse_moe.";
        FileTensor gate_up{prefix + "mlp.experts.gate_up_proj", {experts, 2 * f, h}, {}};
        FileTensor down{prefix + "mlp.experts.down_proj", {experts, h, f}, {}};
        for (int e = 0; e < model.config.num_experts; ++e) {
            const std::string expert = moe + "experts." + std::to_string(e) + ".";
            gate_up.parts.push_back({expert + "w1.weight", {f, h}});
            gate_up.parts.push_back({expert + "w3.weight", {f, h}});
            down.parts.push_back({expert + "w2.weight", {h, f}});
        }
        result.push_back({prefix + "mlp.gate.weight", {experts, h}, {{moe + "gate.weight", {experts, h}}}});
        result.push_back(gate_up);
        result.push_back(down);
    }
    return result;
}

void appendValues(SafetensorsWriter& writer, const std::vector<float>& values, DType dtype) {
    if (dtype == DType::F32) {
        writer.append(std::as_bytes(std::span(values)));
        return;
    }
    if (dtype != DType::BF16) {
        fail(ErrorKind::Internal, "golden weights are written as F32 or BF16");
    }
    std::vector<std::uint16_t> bits;
    for (const float value : values) {
        bits.push_back(floatToBf16(value));
    }
    writer.append(std::as_bytes(std::span(bits)));
}

std::string shardName(const WriteOptions& options, int shard) {
    return options.shards == 1
               ? "model.safetensors"
               : fmt::format("model-{:05d}-of-{:05d}.safetensors", options.first_shard + shard, options.shards);
}

} // namespace

std::vector<GoldenTensor> GoldenModel::tensors() const {
    std::vector<GoldenTensor> all;
    for (TensorSpec& tensor : publishedTensors(config)) {
        all.push_back({std::move(tensor.name), std::move(tensor.shape)});
    }
    return all;
}

GoldenModel modelOf(const std::string& config_json, TokenIds prompt) {
    return {'?', config_json, ModelConfig::parse(config_json, "test config"), std::move(prompt)};
}

GoldenModel goldenModel(char letter) {
    GoldenModel model = letter == 'A'   ? modelOf(kConfigA, promptOf(12, 5, 128))
                        : letter == 'B' ? modelOf(kConfigB, promptOf(40, 11, 97))
                                        : modelOf(kConfigC, promptOf(520, 6, 64));
    model.letter = letter;
    return model;
}

std::vector<float> goldenValues(const std::string& name, std::size_t count) {
    const std::uint64_t seed = fnv1a(name);
    const bool norm = name.find("norm") != std::string::npos;
    const bool router = endsWith(name, "block_sparse_moe.gate.weight");
    std::vector<float> values;
    values.reserve(count);
    for (std::uint64_t i = 1; i <= count; ++i) {
        std::uint64_t z = seed + i * 0x9E3779B97F4A7C15u;
        z ^= z >> 30;
        z *= 0xBF58476D1CE4E5B9u;
        z ^= z >> 27;
        z *= 0x94D049BB133111EBu;
        z ^= z >> 31;
        const int k = static_cast<int>(z >> 56) - 128;
        const float value = norm ? (128.0f + std::floor(static_cast<float>(k) / 4.0f)) / 128.0f
                                 : static_cast<float>(k) / (router ? 256.0f : 1024.0f);
        values.push_back(value);
    }
    return values;
}

void writeCheckpoint(const GoldenModel& model, const std::filesystem::path& folder, const WriteOptions& options) {
    std::filesystem::create_directories(folder);
    writeFileAtomically(folder / "config.json",
                        options.config_json.empty() ? model.config_json : options.config_json);
    const std::vector<FileTensor> tensors = fileTensors(model, options.fused_experts);
    nlohmann::json weight_map;
    for (int shard = 0; shard < options.shards; ++shard) {
        const auto mine = [&](std::size_t i) { return static_cast<int>(i) % options.shards == shard; };
        const auto dtypeOf = [&](const FileTensor& t) {
            return endsWith(t.parts.front().name, "gate.weight") &&
                           t.parts.front().name.find("moe") != std::string::npos
                       ? options.router_dtype
                       : options.dtype;
        };
        SafetensorsWriter writer(folder / shardName(options, shard));
        writer.setMetadata("format", "pt");
        for (std::size_t i = 0; i < tensors.size(); ++i) {
            if (mine(i)) {
                writer.declare(tensors[i].name, dtypeOf(tensors[i]), tensors[i].shape);
                weight_map[tensors[i].name] = shardName(options, shard);
            }
        }
        for (std::size_t i = 0; i < tensors.size(); ++i) {
            if (mine(i)) {
                for (const GoldenTensor& part : tensors[i].parts) {
                    const auto count = static_cast<std::size_t>(elementCount(part.shape));
                    appendValues(writer, goldenValues(part.name, count), dtypeOf(tensors[i]));
                }
            }
        }
        writer.finish();
    }
    if (options.shards > 1) {
        writeFileAtomically(folder / "model.safetensors.index.json",
                            nlohmann::json{{"metadata", {{"total_size", 0}}}, {"weight_map", weight_map}}.dump());
    }
}

TemporaryFolder::TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "fulgurite-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) {
        fail(ErrorKind::Io, "cannot create {}", pattern);
    }
    path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

} // namespace fulgurite::test
