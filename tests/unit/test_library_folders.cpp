// SPDX-License-Identifier: Apache-2.0
// Folders that disappear, come back, cannot be watched or hold what nobody should put into a folder of pictures.
#include "core/cascade/folder_watch.h"
#include "tests/unit/library_fixture.h"

#include <gmock/gmock.h>

namespace fulgurite::cascade {
namespace {

using test::jpegOf;
using test::writeBytes;
namespace fs = std::filesystem;
using testing::HasSubstr;

class LibraryFolders : public test::ImageLibrary {};

// A mount point without its drive is an empty folder.
TEST_F(LibraryFolders, AnEmptyFolderIsNotTakenForDeletedPictures) {
    addPictures(4);
    scan();
    fs::rename(pictures(), folder_ / "drive");
    fs::create_directory(pictures());
    scan();
    EXPECT_EQ(service_->library(id_).images, 4u);
    EXPECT_THAT(service_->scanState(id_).message, HasSubstr("is empty"));
    fs::remove(pictures());
    fs::rename(folder_ / "drive", pictures());
    scan();
    EXPECT_EQ(filesRead(), 0u);
    EXPECT_EQ(service_->scanState(id_).message, "");
    fs::remove(pictures() / "000.jpg");
    scan();
    EXPECT_EQ(service_->library(id_).images, 3u) << "one that is gone from a folder with others was deleted";
    service_->change(id_, std::nullopt, std::vector<std::string>{});
    scan();
    EXPECT_EQ(service_->library(id_).images, 0u) << "a folder taken out takes its pictures along";
}

// Its shorter side cannot be brought to the encoder's size: a reason to list it, none to end the scan.
TEST_F(LibraryFolders, APictureThatNoEncoderCanReadIsListed) {
    open(
        {.encoders = {test::dataFolder().parent_path().parent_path().parent_path() / "resources/models/spyglass-s"},
         .watch = false});
    addPictures(2);
    writeBytes(pictures() / "000a-thread.jpg", image::encodeJpeg(image::makeImage(1, 60000), 50));
    scan();
    EXPECT_EQ(service_->library(id_).images, 2u);
    const auto unreadable = service_->unreadable(id_);
    ASSERT_EQ(unreadable.size(), 1u);
    EXPECT_THAT(unreadable[0].reason, testing::StartsWith(unreadable[0].path));
    EXPECT_THAT(unreadable[0].reason, HasSubstr("too long and thin"));
    EXPECT_EQ(service_->scanState(id_).message, "");
}

TEST_F(LibraryFolders, PicturesAreEncodedUpright) {
    fs::create_directories(pictures());
    for (const char* name : {"turned1.jpg", "turned3.jpg", "turned6.jpg"}) {
        fs::copy(test::dataFolder() / "pictures" / name, pictures() / name);
    }
    scan();
    const auto images = service_->images(id_, 0, 3);
    ASSERT_EQ(images.size(), 3u);
    EXPECT_EQ(images[0].width, 24);
    EXPECT_EQ(images[2].width, 16) << "as a person sees it";
    // The three store the same pixels; turned by half, they are another picture for the encoder.
    const auto model = clip::ClipModel::load(test::dataFolder() / "plain");
    kernels::ThreadPool pool(1);
    clip::ClipRuntime runtime(pool);
    std::vector<float> pixels(model->pixelCount());
    std::vector<float> vector(model->width());
    const std::string path = images[1].path;
    model->preprocess(image::decodeImage(image::readImageFile(path), path, image::Rotation::Orientation),
                      pixels.data());
    model->encodePixels(pixels.data(), 1, vector.data(), runtime);
    service_->withSearch(id_, [&](const SearchContext& context) {
        const float* kept = context.encoder("plain").vector(images[1].content);
        ASSERT_NE(kept, nullptr);
        for (std::size_t i = 0; i < vector.size(); ++i) {
            EXPECT_NEAR(kept[i], vector[i], 1e-5) << i;
        }
    });
}

TEST_F(LibraryFolders, WhatCannotBeWatchedIsSaidAndLookedThrough) {
    addPictures(1);
    fs::create_directory(pictures() / "sub");
    service_->create("test", {pictures().string()});
    id_ = 1;
    open({.watch = true, .look_every = std::chrono::milliseconds(200), .most_watches = 1});
    ASSERT_TRUE(eventually([&] { return service_->library(id_).images == 1; }));
    ASSERT_TRUE(eventually([&] { return !service_->scanState(id_).message.empty(); }));
    EXPECT_THAT(service_->scanState(id_).message, HasSubstr("fs.inotify.max_user_watches="));
    EXPECT_THAT(service_->scanState(id_).message, HasSubstr(pictures().string()));
    writeBytes(pictures() / "sub/deep.jpg", jpegOf(50)); // where no watch is
    EXPECT_TRUE(eventually([&] { return service_->library(id_).images == 2; }));
    open({.watch = true, .look_every = std::chrono::hours(1)});
    ASSERT_TRUE(eventually([&] { return service_->scanState(id_).phase == ScanState::Phase::Idle; }));
    EXPECT_EQ(service_->scanState(id_).message, "") << "with watches enough there is nothing to say";
}

TEST_F(LibraryFolders, AFolderThatComesBackIsNoticed) {
    id_ = service_->create("test", {pictures().string()});
    open({.watch = true, .look_every = std::chrono::milliseconds(200)});
    EXPECT_TRUE(
        eventually([&] { return service_->scanState(id_).message.find("not there") != std::string::npos; }));
    addPictures(2);
    EXPECT_TRUE(eventually([&] { return service_->library(id_).images == 2; }));
    EXPECT_TRUE(eventually([&] { return service_->scanState(id_).message.empty(); }));
}

TEST(FolderWatch, SaysWhichTreesItDoesNotWatchWhole) {
    const TemporaryFolder folder;
    for (const char* name : {"a/1", "a/2", "b"}) {
        fs::create_directories(folder / name);
    }
    const std::string a = (folder / "a").string();
    const std::string b = (folder / "b").string();
    FolderWatch all;
    EXPECT_TRUE(all.set({a, b}).empty());
    EXPECT_EQ(all.watched(), 4u);
    FolderWatch few(3);
    const auto left = few.set({a, b, (folder / "none").string()});
    ASSERT_EQ(left.size(), 2u);
    EXPECT_EQ(left.at(b), Unwatched::Limit);
    EXPECT_EQ(left.at((folder / "none").string()), Unwatched::Missing);
    EXPECT_TRUE(few.set({a}).empty()) << "the old watches were given back";
}

TEST(EncoderNames, TellFoldersOfOneNameApart) {
    const TemporaryFolder folder;
    for (const char* parent : {"x", "y"}) {
        fs::create_directories(folder / parent);
        fs::copy(test::dataFolder() / "plain", folder / parent / "clip", fs::copy_options::recursive);
    }
    const EncoderSet set({folder / "x/clip", folder / "y/clip/", folder / "x/../x/clip"});
    ASSERT_EQ(set.list().size(), 2u) << "the same folder twice is one";
    EXPECT_EQ(set.list()[0].id, "clip");
    EXPECT_EQ(set.list()[1].id, "y/clip");
}

} // namespace
} // namespace fulgurite::cascade
