// SPDX-License-Identifier: Apache-2.0
// Sampler presets in the workspace.
#include "core/store/workspace.h"
#include "tests/unit/temporary_folder.h"

#include <gmock/gmock.h>

namespace fulgurite {
namespace {

using testing::IsEmpty;

TEST(Presets, AreUndoneLikeAllElse) {
    TemporaryFolder folder;
    Workspace workspace(folder / "workspace.db");
    UndoJournal& journal = workspace.journal();
    PresetStore& presets = workspace.presets();
    presets.save("Mine", "{\"temperature\":0.25}");
    presets.save("Mine", "{\"temperature\":0.5}");
    presets.save("Mine", "{\"temperature\":0.5}"); // nothing changed: no step
    presets.remove("Mine");
    presets.remove("nobody's");
    EXPECT_THAT(presets.all(), IsEmpty());
    EXPECT_TRUE(journal.undo()->presets);
    EXPECT_EQ(presets.find("Mine"), "{\"temperature\":0.5}");
    EXPECT_EQ(journal.undo()->label, "Save preset");
    EXPECT_EQ(presets.find("Mine"), "{\"temperature\":0.25}");
    journal.undo();
    EXPECT_FALSE(presets.find("Mine"));
    EXPECT_FALSE(journal.undo());
    while (journal.redo())
        ;
    EXPECT_THAT(presets.all(), IsEmpty());
    presets.save("Mine", "{}"); // a deleted name is free
    journal.undo();
    journal.undo();
    EXPECT_EQ(presets.find("Mine"), "{\"temperature\":0.5}");
    journal.trim(0);
    presets.remove("Mine");
    journal.trim(0);
    EXPECT_EQ(workspace.database().integer("SELECT count(*) FROM presets"), 0);
}

} // namespace
} // namespace fulgurite
