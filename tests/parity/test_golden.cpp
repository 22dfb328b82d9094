// SPDX-License-Identifier: Apache-2.0
// The forward pass against the golden values of the three parity models: computed in float64 and cross-checked with
// the published modelling code to 5.5e-7. Logits must agree to 5e-6, which is ten times that noise; other values to
// what their printed digits allow.
#include "tests/support/golden_models.h"
#include "tests/support/model_runner.h"

#include <gtest/gtest.h>
#include <map>
#include <numeric>

namespace fulgurite::test {
namespace {

struct Golden {
    std::map<int, std::vector<float>> logits; // position -> first logits
    std::map<int, int> argmax;
    std::vector<int> last_argmax; // of the last 8 positions
    double top = 0;
    double gap = 0;
    double sum = 0;
    double mean_magnitude = 0;
    std::vector<double> stream_norms;           // last token: embedding, then each layer
    std::map<int, double> state_norms;          // by layer
    std::vector<std::map<int, double>> experts; // last token, by layer
    std::vector<float> first_head_row;          // layer 0, head 0, row 0
    std::vector<float> last_head_row;
    int parameters = 0;
};

Golden goldenA() {
    Golden g;
    g.logits = {
        {0, {-0.518688f, 0.036806f, 0.338123f, 0.050827f}},
        {5, {0.120853f, 0.957859f, -0.081410f, 0.656929f}},
        {11,
         {-0.4389773f, -0.4900518f, 0.2168247f, -0.3898634f, -0.1827621f, -0.7238352f, -0.1366507f, -0.8956929f}}};
    g.argmax = {{0, 126}, {5, 121}, {11, 63}};
    g.last_argmax = {125, 121, 81, 46, 56, 49, 83, 63};
    g.top = 1.3003789;
    g.gap = 0.11027;
    g.sum = -10.3411606;
    g.mean_magnitude = 0.4627487;
    g.stream_norms = {0.4952905, 13.2615797, 13.3738569, 13.5912846, 13.6435597};
    g.state_norms = {{0, 10.9353726}, {1, 10.3819779}, {2, 12.7423373}};
    g.experts = {{{1, 0.5069095}, {0, 0.4930905}},
                 {{3, 0.7463413}, {1, 0.2536587}},
                 {{0, 0.9007712}, {1, 0.0992288}},
                 {{0, 0.6409292}, {1, 0.3590708}}};
    g.first_head_row = {0.08722559f, 0.03442938f, -0.08763866f, -0.06207179f};
    g.last_head_row = {-0.05565193f, -0.15073016f, 0.0174819f, -0.01068548f};
    g.parameters = 386816;
    return g;
}

Golden goldenB() {
    Golden g;
    g.logits = {
        {0, {0.770025f, 0.443681f, 0.253605f, 0.332993f}},
        {20, {-0.611974f, 0.416162f, -0.481890f, -0.976776f}},
        {39, {0.172059f, -0.6572869f, -0.952793f, 0.3927671f, -0.0878143f, 0.1837048f, -0.5963856f, 0.4900521f}}};
    g.argmax = {{0, 59}, {20, 47}, {39, 72}};
    g.last_argmax = {73, 79, 40, 47, 7, 14, 84, 72};
    g.top = 1.2399702;
    g.gap = 0.16656;
    g.sum = -6.914635;
    g.mean_magnitude = 0.4021898;
    g.stream_norms = {0.4973532, 13.4098315, 13.297958, 14.4336225, 14.4258341, 13.5106389};
    g.state_norms = {{0, 11.4050575}, {2, 13.1961433}, {3, 15.7280598}};
    g.experts = {{{3, 0.880517}, {0, 0.08798}, {2, 0.031503}},
                 {{2, 0.7603636}, {1, 0.2273285}, {3, 0.0123079}},
                 {{1, 0.4060996}, {4, 0.3492191}, {0, 0.2446813}},
                 {{0, 0.5217752}, {4, 0.3868468}, {3, 0.0913781}},
                 {{1, 0.4300331}, {3, 0.429626}, {0, 0.1403409}}};
    g.first_head_row = {0.0392687f, -0.02660275f, -0.04023631f, 0.04503309f};
    g.last_head_row = {-0.25197951f, -0.28841309f, 0.21664225f, -0.24870596f};
    g.parameters = 227832;
    return g;
}

Golden goldenC() {
    Golden g;
    g.logits = {{0, {-0.650088f, 0.263201f, 0.292706f, -0.493923f}},
                {254, {-0.251131f, 0.137207f, 0.308250f, 0.266147f}},
                {255, {0.184938f, 0.254237f, -0.590925f, -0.429756f}},
                {256, {-0.757599f, 0.401211f, 0.224894f, -0.757710f}},
                {257, {-0.137999f, 0.574644f, 0.018693f, -0.835111f}},
                {300, {0.156178f, -0.340575f, 0.265537f, 0.137293f}},
                {511, {0.182563f, 0.246020f, -0.584371f, -0.453089f}},
                {512, {-0.741900f, 0.407825f, 0.206182f, -0.748242f}},
                {519, {-0.9291828f, -0.1402176f, -0.1947531f, -0.7730727f}}};
    g.argmax = {{0, 53}, {254, 39}, {255, 57}, {256, 14}, {257, 46}, {300, 42}, {511, 57}, {512, 14}, {519, 27}};
    g.last_argmax = {14, 46, 14, 45, 5, 45, 22, 27};
    g.top = 0.7584001;
    g.gap = 0.17617;
    g.sum = -2.3208013;
    g.mean_magnitude = 0.3272485;
    g.stream_norms = {0.3363163,  11.7729694, 11.0441953, 12.172498, 11.5777926,
                      11.6494335, 11.2680155, 10.4677499, 11.1834592};
    g.state_norms = {{0, 25.6792144}, {1, 26.9556395}, {2, 29.0047265}, {3, 37.406478},
                     {4, 60.8948701}, {5, 55.911067},  {6, 75.0072855}};
    g.experts = {{{7, 0.7690488}, {0, 0.2309512}}, {{0, 0.5238582}, {4, 0.4761418}},
                 {{7, 0.558827}, {0, 0.441173}},   {{1, 0.6189175}, {0, 0.3810825}},
                 {{5, 0.5341825}, {0, 0.4658175}}, {{7, 0.6490919}, {1, 0.3509081}},
                 {{1, 0.5572707}, {3, 0.4427293}}, {{3, 0.7302372}, {4, 0.2697628}}};
    g.parameters = 230880;
    return g;
}

double norm(std::span<const float> values) {
    double squares = 0;
    for (const float x : values) {
        squares += static_cast<double>(x) * x;
    }
    return std::sqrt(squares);
}

class GoldenTest : public testing::TestWithParam<std::tuple<char, const kernels::OpTable*>> {
  protected:
    GoldenTest() : model_(goldenModel(std::get<0>(GetParam()))) {
        writeCheckpoint(model_, folder_.path());
        const char letter = std::get<0>(GetParam());
        golden_ = letter == 'A' ? goldenA() : letter == 'B' ? goldenB() : goldenC();
        const auto loaded = HybridModel::load(folder_.path(), *std::get<1>(GetParam()));
        run_ = std::make_unique<ModelRun>(runModel(*loaded, model_.prompt, 256));
        vocab_ = static_cast<std::size_t>(model_.config.vocab_size);
    }

