// SPDX-License-Identifier: Apache-2.0
// Encoder blocks against what transformers computes with CLIP's text and vision towers
// (tests/data/encoder/make.py).
#include "core/model/encoder/encoder.h"
#include "tests/support/tolerance.h"
#include "tests/unit/test_paths.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace fulgurite {
namespace {

// The tensors of one tower under the names that a checkpoint of its own would have.
class Tower {
  public:
    explicit Tower(const std::string& name)
        : file_(test::sourceDir() / "tests/data/encoder/golden.safetensors"), name_(name) {
        shape_.layers = 2;
        shape_.width = 24;
        shape_.heads = 3;
        shape_.intermediate = 40;
        shape_.norm = NormPlace::Pre;
        shape_.norm_eps = 1e-5f;
        shape_.causal = name == "text";
        shape_.activation = name == "text" ? kernels::Activation::QuickGelu : kernels::Activation::Gelu;
    }

    const EncoderShape& shape() const { return shape_; }
    std::vector<float> values(const std::string& tensor) const {
        return toFloats(file_.tensor(name_ + "." + tensor));
    }

    std::vector<EncoderLayer> layers() const {
        std::vector<EncoderLayer> result;
        const EncoderLayerNames names = EncoderLayerNames::clip();
        for (int i = 0; i < shape_.layers; ++i) {
            const std::string at = "layers." + std::to_string(i) + ".";
            result.push_back({affine(at + names.q), affine(at + names.k), affine(at + names.v),
                              affine(at + names.out), affine(at + names.up), affine(at + names.down),
                              norm(at + names.attention_norm), norm(at + names.mlp_norm)});
        }
        return result;
    }

  private:
    AffineWeights affine(const std::string& name) const {
        const TensorView view = file_.tensor(name_ + "." + name + ".weight");
        return {{view.data, view.dtype, static_cast<std::size_t>(view.shape[0]),
                 static_cast<std::size_t>(view.shape[1])},
                values(name + ".bias")};
    }
    LayerNormWeights norm(const std::string& name) const {
        return {values(name + ".weight"), values(name + ".bias")};
    }

    SafetensorsFile file_;
    std::string name_;
    EncoderShape shape_;
};

// A block has a few hundred roundings on values below 10, and the second block carries the first one's on.
constexpr double kBlocks = 1e-5;

class EncoderBlocks : public testing::TestWithParam<const char*> {};

TEST_P(EncoderBlocks, AgreeWithTheReferenceLibrary) {
    const Tower tower(GetParam());
    const auto layers = tower.layers();
    std::vector<float> hidden = tower.values("in");
    const std::size_t lengths[] = {7};
    kernels::ThreadPool pool(2);
    EncoderWorkspace workspace;
    runEncoder(tower.shape(), layers, {lengths, hidden.data()}, EncoderOps::best(), pool, workspace);
    test::expectClose(hidden, tower.values("out"), kBlocks);
    hidden = tower.values("in");
    const EncoderOps truth{kernels::referenceOps(), kernels::referenceEncoderOps()};
    runEncoder(tower.shape(), layers, {lengths, hidden.data()}, truth, pool, workspace);
    test::expectClose(hidden, tower.values("out"), kBlocks);
}

TEST_P(EncoderBlocks, ASequenceDoesNotSeeItsNeighboursInTheBatch) {
    const Tower tower(GetParam());
    const auto layers = tower.layers();
    const std::vector<float> one = tower.values("in");
    std::vector<float> batch = one;
    batch.insert(batch.end(), one.begin(), one.begin() + 3 * 24);
    batch.insert(batch.end(), one.begin(), one.end());
    const std::size_t lengths[] = {7, 3, 7};
    kernels::ThreadPool pool(2);
    EncoderWorkspace workspace;
    runEncoder(tower.shape(), layers, {lengths, batch.data()}, EncoderOps::best(), pool, workspace);
    const std::span<const float> all = batch;
    test::expectClose(all.first(one.size()), tower.values("out"), kBlocks);
    test::expectClose(all.last(one.size()), tower.values("out"), kBlocks);
}

class ContextTap final : public EncoderTap {
  public:
    bool wants(int layer) const override { return layer == 1; }
    void onContext(int layer, std::span<const float> context) override {
        EXPECT_EQ(layer, 1);
        context_.assign(context.begin(), context.end());
    }
    const std::vector<float>& context() const { return context_; }

  private:
    std::vector<float> context_;
};

// With one token a head hands on its value row, whatever the scores say.
TEST_P(EncoderBlocks, TapHearsTheContextsOfTheWantedLayer) {
    const Tower tower(GetParam());
    const auto layers = tower.layers();
    std::vector<float> hidden = tower.values("in");
    hidden.resize(24);
    const std::size_t lengths[] = {1};
    kernels::ThreadPool pool(1);
    EncoderWorkspace workspace;
    std::vector<float> stream = hidden;
    runEncoder(tower.shape(), std::span(layers).first(1), {lengths, stream.data()}, EncoderOps::best(), pool,
               workspace);
    ContextTap tap;
    runEncoder(tower.shape(), layers, {lengths, hidden.data()}, EncoderOps::best(), pool, workspace, &tap);
    const kernels::EncoderOpTable& encoder = kernels::referenceEncoderOps();
    kernels::Queue queue(pool);
    std::vector<float> normed(24);
    std::vector<float> values(24);
    const EncoderLayer& last = layers[1];
    encoder.layer_norm({stream.data(), last.attention_norm.weight.data(), last.attention_norm.bias.data(),
                        normed.data(), 1, 24, tower.shape().norm_eps},
                       queue);
    const kernels::LinearTask task[] = {{normed.data(), 24, 1, last.v.weight, values.data(), 24}};
    kernels::referenceOps().linear(std::span(task), queue);
    encoder.bias({values.data(), last.v.bias.data(), 1, 24, kernels::Activation::None}, queue);
    test::expectClose(tap.context(), values, kBlocks);
}

INSTANTIATE_TEST_SUITE_P(Clip, EncoderBlocks, testing::Values("text", "vision"));

} // namespace
} // namespace fulgurite
