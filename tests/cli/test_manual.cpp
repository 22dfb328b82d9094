// SPDX-License-Identifier: Apache-2.0
// Manual pages and shell completions, as the program writes them from its own command line.
#include "core/base/atomic_file.h"
#include "core/base/file_io.h"
#include "tests/support/engine_process.h"
#include "tests/support/golden_models.h"

#include <cstdlib>
#include <filesystem>
#include <fmt/core.h>
#include <gmock/gmock.h>

namespace fulgurite::test {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

// What bash offers for a command line whose last word is still being written.
class BashCompletion : public testing::Test {
  protected:
    std::string offered(const std::string& words) const {
        const Outcome script = runEngine({"completion", "bash"});
        EXPECT_EQ(script.status, 0) << script.err;
        writeFileAtomically(folder_ / "completion", script.out);
        writeFileAtomically(folder_ / "ask",
                            fmt::format("source '{}'\nCOMP_WORDS=({})\nCOMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n"
                                        "_fulgurite_engine\nprintf ' %s' \"${{COMPREPLY[@]}}\"\n",
                                        (folder_ / "completion").string(), words));
        const std::string command =
            fmt::format("bash '{}' >'{}'", (folder_ / "ask").string(), (folder_ / "answer").string());
        EXPECT_EQ(std::system(command.c_str()), 0);
        return readTextFile(folder_ / "answer") + " ";
    }
    TemporaryFolder folder_;
};

TEST_F(BashCompletion, OffersCommandsThenTheirCommandsThenTheirOptions) {
    EXPECT_THAT(offered("fulgurite-engine sc"), testing::Eq(" score "));
    EXPECT_THAT(offered("fulgurite-engine inspect ''"), HasSubstr(" row "));
    EXPECT_THAT(offered("fulgurite-engine inspect ''"), Not(HasSubstr(" serve ")));
    EXPECT_THAT(offered("fulgurite-engine inspect row --po"), testing::Eq(" --position "));
    EXPECT_THAT(offered("fulgurite-engine completion z"), Not(HasSubstr("serve")));
}

TEST_F(BashCompletion, OffersOnlyAcceptedValues) {
    EXPECT_THAT(offered("fulgurite-engine convert --dtype ''"), testing::Eq(" bf16 f32 "));
}

TEST(Manual, HasAPageForEveryCommandWithItsOptionsAndExamples) {
    const TemporaryFolder folder;
    const Outcome written = runEngine({"manual", "--out", (folder / "man").string()});
    ASSERT_EQ(written.status, 0) << written.err;
    const std::string program = readTextFile(folder / "man" / "fulgurite-engine.1");
    EXPECT_THAT(program, HasSubstr("fulgurite\\-engine\\-inspect"));
    const std::string row = readTextFile(folder / "man" / "fulgurite-engine-inspect-row.1");
    EXPECT_THAT(row, HasSubstr(".SH EXAMPLES"));
    EXPECT_THAT(row, HasSubstr("\\fB\\-\\-position\\fR"));
    for (const auto& page : std::filesystem::directory_iterator(folder / "man"))
        EXPECT_THAT(readTextFile(page.path()), HasSubstr(".SH NAME\n")) << page.path();
}

TEST(Completion, KnowsThreeShellsOnly) {
    EXPECT_THAT(runEngine({"completion", "zsh"}).out, HasSubstr("#compdef fulgurite-engine"));
    EXPECT_THAT(runEngine({"completion", "fish"}).out, HasSubstr("complete -c fulgurite-engine"));
    EXPECT_EQ(runEngine({"completion", "tcsh"}).status, 2);
}

} // namespace
} // namespace fulgurite::test
