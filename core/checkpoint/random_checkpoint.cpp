// SPDX-License-Identifier: Apache-2.0
#include "core/checkpoint/random_checkpoint.h"

#include "core/base/atomic_file.h"
#include "core/base/error.h"
#include "core/checkpoint/int8_rows.h"
#include "core/checkpoint/shard_writer.h"
#include "core/checkpoint/tensor_list.h"

#include <algorithm>
#include <cmath>

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

bool isInt8(const TensorSpec& tensor, const RandomCheckpointOptions& options) {
    return options.int8_experts && tensor.role == TensorRole::Expert;
}

ShardItem itemOf(const TensorSpec& tensor, const RandomCheckpointOptions& options) {
    if (isInt8(tensor, options)) {
        return {
            {{tensor.name, DType::I8, tensor.shape}, {scaleName(tensor.name), DType::F32, {tensor.shape.front()}}}};
    }
    return {{{tensor.name, dtypeOf(tensor, options), tensor.shape}}};
}

class RandomCheckpoint {
  public:
    RandomCheckpoint(const ModelConfig& config, const std::filesystem::path& folder, const RandomCheckpointOptions& options)
        : tensors_(publishedTensors(config)), folder_(folder), options_(options) {
        for (const TensorSpec& tensor : tensors_) {
            items_.push_back(itemOf(tensor, options));
            total_ += items_.back().bytes();
        }
    }

    void write() {
        writeShards(folder_, items_, options_.max_shard_bytes, [&](std::size_t i, SafetensorsWriter& writer) {
            if (isInt8(tensors_[i], options_)) {
                writeInt8(writer, tensors_[i], i);
            } else {
                writeTensor(writer, tensors_[i], i);
            }
        });
    }

  private:
    static Generator generatorOf(std::uint64_t seed, std::size_t index) {
        return Generator(seed * 0x2545F4914F6CDD1Du + index);
    }

    // A uniform variable on [-1, 1) has standard deviation 1 / sqrt(3).
    static float scaleOf(const TensorSpec& tensor) {
        return std::sqrt(3.0f / static_cast<float>(tensor.shape.back()));
    }

    void writeTensor(SafetensorsWriter& writer, const TensorSpec& tensor, std::size_t index) {
        constexpr std::size_t kPiece = std::size_t{1} << 20;
        const DType dtype = dtypeOf(tensor, options_);
        Generator random = generatorOf(options_.seed, index);
        const float scale = scaleOf(tensor);
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
            advance(count * sizeOf(dtype));
        }
    }

    // The integers of the matrix that writeTensor would write.
    void writeInt8(SafetensorsWriter& writer, const TensorSpec& tensor, std::size_t index) {
        Generator random = generatorOf(options_.seed, index);
        const float scale = scaleOf(tensor);
        std::vector<float> row(static_cast<std::size_t>(tensor.shape[1]));
        std::vector<std::int8_t> integers(row.size());
        std::vector<float> scales;
        for (std::int64_t r = 0; r < tensor.shape[0]; ++r) {
            std::generate(row.begin(), row.end(), [&] {
                const float value = random.uniform() * scale;
                return options_.dtype == DType::BF16 ? bf16ToFloat(floatToBf16(value)) : value;
            });
            scales.push_back(quantizeRow(row, integers).value());
            writer.append(std::as_bytes(std::span(integers)));
            advance(integers.size());
        }
        writer.append(std::as_bytes(std::span(scales)));
        advance(scales.size() * sizeof(float));
    }

    void advance(std::size_t bytes) {
        done_ += bytes;
        if (options_.progress && !options_.progress(done_, total_)) {
            fail(ErrorKind::Cancelled, "{}: stopped after {} of {} bytes", folder_.string(), done_, total_);
        }
    }

    std::vector<TensorSpec> tensors_;
    std::vector<ShardItem> items_;
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
    RandomCheckpoint(config, folder, options).write();
    writeFileAtomically(folder / "config.json", config_json);
}

} // namespace fulgurite
