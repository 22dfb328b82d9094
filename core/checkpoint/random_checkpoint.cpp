// SPDX-License-Identifier: Apache-2.0
#include "core/checkpoint/random_checkpoint.h"

#include "core/base/atomic_file.h"
#include "core/base/error.h"
#include "core/checkpoint/safetensors.h"
#include "core/checkpoint/tensor_list.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace fulgurite {

namespace {

// SplitMix64: one multiplication chain per number, so that billions of weights take seconds.
class Generator {
  public:
    explicit Generator(std::uint64_t seed) : state_(seed) {}
    float uniform() { // [-1, 1)
        state_ += 0x9E3779B97F4A7C15u;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        return static_cast<float>(static_cast<std::int32_t>(z >> 32)) * 0x1p-31f;
    }

  private:
    std::uint64_t state_;
};

DType dtypeOf(const TensorSpec& tensor, const RandomCheckpointOptions& options) {
    return tensor.role == TensorRole::Router ? DType::F32 : options.dtype;
}

std::uint64_t bytesOf(const TensorSpec& tensor, const RandomCheckpointOptions& options) {
    std::uint64_t bytes = 0;
    if (!byteCount(tensor.shape, dtypeOf(tensor, options), bytes)) {
        fail(ErrorKind::InvalidInput, "{}: shape {} is too large", tensor.name, toString(tensor.shape));
    }
    return bytes;
}

// First tensor of each shard, and the end.
std::vector<std::size_t> cutShards(const std::vector<TensorSpec>& tensors, const RandomCheckpointOptions& options) {
    std::vector<std::size_t> cuts{0};
    std::uint64_t in_shard = 0;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        const std::uint64_t bytes = bytesOf(tensors[i], options);
        if (in_shard > 0 && in_shard + bytes > options.max_shard_bytes) {
            cuts.push_back(i);
            in_shard = 0;
        }
        in_shard += bytes;
    }
    cuts.push_back(tensors.size());
    return cuts;
}

class Job {
  public:
    Job(const ModelConfig& config, const std::filesystem::path& folder, const RandomCheckpointOptions& options)
        : tensors_(publishedTensors(config)), folder_(folder), options_(options) {
        for (const TensorSpec& tensor : tensors_) {
            total_ += bytesOf(tensor, options);
        }
    }

    void checkSpace() const {
        std::error_code error;
        const auto space = std::filesystem::space(folder_, error);
        if (!error && space.available < total_) {
            fail(ErrorKind::Io, "{}: the checkpoint needs {} bytes, the disk has {} free", folder_.string(), total_,
                 space.available);
        }
    }

    void writeShards() {
        const auto cuts = cutShards(tensors_, options_);
        const std::size_t shards = cuts.size() - 1;
        nlohmann::json weight_map = nlohmann::json::object();
        for (std::size_t shard = 0; shard < shards; ++shard) {
            const std::string name = shards == 1
                                         ? "model.safetensors"
                                         : fmt::format("model-{:05d}-of-{:05d}.safetensors", shard + 1, shards);
            SafetensorsWriter writer(folder_ / name);
            writer.setMetadata("format", "pt");
            for (std::size_t i = cuts[shard]; i < cuts[shard + 1]; ++i) {
                writer.declare(tensors_[i].name, dtypeOf(tensors_[i], options_), tensors_[i].shape);
                weight_map[tensors_[i].name] = name;
            }
            for (std::size_t i = cuts[shard]; i < cuts[shard + 1]; ++i) {
                writeTensor(writer, tensors_[i], i);
            }
            writer.finish();
        }
        if (shards > 1) {
            const nlohmann::json index{{"metadata", {{"total_size", total_}}}, {"weight_map", weight_map}};
            writeFileAtomically(folder_ / "model.safetensors.index.json", index.dump(1));
        }
    }

  private:
    void writeTensor(SafetensorsWriter& writer, const TensorSpec& tensor, std::size_t index) {
        constexpr std::size_t kPiece = std::size_t{1} << 20;
        const DType dtype = dtypeOf(tensor, options_);
        Generator random(options_.seed * 0x2545F4914F6CDD1Du + index);
        // A uniform variable on [-1, 1) has standard deviation 1 / sqrt(3).
        const float scale = std::sqrt(3.0f / static_cast<float>(tensor.shape.back()));
        auto left = static_cast<std::size_t>(elementCount(tensor.shape));
        std::vector<float> floats;
        std::vector<std::uint16_t> halves;
        while (left > 0) {
            const std::size_t count = std::min(left, kPiece);
            floats.assign(count, 1.0f);
            if (tensor.role != TensorRole::Norm) {
                std::generate(floats.begin(), floats.end(), [&] { return random.uniform() * scale; });
            }
            if (dtype == DType::F32) {
                writer.append(std::as_bytes(std::span(floats)));
            } else {
                halves.resize(count);
                std::transform(floats.begin(), floats.end(), halves.begin(), floatToBf16);
                writer.append(std::as_bytes(std::span(halves)));
            }
            left -= count;
            done_ += count * sizeOf(dtype);
            if (options_.progress && !options_.progress(done_, total_)) {
                fail(ErrorKind::Cancelled, "{}: stopped after {} of {} bytes", folder_.string(), done_, total_);
            }
        }
    }

    std::vector<TensorSpec> tensors_;
    std::filesystem::path folder_;
    const RandomCheckpointOptions& options_;
    std::uint64_t total_ = 0;
    std::uint64_t done_ = 0;
};

} // namespace

void writeRandomCheckpoint(std::string_view config_json, const ModelConfig& config,
                           const std::filesystem::path& folder, const RandomCheckpointOptions& options) {
    if (options.dtype != DType::BF16 && options.dtype != DType::F32) {
        fail(ErrorKind::InvalidInput, "weights can be written as bf16 or f32");
    }
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error || !std::filesystem::is_empty(folder, error) || error) {
        fail(ErrorKind::Io, "{}: must be a new or empty folder that can be written{}", folder.string(),
             error ? ": " + error.message() : "");
    }
    Job job(config, folder, options);
    job.checkSpace();
    job.writeShards();
    writeFileAtomically(folder / "config.json", config_json);
}

} // namespace fulgurite
