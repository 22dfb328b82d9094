// SPDX-License-Identifier: Apache-2.0
// CLIP folders against transformers and tokenizers (tests/data/clip/make.py): ids, pixels, hidden states, vectors,
// on every instruction set; published costs; folders that do not fit.
#include "core/base/atomic_file.h"
#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/cascade/clip/clip_model.h"
#include "core/checkpoint/safetensors.h"
#include "tests/support/tolerance.h"
#include "tests/unit/temporary_folder.h"

#include <algorithm>
#include <cstdlib>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace fulgurite::clip {
namespace {

namespace fs = std::filesystem;

fs::path dataFolder() {
    return fs::path(std::getenv("FULGURITE_SOURCE_DIR")) / "tests/data/clip";
}

std::vector<std::string> texts() {
    return nlohmann::json::parse(readTextFile(dataFolder() / "texts.json")).get<std::vector<std::string>>();
}

std::vector<fs::path> pictures() {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(dataFolder() / "pictures")) {
        if (entry.path().filename().string().rfind("turned", 0) != 0) {
            files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

// Relative errors of a float32 pass of two small layers add up to some hundred roundings; a vector has length 1.
constexpr double kVectorTolerance = 400 * test::kUnitRoundoff;

class ClipFolder : public testing::TestWithParam<std::string> {
  protected:
    ClipFolder()
        : model_(ClipModel::load(dataFolder() / GetParam())),
          golden_(dataFolder() / (GetParam() + ".golden.safetensors")) {}

    std::vector<float> golden(const char* name) const { return toFloats(golden_.tensor(name)); }
    std::vector<float> goldenPixels() const { return golden("pixels"); }

    std::shared_ptr<const ClipModel> model_;
    SafetensorsFile golden_;
    kernels::ThreadPool pool_{2};
};

TEST_P(ClipFolder, TokenIdsAreThoseOfTheReference) {
    const TensorView expected = golden_.tensor("ids");
    const auto* ids = reinterpret_cast<const std::int32_t*>(expected.data);
    const auto length = static_cast<std::size_t>(expected.shape[1]);
    const auto all = texts();
    ASSERT_EQ(all.size(), static_cast<std::size_t>(expected.shape[0]));
    for (std::size_t t = 0; t < all.size(); ++t) {
        TokenIds wanted(ids + t * length, ids + (t + 1) * length);
        wanted.erase(std::find(wanted.begin(), wanted.end(), -1), wanted.end());
        EXPECT_EQ(model_->tokenize(all[t]), wanted) << all[t];
    }
}

TEST_P(ClipFolder, PixelsAreThoseOfTheReference) {
    const auto expected = goldenPixels();
    const auto files = pictures();
    ASSERT_EQ(files.size() * model_->pixelCount(), expected.size());
    std::vector<float> pixels(model_->pixelCount());
    for (std::size_t i = 0; i < files.size(); ++i) {
        model_->preprocess(image::decodeImage(image::readImageFile(files[i]), files[i].string()), pixels.data());
        const std::span<const float> wanted(&expected[i * pixels.size()], pixels.size());
        // The same JPEG may be decoded differently by one grey level; one level is 1 / 255 / 0.26.
        const bool exact = files[i].extension() != ".jpg";
        EXPECT_LE(test::worstElement(pixels, wanted).difference, exact ? 0.0 : 0.016) << files[i];
    }
}

TEST_P(ClipFolder, VectorsAreThoseOfTheReferenceOnEveryInstructionSet) {
    const auto pixels = goldenPixels();
    const std::size_t images = pixels.size() / model_->pixelCount();
    std::vector<TokenIds> ids;
    for (const std::string& text : texts()) {
        ids.push_back(model_->tokenize(text));
    }
    std::vector<float> image(images * model_->width());
    std::vector<float> text(ids.size() * model_->width());
    for (const auto level : {kernels::CpuLevel::Avx2, kernels::CpuLevel::Avx512}) {
        if (!kernels::isSupported(level)) {
            continue;
        }
        ClipRuntime runtime(pool_, {kernels::cpuOps(level), kernels::cpuEncoderOps(level)});
        model_->encodePixels(pixels.data(), images, image.data(), runtime);
        model_->encodeTexts(ids, text.data(), runtime);
        test::expectClose(image, golden("image"), kVectorTolerance);
        test::expectClose(text, golden("text"), kVectorTolerance);
    }
    ClipRuntime reference(pool_, {kernels::referenceOps(), kernels::referenceEncoderOps()});
    model_->encodePixels(pixels.data(), images, image.data(), reference);
    test::expectClose(image, golden("image"), kVectorTolerance);
}

// What a language model is given: all rows of the last layer, before any final norm.
TEST_P(ClipFolder, TheVisionTowerGivesTheLastLayersRows) {
    const Checkpoint checkpoint(model_->folder());
    TensorBinder binder(checkpoint);
    const VisionTower tower(model_->config().vision, binder, "vision_model.");
    const auto expected = golden("hidden");
    std::vector<float> hidden(expected.size());
    ClipRuntime runtime(pool_);
    tower.forward(goldenPixels().data(), 2, hidden.data(), runtime);
    const float largest = *std::max_element(expected.begin(), expected.end());
    test::expectClose(hidden, expected, kVectorTolerance * std::max(1.0f, largest));
}

TEST_P(ClipFolder, ARowDependsOnNothingElseInItsBatch) {
    const auto pixels = goldenPixels();
    const std::size_t images = pixels.size() / model_->pixelCount();
    const std::size_t width = model_->width();
    std::vector<float> together(images * width);
    std::vector<float> alone(width);
    ClipRuntime runtime(pool_);
    model_->encodePixels(pixels.data(), images, together.data(), runtime);
    for (std::size_t i = 0; i < images; ++i) {
        model_->encodePixels(&pixels[i * model_->pixelCount()], 1, alone.data(), runtime);
        // Few rows take another path through the products, which adds in another order.
        test::expectClose(alone, std::span(together).subspan(i * width, width), kVectorTolerance);
    }
}

INSTANTIATE_TEST_SUITE_P(Folders, ClipFolder, testing::Values("plain", "variant"),
                         [](const auto& name) { return name.param; });

// Section 3 of the published profile: two operations for a multiply-add, 77 tokens.
TEST(ClipCosts, AreThePublishedOnes) {
    struct Published {
        const char* name;
        int width, layers, heads, patch, image, text_width, text_heads, projection;
        double image_gflops, text_gflops, image_params, text_params;
    };
    for (const Published& p :
         {Published{"B/32", 768, 12, 12, 32, 224, 512, 8, 512, 8.82, 5.96, 87.85, 63.43},
          Published{"B/16", 768, 12, 12, 16, 224, 512, 8, 512, 35.13, 5.96, 86.19, 63.43},
          Published{"L/14", 1024, 24, 16, 14, 224, 768, 12, 768, 162.03, 13.30, 303.97, 123.65},
          Published{"L/14 336", 1024, 24, 16, 14, 336, 768, 12, 768, 381.92, 13.30, 304.29, 123.65}}) {
        const nlohmann::json json{{"projection_dim", p.projection},
                                  {"vision_config",
                                   {{"hidden_size", p.width},
                                    {"num_hidden_layers", p.layers},
                                    {"num_attention_heads", p.heads},
                                    {"intermediate_size", 4 * p.width},
                                    {"patch_size", p.patch},
                                    {"image_size", p.image}}},
                                  {"text_config",
                                   {{"hidden_size", p.text_width},
                                    {"num_attention_heads", p.text_heads},
                                    {"intermediate_size", 4 * p.text_width}}}};
        const ClipConfig config = ClipConfig::parse(json.dump(), p.name);
        // The table has two decimals.
        EXPECT_NEAR(imageFlops(config) / 1e9, p.image_gflops, 0.005 * p.image_gflops / 8) << p.name;
        EXPECT_NEAR(textFlops(config, 77) / 1e9, p.text_gflops, 0.01) << p.name;
        EXPECT_NEAR(static_cast<double>(imageParameters(config)) / 1e6, p.image_params, 0.01) << p.name;
        EXPECT_NEAR(static_cast<double>(textParameters(config)) / 1e6, p.text_params, 0.01) << p.name;
    }
}

TEST(ClipConfig, AbsentFieldsAreThoseOfViTB32) {
    const ClipConfig config = ClipConfig::parse("{}", "config.json");
    EXPECT_EQ(config.vision.tokens(), 50);
    EXPECT_EQ(config.text.shape.headDim(), 64);
    EXPECT_EQ(config.text.shape.activation, kernels::Activation::QuickGelu);
    EXPECT_EQ(config.projection, 512);
}

TEST(ClipConfig, RefusesWhatItCannotCompute) {
    for (const char* json :
         {R"({"vision_config": {"hidden_act": "relu"}})", R"({"text_config": {"num_attention_heads": 7}})",
          R"({"vision_config": {"image_size": 16}})", R"({"vision_config": {"num_channels": 4}})",
          R"({"vision_config": []})", R"({"projection_dim": 0})", "[]", "{"}) {
        EXPECT_THROW(ClipConfig::parse(json, "config.json"), Error) << json;
    }
}

TEST(PooledPosition, FollowsTheEndTokenWhateverTheFileSays) {
    TextConfig published;
    published.end = 2;
    EXPECT_EQ(pooledPosition(published, TokenIds{49406, 320, 49407, 49407}), 2u);
    EXPECT_EQ(pooledPosition(published, TokenIds{49406, 2, 320, 400}), 0u)
        << "2 means the largest id, not the token 2";
    TextConfig own;
    own.vocabulary = 100;
    own.end = 7;
    EXPECT_EQ(pooledPosition(own, TokenIds{50, 80, 7, 90}), 2u);
    EXPECT_EQ(pooledPosition(own, TokenIds{50, 7, 99, 3}), 2u) << "the vocabulary's last id is an end token";
}

TEST(Preprocess, ReadsEveryFormOfSizes) {
    const Preprocess number = Preprocess::parse(R"({"size": 64, "crop_size": 60})", "p", 32);
    EXPECT_EQ(number.resize, Preprocess::Resize::ShortestEdge);
    EXPECT_EQ(number.width, 64);
    EXPECT_EQ(number.crop_height, 60);
    const Preprocess stretch =
        Preprocess::parse(R"({"size": {"height": 20, "width": 30}, "resample": 2})", "p", 32);
    EXPECT_EQ(stretch.resize, Preprocess::Resize::Stretch);
    EXPECT_FALSE(stretch.crop);
    EXPECT_EQ(stretch.width, 30);
    EXPECT_THROW(stretch.requireOutput(32, "p"), Error);
    for (const char* json :
         {R"({"size": 0})", R"({"size": {"longest_edge": 5}})", R"({"resample": 1})", R"({"image_mean": [1, 2]})",
          R"({"image_std": [0, 1, 1]})", R"({"crop_size": "big"})", "7"}) {
        EXPECT_THROW(Preprocess::parse(json, "p", 32), Error) << json;
    }
}

// Without a resize a picture smaller than the crop stands in the middle of black, as the reference pads it.
TEST(Preprocess, WhatACropLacksIsBlack) {
    const Preprocess p = Preprocess::parse(
        R"({"do_resize": false, "crop_size": 5, "do_normalize": false, "do_rescale": false})", "p", 5);
    image::Image picture = image::makeImage(2, 7);
    std::fill(picture.rgb.begin(), picture.rgb.end(), std::uint8_t{9});
    std::vector<float> out(75);
    preprocess(p, picture, 5, out.data());
    for (std::size_t i = 0; i < out.size(); ++i) {
        const std::size_t x = i % 5;
        EXPECT_EQ(out[i], x == 2 || x == 3 ? 9.0f : 0.0f) << i;
    }
    const image::Image thread = image::makeImage(1, 3000000);
    EXPECT_THROW(preprocess(Preprocess::forSize(224), thread, 224, nullptr), Error);
}

// The example of every description of CLIP's tokenizer; the vocabulary is not part of the repository.
TEST(ClipTokenizer, RefusesTablesThatAreNotClips) {
    EXPECT_THROW(ClipTokenizer::fromFiles("{}", "", "vocab.json"), Error);
    EXPECT_THROW(ClipTokenizer::fromFiles("[1]", "", "vocab.json"), Error);
    EXPECT_THROW(ClipTokenizer::fromJson(R"({"model": {"vocab": {}, "merges": []}})", "tokenizer.json"), Error);
    const std::string vocab = readTextFile(dataFolder() / "variant/vocab.json");
    EXPECT_THROW(ClipTokenizer::fromFiles(vocab, "a b c\n", "merges.txt"), Error);
    EXPECT_THROW(ClipTokenizer::fromFiles(vocab, "zz yy\n", "merges.txt"), Error);
    EXPECT_THROW(ClipTokenizer::fromFiles(vocab, "", "vocab.json").encode("\xff", 77), Error);
}

class BrokenFolder : public testing::Test {
  protected:
    BrokenFolder() { fs::copy(dataFolder() / "plain", folder_ / "", fs::copy_options::recursive); }
    std::string refusal() const {
        try {
            ClipModel::load(folder_ / "");
        } catch (const Error& error) {
            return error.what();
        }
        return "nothing was refused";
    }
    TemporaryFolder folder_;
};

TEST_F(BrokenFolder, AWrongSizeIsNamedWithItsTensor) {
    auto json = nlohmann::json::parse(readTextFile(folder_ / "config.json"));
    json["projection_dim"] = 25;
    writeFileAtomically(folder_ / "config.json", json.dump());
    EXPECT_THAT(refusal(), testing::HasSubstr("visual_projection.weight: shape [24, 32] found, [25, 32] expected"));
}

TEST_F(BrokenFolder, MissingFilesAreNamed) {
    fs::remove(folder_ / "tokenizer.json");
    EXPECT_THAT(refusal(), testing::HasSubstr("tokenizer"));
    fs::remove(folder_ / "model.safetensors");
    EXPECT_THAT(refusal(), testing::HasSubstr("safetensors"));
    fs::remove(folder_ / "config.json");
    EXPECT_THAT(refusal(), testing::HasSubstr("config.json"));
}

TEST_F(BrokenFolder, ACutFileIsNamed) {
    const fs::path file = folder_ / "model.safetensors";
    fs::resize_file(file, fs::file_size(file) / 2);
    EXPECT_THAT(refusal(), testing::HasSubstr("model.safetensors"));
}

} // namespace
} // namespace fulgurite::clip
