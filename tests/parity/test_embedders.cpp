// SPDX-License-Identifier: Apache-2.0
// Embedders against the reference library (tests/data/encoder/make.py) and, for the language model, against what
// its own forward pass shows.
#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/model/weights.h"
#include "core/retrieval/embedder.h"
#include "core/text/wordpiece.h"
#include "tests/support/golden_models.h"
#include "tests/support/tolerance.h"
#include "tests/unit/test_paths.h"

#include <algorithm>
#include <fmt/format.h>
#include <fstream>
#include <gmock/gmock.h>
#include <numeric>

namespace fulgurite::retrieval {
namespace {

using test::expectClose;
using test::TemporaryFolder;
using testing::HasSubstr;

std::filesystem::path fixtures() {
    return test::sourceDir() / "tests/data/encoder";
}

std::vector<std::string> goldenTexts() {
    std::ifstream file(fixtures() / "texts.txt");
    std::vector<std::string> texts;
    for (std::string line; std::getline(file, line);) {
        texts.push_back(line);
    }
    return texts;
}

// The second fixture: weights of the first, its own tokenizer and pooling files.
void makeClsFolder(const std::filesystem::path& folder) {
    std::filesystem::copy(fixtures() / "bert_cls", folder, std::filesystem::copy_options::recursive);
    for (const char* file : {"config.json", "model.safetensors"}) {
        std::filesystem::copy_file(fixtures() / "bert" / file, folder / file);
    }
}

// Three layers of a few hundred roundings each on values below 10.
constexpr double kEncoder = 2e-5;

TEST(WordPiece, SplitsAsTheReferenceLibrary) {
    const SafetensorsFile golden(fixtures() / "golden.safetensors");
    const auto texts = goldenTexts();
    const auto from_json = WordPiece::load(fixtures() / "bert");
    const auto from_lines = WordPiece::load(fixtures() / "bert_cls");
    for (std::size_t n = 0; n < texts.size(); ++n) {
        const TensorView view = golden.tensor(fmt::format("ids.{}", n));
        const auto* ids = reinterpret_cast<const TokenId*>(view.data);
        const TokenIds expected(ids, ids + view.elements());
        EXPECT_EQ(from_json->encode(texts[n], 40).ids, expected) << texts[n];
        EXPECT_EQ(from_lines->encode(texts[n], 40).ids, expected) << texts[n];
    }
    const auto cut = from_json->encode(texts[5], 40);
    EXPECT_EQ(cut.ids.size(), 40u);
    EXPECT_EQ(cut.total, 121u);
}

TEST(WordPiece, RefusesWhatItCannotDo) {
    const auto refused = [](const std::string& json, const std::string& why) {
        try {
            WordPiece::parse(json, "tokenizer.json");
            ADD_FAILURE() << "accepted; should say " << why;
        } catch (const Error& error) {
            EXPECT_THAT(error.what(), HasSubstr(why));
        }
    };
    refused(R"({"model": {"type": "BPE"}})", "BPE");
    refused(R"({"model": {"type": "WordPiece", "vocab": {}}})", "empty");
    refused(R"({"model": {"type": "WordPiece", "vocab": {"a": 0}}})", "[UNK]");
    refused(R"({"model": {"type": "WordPiece", "vocab": {"[UNK]": 0, "a": 0}}})", "same id");
    refused(R"({"model": {"type": "WordPiece", "vocab": {"[UNK]": 99999999}}})", "99999999");
    refused(R"({"normalizer": {"type": "NFC"}, "model": {"type": "WordPiece", "vocab": {"[UNK]": 0}}})", "NFC");
    refused(R"({"post_processor": {"type": "Sequence"}, "model": {"type": "WordPiece", "vocab": {"[UNK]": 0}}})",
            "Sequence");
    EXPECT_THROW(WordPiece::load(fixtures() / "bert")->encode("a\xFF", 40), Error);
}

class BertPooling : public testing::TestWithParam<const char*> {};

TEST_P(BertPooling, GivesTheVectorsOfTheReferenceLibrary) {
    const std::string pooling = GetParam();
    const TemporaryFolder folder;
    std::filesystem::path model = fixtures() / "bert";
    if (pooling == "cls") {
        model = folder / "encoder";
        makeClsFolder(model);
    }
    kernels::ThreadPool pool(2);
    const auto embedder = openEmbedder(model, {.layers = {2, 0, -2}}, pool);
    EXPECT_EQ(embedder->info().pooling, poolingOf(pooling));
    EXPECT_EQ(embedder->info().max_tokens, 40u);
    const auto texts = goldenTexts();
    const auto vectors = embedder->embed(texts);
    const SafetensorsFile golden(fixtures() / "golden.safetensors");
    for (std::size_t n = 0; n < texts.size(); ++n) {
        SCOPED_TRACE(texts[n]);
        expectClose(vectors[n].standard, toFloats(golden.tensor(fmt::format("{}.{}", pooling, n))), kEncoder);
        const int layers[] = {2, 0, 1};
        for (std::size_t i = 0; i < 3; ++i) {
            expectClose(vectors[n].heads[i],
                        toFloats(golden.tensor(fmt::format("heads.{}.{}.{}", pooling, layers[i], n))), kEncoder);
        }
    }
    EXPECT_EQ(vectors[5].tokens, 121u);
    EXPECT_EQ(vectors[5].used, 40u);
    EXPECT_EQ(vectors[0].tokens, vectors[0].used);
}

INSTANTIATE_TEST_SUITE_P(Golden, BertPooling, testing::Values("mean", "cls"));

TEST(BertEmbedder, SaysWhatDoesNotFit) {
    kernels::ThreadPool pool(1);
    const auto refused = [&](const EmbedderOptions& options, const std::string& why) {
        try {
            openEmbedder(fixtures() / "bert", options, pool);
            ADD_FAILURE() << "accepted; should say " << why;
        } catch (const Error& error) {
            EXPECT_THAT(error.what(), HasSubstr(why));
        }
    };
    refused({.layers = {3}}, "layer 3 does not exist; the model has 3");
    refused({.layers = {-4}}, "layer -4");
    refused({.layers = {2, -1}}, "twice");
    refused({.max_tokens = 41}, "3 to 40");
}

// Everything a pass shows of one text, alone in its batch.
class RecordingTap final : public ForwardTap {
  public:
    explicit RecordingTap(int layer) : layer_(layer) {}
    bool wants(TapPoint point, int layer) const override {
        return point == TapPoint::Hidden ||
               (layer == layer_ && (point == TapPoint::HeadGated || point == TapPoint::HeadOutput));
    }
    void onValues(TapPoint point, int, std::span<const float> values, std::size_t rows) override {
        const auto last = values.last(values.size() / rows);
        std::vector<float>& kept = point == TapPoint::Hidden ? hidden : point == TapPoint::HeadGated ? gated : core;
        kept.assign(last.begin(), last.end());
    }
    void onRouting(int, std::span<const std::int32_t>, std::span<const float>, std::size_t) override {}
    std::vector<float> hidden;
    std::vector<float> gated;
    std::vector<float> core;

