// SPDX-License-Identifier: Apache-2.0
#include "core/base/atomic_file.h"
#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/base/mapped_file.h"

#include <filesystem>
#include <gtest/gtest.h>
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

    std::filesystem::path folder;
};

TEST_F(FileIo, WritesAndReadsBack) {
    writeFileAtomically(folder / "a", "first");
    writeFileAtomically(folder / "a", "second");
    EXPECT_EQ(readTextFile(folder / "a"), "second");
    EXPECT_FALSE(std::filesystem::exists(folder / "a.partial"));
}

TEST_F(FileIo, FailedWriteLeavesTheOldFile) {
    EXPECT_THROW(writeFileAtomically(folder / "no-such-folder" / "a", "x"), Error);
    if (std::filesystem::exists("/dev/full")) {
        std::filesystem::create_symlink("/dev/full", folder / "b.partial");
        writeFileAtomically(folder / "old", "kept");
        EXPECT_THROW(writeFileAtomically(folder / "b", "x"), Error);
        EXPECT_EQ(readTextFile(folder / "old"), "kept");
        EXPECT_FALSE(std::filesystem::exists(folder / "b"));
    }
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
