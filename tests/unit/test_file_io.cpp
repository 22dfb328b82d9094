// SPDX-License-Identifier: Apache-2.0
#include "core/base/atomic_file.h"
#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/base/mapped_file.h"

#include <csignal>
#include <filesystem>
#include <gtest/gtest.h>
#include <iterator>
#include <sys/resource.h>
#include <unistd.h>

namespace fulgurite {
namespace {

class FileIo : public testing::Test {
  protected:
    FileIo()
        : folder(std::filesystem::temp_directory_path() / ("fulgurite-file-io-" + std::to_string(::getpid()))) {
        std::filesystem::create_directories(folder);
    }
    ~FileIo() override { std::filesystem::remove_all(folder); }

    std::ptrdiff_t files() const {
        return std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator());
    }

    std::filesystem::path folder;
};

TEST_F(FileIo, WritesAndReadsBack) {
    writeFileAtomically(folder / "a", "first");
    writeFileAtomically(folder / "a", "second");
    EXPECT_EQ(readTextFile(folder / "a"), "second");
    EXPECT_EQ(files(), 1);
}

// Two programs, or two threads, that write one target: each has a file of its own until it is whole.
TEST_F(FileIo, WritersOfOneTargetDoNotMix) {
    writeFileAtomically(folder / "a.partial", "a person's own");
    {
        AtomicFile first(folder / "a");
        AtomicFile second(folder / "a");
        first.write(std::string_view("11"));
        second.write(std::string_view("2222"));
        first.write(std::string_view("11"));
        first.commit();
        EXPECT_EQ(readTextFile(folder / "a"), "1111");
        second.commit();
        EXPECT_EQ(readTextFile(folder / "a"), "2222");
        AtomicFile dropped(folder / "a");
        dropped.write(std::string_view("3"));
        EXPECT_TRUE(dropped.temporary().string().ends_with(".a.partial"));
        EXPECT_EQ(dropped.temporary().parent_path(), folder);
    }
    EXPECT_EQ(readTextFile(folder / "a"), "2222");
    EXPECT_EQ(readTextFile(folder / "a.partial"), "a person's own");
    EXPECT_EQ(files(), 2);
}

TEST_F(FileIo, FailedWriteLeavesTheOldFile) {
    EXPECT_THROW(writeFileAtomically(folder / "no-such-folder" / "a", "x"), Error);
    writeFileAtomically(folder / "old", "kept");
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    rlimit tight = before;
    tight.rlim_cur = 1000;
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
    EXPECT_THROW(writeFileAtomically(folder / "old", std::string(2000, 'x')), Error);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    std::signal(SIGXFSZ, handler);
    EXPECT_EQ(readTextFile(folder / "old"), "kept");
    EXPECT_EQ(files(), 1);
}

TEST_F(FileIo, MissingFileIsNamed) {
    try {
        readTextFile(folder / "missing");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::NotFound);
        EXPECT_NE(std::string(error.what()).find("missing"), std::string::npos);
    }
    EXPECT_THROW(MappedFile(folder / "missing"), Error);
}

TEST_F(FileIo, RefusesWhatIsTooLarge) {
    writeFileAtomically(folder / "big", std::string(100, 'x'));
    EXPECT_THROW(readTextFile(folder / "big", 99), Error);
}

TEST_F(FileIo, MapsAFile) {
    writeFileAtomically(folder / "m", "abc");
    MappedFile first(folder / "m");
    const MappedFile moved(std::move(first));
    ASSERT_EQ(moved.bytes().size(), 3u);
    EXPECT_EQ(static_cast<char>(moved.bytes()[2]), 'c');
    writeFileAtomically(folder / "empty", "");
    EXPECT_TRUE(MappedFile(folder / "empty").bytes().empty());
}

} // namespace
} // namespace fulgurite