    std::span<const float> row(std::size_t position) const {
        return std::span(run_->logits).subspan(position * vocab_, vocab_);
    }

    TemporaryFolder folder_;
    GoldenModel model_;
    Golden golden_;
    std::unique_ptr<ModelRun> run_;
    std::size_t vocab_ = 0;
};

TEST_P(GoldenTest, Logits) {
    for (const auto& [position, expected] : golden_.logits) {
        for (std::size_t i = 0; i < expected.size(); ++i) {
            EXPECT_NEAR(row(static_cast<std::size_t>(position))[i], expected[i], 5e-6)
                << "position " << position << ", " << i;
        }
    }
    for (const auto& [position, expected] : golden_.argmax) {
        EXPECT_EQ(argmax(row(static_cast<std::size_t>(position))), static_cast<std::size_t>(expected)) << position;
    }
    const std::size_t n = model_.prompt.size();
    for (std::size_t i = 0; i < 8; ++i) {
        EXPECT_EQ(argmax(row(n - 8 + i)), static_cast<std::size_t>(golden_.last_argmax[i]));
    }
    std::vector<float> last(row(n - 1).begin(), row(n - 1).end());
    EXPECT_NEAR(std::accumulate(last.begin(), last.end(), 0.0), golden_.sum,
                5e-6 * std::sqrt(static_cast<double>(vocab_)));
    std::sort(last.rbegin(), last.rend());
    EXPECT_NEAR(last[0], golden_.top, 5e-6);
    EXPECT_NEAR(last[0] - last[1], golden_.gap, 1e-5);
    double magnitude = 0;
    for (const float x : run_->logits) {
        magnitude += std::abs(static_cast<double>(x));
    }
    EXPECT_NEAR(magnitude / static_cast<double>(run_->logits.size()), golden_.mean_magnitude, 1e-6);
}

TEST_P(GoldenTest, StreamsOfTheLastToken) {
    ASSERT_EQ(run_->seen.hidden.size(), golden_.stream_norms.size());
    const auto width = static_cast<std::size_t>(model_.config.hidden_size);
    for (std::size_t i = 0; i < golden_.stream_norms.size(); ++i) {
        const auto& hidden = run_->seen.hidden[i];
        EXPECT_NEAR(norm(std::span(hidden).last(width)), golden_.stream_norms[i],
                    2e-6 * golden_.stream_norms[i] + 1e-7)
            << i;
    }
}

TEST_P(GoldenTest, States) {
    for (const auto& [layer, expected] : golden_.state_norms) {
        EXPECT_NEAR(norm(run_->state.lightning(layer)), expected, 2e-6 * expected) << layer;
    }
    const auto state = run_->state.lightning(0);
    const auto dim = static_cast<std::size_t>(model_.config.head_dim);
    for (std::size_t i = 0; i < golden_.first_head_row.size(); ++i) {
        EXPECT_NEAR(state[i], golden_.first_head_row[i], 1e-6);
        EXPECT_NEAR(state[state.size() - dim * dim + i], golden_.last_head_row[i], 1e-6);
    }
}

TEST_P(GoldenTest, ExpertsOfTheLastToken) {
    const auto top_k = static_cast<std::size_t>(model_.config.top_k);
    for (std::size_t layer = 0; layer < golden_.experts.size(); ++layer) {
        const auto ids = std::span(run_->seen.experts[layer]).last(top_k);
        const auto weights = std::span(run_->seen.weights[layer]).last(top_k);
        for (std::size_t j = 0; j < top_k; ++j) {
            ASSERT_TRUE(golden_.experts[layer].contains(ids[j])) << "layer " << layer << ", expert " << ids[j];
            EXPECT_NEAR(weights[j], golden_.experts[layer].at(ids[j]), 2e-6);
            EXPECT_TRUE(j == 0 || weights[j] <= weights[j - 1]);
        }
    }
}

TEST_P(GoldenTest, ParameterCount) {
    EXPECT_EQ(model_.config.parameterCount(), golden_.parameters);
}

std::vector<const kernels::OpTable*> availableTables() {
    std::vector<const kernels::OpTable*> tables{&kernels::referenceOps()};
    for (const auto level : {kernels::CpuLevel::Avx2, kernels::CpuLevel::Avx512}) {
        if (kernels::isSupported(level)) {
            tables.push_back(&kernels::cpuOps(level));
        }
    }
    return tables;
}

std::string caseName(const testing::TestParamInfo<GoldenTest::ParamType>& param) {
    std::string name = std::string(1, std::get<0>(param.param)) + "_" + std::get<1>(param.param)->name;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenTest,
                         testing::Combine(testing::Values('A', 'B', 'C'), testing::ValuesIn(availableTables())),
                         caseName);

TEST(GoldenGenerator, ReproducesThePublishedSelfCheck) {
    EXPECT_EQ(goldenValues("model.norm.weight", 4), (std::vector<float>{0.7734375f, 0.8125f, 0.9453125f, 1.0625f}));
    EXPECT_EQ(goldenValues("lm_head.weight", 4),
              (std::vector<float>{0.123046875f, 0.12109375f, -0.115234375f, -0.01953125f}));
}

} // namespace
} // namespace fulgurite::test
