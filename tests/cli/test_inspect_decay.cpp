// SPDX-License-Identifier: Apache-2.0
// `inspect decay` as a process: the contract that checks from outside rely on.
#include "core/base/atomic_file.h"
#include "tests/support/engine_process.h"
#include "tests/support/golden_models.h"

#include <cmath>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace fulgurite::test {
namespace {

using testing::HasSubstr;

class InspectDecay : public testing::Test {
  protected:
    // A folder with nothing but a config: every eighth layer softmax, as published.
    void writeConfig(int layers, int heads) const {
        nlohmann::json config{{"architectures", {"MiniMaxM1ForCausalLM"}},
                              {"num_hidden_layers", layers},
                              {"num_attention_heads", heads},
                              {"num_key_value_heads", heads / 2},
                              {"hidden_size", 64},
                              {"head_dim", 16}};
        for (int layer = 0; layer < layers; ++layer) {
            config["attn_type_list"].push_back(layer % 8 == 7 ? 1 : 0);
        }
        writeFileAtomically(folder_ / "config.json", config.dump());
    }
    Outcome decay(std::vector<std::string> more) const {
        std::vector<std::string> arguments{"inspect", "decay", "--model", (folder_ / "").string()};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return runEngine(arguments);
    }
    // Slopes: [heads] at depth 0; the factor falls linearly with the absolute layer index.
    void expectHalfLives(const std::vector<double>& slopes, int layers) const {
        const Outcome outcome = decay({"--json"});
        ASSERT_EQ(outcome.status, 0) << outcome.err;
        const auto half_life = nlohmann::json::parse(outcome.out).at("half_life");
        ASSERT_EQ(half_life.size(), static_cast<std::size_t>(layers));
        for (int layer = 0; layer < layers; ++layer) {
            const auto& heads = half_life[static_cast<std::size_t>(layer)];
            ASSERT_EQ(heads.size(), slopes.size());
            for (std::size_t h = 0; h < slopes.size(); ++h) {
                if (layer % 8 == 7) {
                    EXPECT_TRUE(heads[h].is_null());
                    continue;
                }
                const double rate = slopes[h] * (1.0 - static_cast<double>(layer) / (layers - 1) + 1e-5);
                const double wanted = std::log(2.0) / rate;
                // The model holds its rates in float32: half a unit in the last place.
                EXPECT_NEAR(heads[h].get<double>(), wanted, wanted * 0x1p-24 * 1.01);
            }
        }
    }

    TemporaryFolder folder_;
};

TEST_F(InspectDecay, PrintsHalfLivesFromAConfigAlone) {
    writeConfig(80, 64);
    std::vector<double> slopes;
    for (int head = 0; head < 64; ++head) {
        slopes.push_back(std::pow(2.0, -8.0 * (head + 1) / 64));
    }
    expectHalfLives(slopes, 80);
}

TEST_F(InspectDecay, KnowsHeadCountsThatAreNoPowerOfTwo) {
    writeConfig(9, 6);
    expectHalfLives({0.25, 0.0625, 0.015625, 0.00390625, 0.5, 0.125}, 9);
}

TEST_F(InspectDecay, PrintsATable) {
    writeConfig(9, 4);
    const Outcome outcome = decay({});
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("to 50 %"));
    EXPECT_THAT(outcome.out, HasSubstr("    0      2.77    11.09    44.36      177\n"));
    EXPECT_THAT(outcome.out, HasSubstr("    7   softmax\n"));
    EXPECT_THAT(decay({"--percent", "10"}).out, HasSubstr("    0      9.21    36.84      147      589\n"));
}

TEST_F(InspectDecay, NamesTheFileThatIsMissing) {
    const Outcome outcome = decay({"--json"});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.err, HasSubstr((folder_ / "config.json").string()));
    EXPECT_EQ(decay({"--percent", "0"}).status, 2);
}

TEST_F(InspectDecay, APercentageThatIsNoneIsRefused) {
    writeConfig(8, 4);
    for (const char* value : {"nan", "inf", "0", "-1", "101", "1x", ""}) {
        const Outcome outcome = decay({"--percent", value});
        EXPECT_NE(outcome.status, 0) << value;
        EXPECT_THAT(outcome.err, HasSubstr("must be a number from 1e-9 to 100")) << value;
    }
    EXPECT_EQ(decay({"--percent", "1"}).status, 0);
}

} // namespace
} // namespace fulgurite::test
