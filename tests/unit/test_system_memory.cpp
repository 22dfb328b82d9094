// SPDX-License-Identifier: Apache-2.0
// Limits of control groups, as the kernel shows them in either version of its interface.
#include "core/base/system_memory.h"
#include "tests/unit/temporary_folder.h"

#include <fstream>
#include <sys/resource.h>

namespace fulgurite {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMiB = std::size_t{1} << 20;

class ControlGroups : public testing::Test {
  protected:
    void write(const std::string& path, const std::string& text) const {
        fs::create_directories((folder_ / path).parent_path());
        std::ofstream(folder_ / path) << text;
    }
    void limit(const std::string& group, const std::string& most, std::size_t used) const {
        write("root/" + group + "/memory.max", most);
        write("root/" + group + "/memory.current", std::to_string(used));
    }
    std::optional<std::size_t> left() const { return leftInControlGroups(folder_ / "membership", folder_ / "root"); }

    TemporaryFolder folder_;
};

TEST_F(ControlGroups, TheLeastOfAllAboveCounts) {
    write("membership", "0::/system.slice/job.scope/step\n");
    EXPECT_EQ(left(), std::nullopt) << "none has a limit";
    limit("system.slice/job.scope/step", "max\n", 5 * kMiB);
    EXPECT_EQ(left(), std::nullopt);
    // The process' own has none, the one above it does: sbatch --mem.
    limit("system.slice/job.scope", std::to_string(64 * kMiB), 20 * kMiB);
    EXPECT_EQ(left(), 44 * kMiB);
    limit("system.slice", std::to_string(30 * kMiB), 25 * kMiB);
    EXPECT_EQ(left(), 5 * kMiB);
    limit("system.slice/job.scope/step", std::to_string(4 * kMiB), 3 * kMiB);
    EXPECT_EQ(left(), kMiB);
    write("root/system.slice/job.scope/step/memory.high", std::to_string(2 * kMiB));
    EXPECT_EQ(left(), 0U) << "above this the process is held up";
    // Of a sibling's nothing.
    limit("other.slice", "1", 1);
    write("root/system.slice/job.scope/step/memory.high", "max\n");
    EXPECT_EQ(left(), kMiB);
}

TEST_F(ControlGroups, PagesOfFilesThatNobodyLooksAtCanBeHad) {
    write("membership", "0::/job\n");
    limit("job", std::to_string(64 * kMiB), 60 * kMiB);
    write("root/job/memory.stat", "anon 1\nactive_file 2\ninactive_file " + std::to_string(50 * kMiB) + "\nslab 3\n");
    EXPECT_EQ(left(), 54 * kMiB);
}

TEST_F(ControlGroups, AContainerSeesItsOwnAtTheTop) {
    write("membership", "0::/../../docker/abc\n");
    limit(".", std::to_string(16 * kMiB), 6 * kMiB);
    EXPECT_EQ(left(), 10 * kMiB);
    write("membership", "0::/\n");
    EXPECT_EQ(left(), 10 * kMiB);
}

TEST_F(ControlGroups, TheFirstVersionOfTheInterface) {
    write("membership", "12:cpu,cpuacct:/job\n7:memory:/slurm/job\n1:name=systemd:/x\n0::/x\nodd line\n");
    write("root/memory/slurm/memory.limit_in_bytes", std::to_string(32 * kMiB));
    write("root/memory/slurm/memory.usage_in_bytes", std::to_string(12 * kMiB));
    write("root/memory/slurm/memory.stat", "cache 5\ntotal_inactive_file " + std::to_string(2 * kMiB) + "\n");
    EXPECT_EQ(left(), 22 * kMiB);
}

TEST_F(ControlGroups, NothingToReadIsNoLimit) {
    EXPECT_EQ(left(), std::nullopt);
}

TEST(AvailableMemory, EndsWithTheAddressSpace) {
    EXPECT_GT(availableMemory(), 0U);
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_AS, &before), 0);
    rlimit tight = before;
    tight.rlim_cur = pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) + 64 * kMiB;
    ASSERT_EQ(::setrlimit(RLIMIT_AS, &tight), 0);
    const std::size_t left = availableMemory();
    ASSERT_EQ(::setrlimit(RLIMIT_AS, &before), 0);
    EXPECT_LE(left, 64 * kMiB);
}

} // namespace
} // namespace fulgurite