  private:
    int layer_;
};

// The smallest tokenizer: every byte is a token, and no pair is merged.
std::shared_ptr<const Tokenizer> smallTokenizer() {
    return Tokenizer::load(test::sourceDir() / "tests/data/tokenizer_small");
}

class HybridEmbedderTest : public testing::Test {
  protected:
    HybridEmbedderTest() : folder_(), tokenizer_(smallTokenizer()) {
        test::GoldenModel golden = test::goldenModel('A');
        nlohmann::json config = nlohmann::json::parse(golden.config_json);
        config["vocab_size"] = tokenizer_->size();
        golden = test::modelOf(config.dump(), golden.prompt);
        test::writeCheckpoint(golden, folder_ / "model");
        model_ = HybridModel::load(folder_ / "model");
    }

    RecordingTap lastRow(const std::string& text, int layer) {
        RecordingTap tap(layer);
        const TokenIds ids = tokenizer_->encode(text);
        SequenceState state = model_->newState();
        SequenceChunk chunk{&state, ids, LogitsWanted::None};
        Workspace workspace;
        std::vector<float> logits;
        model_->forward({&chunk, 1}, pool_, workspace, logits, &tap);
        return tap;
    }

    TemporaryFolder folder_;
    std::shared_ptr<const Tokenizer> tokenizer_;
    std::shared_ptr<const HybridModel> model_;
    kernels::ThreadPool pool_{2};
};

// The order of sums inside a pass differs with the chunks: lightning layers compute 64 tokens as a block, one as a
// step.
constexpr double kChunks = 1e-3;

TEST_F(HybridEmbedderTest, ReadsTheLastTokensHeadsAndStream) {
    const std::vector<std::string> texts{"the lazy dog", "Hello, world! The answer is 42, and they don't know it.",
                                         "a"};
    for (int layer = 0; layer < model_->config().layerCount(); ++layer) {
        for (const HeadPlace place : {HeadPlace::Projection, HeadPlace::Core}) {
            // 7 tokens a turn: texts are cut at any place and share turns.
            const auto embedder = hybridEmbedder(model_, tokenizer_, "model", {.layers = {layer}, .place = place},
                                                 probe::ownTurn(pool_, 7));
            const auto vectors = embedder->embed(texts);
            for (std::size_t i = 0; i < texts.size(); ++i) {
                SCOPED_TRACE(fmt::format("layer {} {} text {}", layer, nameOf(place), i));
                const RecordingTap expected = lastRow(texts[i], layer);
                expectClose(vectors[i].heads[0], place == HeadPlace::Projection ? expected.gated : expected.core,
                            kChunks);
                std::vector<float> normed(expected.hidden.size());
                kernels::Queue queue(pool_);
                kernels::referenceOps().norm({expected.hidden.data(), model_->weights().final_norm.data(),
                                              normed.data(), 1, normed.size(), model_->config().rms_norm_eps},
                                             queue);
                expectClose(vectors[i].standard, normed, kChunks);
                EXPECT_EQ(vectors[i].tokens, tokenizer_->encode(texts[i]).size());
            }
        }
    }
}

TEST_F(HybridEmbedderTest, CutsLongTextsAndRefusesEmptyOnes) {
    const auto embedder = hybridEmbedder(model_, tokenizer_, "model", {.max_tokens = 5}, probe::ownTurn(pool_));
    const TokenIds ids = tokenizer_->encode("the quick brown fox jumps over");
    ASSERT_GT(ids.size(), 5u);
    const std::string beginning = tokenizer_->decode(std::span(ids).first(5));
    const std::vector<std::string> texts{"the quick brown fox jumps over", beginning};
    const auto vectors = embedder->embed(texts);
    EXPECT_EQ(vectors[0].tokens, ids.size());
    EXPECT_EQ(vectors[0].used, 5u);
    EXPECT_EQ(vectors[0].standard, vectors[1].standard);
    EXPECT_THROW(embedder->embed(std::vector<std::string>{"a", ""}), Error);
}

TEST_F(HybridEmbedderTest, MeanPoolingIsTheMeanOfEveryRow) {
    const auto mean =
        hybridEmbedder(model_, tokenizer_, "model", {.pooling = Pooling::Mean}, probe::ownTurn(pool_, 4));
    const auto last = hybridEmbedder(model_, tokenizer_, "model", {}, probe::ownTurn(pool_, 4));
    const TokenIds ids = tokenizer_->encode("many heads");
    std::vector<std::string> beginnings;
    for (std::size_t n = 1; n <= ids.size(); ++n) {
        beginnings.push_back(tokenizer_->decode(std::span(ids).first(n)));
        ASSERT_EQ(tokenizer_->encode(beginnings.back()).size(), n);
    }
    std::vector<float> expected(last->info().width, 0.0f);
    for (const TextVectors& row : last->embed(beginnings)) {
        std::transform(expected.begin(), expected.end(), row.standard.begin(), expected.begin(),
                       [&](float sum, float x) { return sum + x / static_cast<float>(ids.size()); });
    }
    expectClose(mean->embed(std::vector<std::string>{"many heads"})[0].standard, expected, kChunks);
}

TEST_F(HybridEmbedderTest, StopsBetweenTurns) {
    const auto embedder = hybridEmbedder(model_, tokenizer_, "model", {}, probe::ownTurn(pool_));
    std::stop_source stop;
    stop.request_stop();
    try {
        embedder->embed(std::vector<std::string>{"a"}, stop.get_token());
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::Cancelled);
    }
}

TEST_F(HybridEmbedderTest, FingerprintTellsApartWhatGivesOtherVectors) {
    const auto print = [&](const EmbedderOptions& options) {
        return hybridEmbedder(model_, tokenizer_, "model", options, probe::ownTurn(pool_))->info().fingerprint;
    };
    EXPECT_EQ(print({}), print({.layers = {0}}));
    EXPECT_NE(print({}), print({.place = HeadPlace::Core}));
    EXPECT_NE(print({}), print({.pooling = Pooling::Mean}));
    EXPECT_NE(print({}), print({.max_tokens = 9}));
}

} // namespace
} // namespace fulgurite::retrieval
