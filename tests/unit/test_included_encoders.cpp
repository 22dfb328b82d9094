// SPDX-License-Identifier: Apache-2.0
// The encoders and the pictures that come with the program: every caption should find its scene.
#include "core/cascade/library_service.h"
#include "tests/unit/temporary_folder.h"
#include "tests/unit/test_paths.h"

#include <gtest/gtest.h>

namespace fulgurite::cascade {
namespace {

TEST(IncludedEncoders, FindTheSampleScenesByTheirCaptions) {
    const auto resources = test::sourceDir() / "resources";
    const TemporaryFolder folder;
    LibraryService service({.data = folder / "data",
                            .encoders = {resources / "models/spyglass-l", resources / "models/spyglass-s",
                                         resources / "models/spyglass-m"},
                            .threads = 2,
                            .watch = false});
    ASSERT_EQ(service.encoders().list().front().id, "spyglass-s") << "by rising cost";
    const LibraryId id = service.create("scenes", {(resources / "images/scenes").string()});
    service.scan(id, ScanAction::Start);
    service.waitForScan(id);
    EXPECT_TRUE(service.unreadable(id).empty());
    EvaluationSettings settings;
    settings.captions = readCaptions(resources / "images/scenes/captions.jsonl");
    settings.variants = {
        {{"spyglass-s", 0}}, {{"spyglass-l", 0}}, {{"spyglass-s", 50}, {"spyglass-m", 20}, {"spyglass-l", 0}}};
    EvaluationResult result;
    service.withSearch(id, [&](const SearchContext& context) {
        result = evaluate(settings, context, service.evaluationHooks(id));
    });
    EXPECT_EQ(result.captions, 300u);
    for (const EvaluationRow& row : result.rows) {
        // Measured: 95 and 99 of 100. Weights, readers or preprocessing that do not fit bring it to one in 300.
        EXPECT_GT(row.recall.at(1).mean, 0.9) << row.stages.front().encoder;
        EXPECT_GT(row.recall.at(10).mean, 0.97) << row.stages.front().encoder;
    }
    EXPECT_GT(result.rows[2].flops_factor, 5);
}

} // namespace
} // namespace fulgurite::cascade
