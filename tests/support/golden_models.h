// SPDX-License-Identifier: Apache-2.0
// The three published parity models A, B, C: configurations, deterministic weights (exact in float32 and bfloat16)
// and prompts. Weights come from a hash of each tensor's name, so every spelling of the names can be written from
// them.
#pragma once

#include "core/base/types.h"
#include "core/checkpoint/model_config.h"
#include "kernels/dtype.h"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace fulgurite::test {

struct GoldenTensor {
    std::string name;
    std::vector<std::int64_t> shape;
};

struct GoldenModel {
    char letter;
    std::string config_json; // published (M1) spelling
    ModelConfig config;
    TokenIds prompt;

    // Every tensor under its published name.
    std::vector<GoldenTensor> tensors() const;
};

GoldenModel goldenModel(char letter);

// The model of an arbitrary config in the published spelling, with the same weight rule.
GoldenModel modelOf(const std::string& config_json, TokenIds prompt);

// Value of element i (0-based, row-major) of a tensor, by name.
std::vector<float> goldenValues(const std::string& name, std::size_t count);

struct WriteOptions {
    DType dtype = DType::F32; // of all tensors
    DType router_dtype = DType::F32;
    int shards = 1; // more than one: with an index, numbered from `first_shard`
    int first_shard = 1;
    bool fused_experts = false; // transformers 5 names
    std::string config_json{};  // empty: the published one
};

// Writes config.json and the weights into `folder`, which is created.
void writeCheckpoint(const GoldenModel& model, const std::filesystem::path& folder,
                     const WriteOptions& options = {});

// A folder of its own below the system's temporary folder, removed at the end.
class TemporaryFolder {
  public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

  private:
    std::filesystem::path path_;
};

} // namespace fulgurite::test
