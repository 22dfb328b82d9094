// SPDX-License-Identifier: Apache-2.0
// Whole-model gradients against those of another implementation: data/make.py, by PyTorch's autograd in float64.
#include "core/base/file_io.h"
#include "core/checkpoint/safetensors.h"
#include "core/train/cross_entropy.h"
#include "tests/support/golden_models.h"
#include "tests/support/model_runner.h"
#include "tests/support/tolerance.h"
#include "tests/unit/test_paths.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace fulgurite {
namespace {

TEST(TrainGradient, AgreesWithAutograd) {
    const std::filesystem::path data = test::sourceDir() / "tests/grad/data";
    const SafetensorsFile expected(data / "gradients.safetensors");
    std::size_t compared = 0;
    for (const auto& entry : nlohmann::json::parse(readTextFile(data / "models.json"))) {
        const auto name = entry.at("name").get<std::string>();
        const auto golden = test::modelOf(entry.at("config").dump(), entry.at("tokens").get<TokenIds>());
        const test::TemporaryFolder folder;
        test::writeCheckpoint(golden, folder.path());
        const TrainModel model = TrainModel::load(folder.path());
        kernels::ThreadPool pool(2);
        TrainPass pass(model, pool);
        std::vector<float> gradients(model.layout().size(), 0.0f);
        const double loss = nextTokenGradient(pass, golden.prompt, gradients);
        EXPECT_NEAR(loss, toFloats(expected.tensor(name + "/loss")).front(), 1e-6);
        for (const Parameter& p : model.layout().parameters()) {
            const auto truth = toFloats(expected.tensor(name + "/" + p.name));
            // As in test_model_gradients.cpp: some 40 roundings a layer, relative to the largest gradient.
            const double tolerance = 40.0 * static_cast<double>(model.config().layers.size()) *
                                     test::kUnitRoundoff * test::largestMagnitude(truth);
            SCOPED_TRACE(name + "/" + p.name);
            test::expectClose(std::span(gradients).subspan(p.offset, p.count), truth, tolerance);
            ++compared;
        }
    }
    EXPECT_EQ(compared + 2, expected.header().entries.size());
}

} // namespace
} // namespace fulgurite
