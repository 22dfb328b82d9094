// SPDX-License-Identifier: Apache-2.0
// Image libraries with two small random encoders over pictures that are made on the spot.
#pragma once

#include "core/cascade/library_service.h"
#include "tests/unit/temporary_folder.h"

#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <random>

namespace fulgurite::cascade::test {

namespace fs = std::filesystem;

inline const fs::path& dataFolder() {
    static const fs::path folder = fs::path(std::getenv("FULGURITE_SOURCE_DIR")) / "tests/data/clip";
    return folder;
}

inline void writeBytes(const fs::path& path, const std::string& bytes) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
}

// A picture that no other seed gives.
inline std::string jpegOf(unsigned seed, int side = 40) {
    std::mt19937 random(seed);
    image::Image picture = image::makeImage(side, side);
    for (int y = 0; y < side; ++y) {
        for (int x = 0; x < side; ++x) {
            const auto base = static_cast<std::uint8_t>(random() % 64 + (seed * 37) % 128);
            std::uint8_t* pixel = picture.row(y) + x * 3;
            pixel[0] = base;
            pixel[1] = static_cast<std::uint8_t>(255 - base);
            pixel[2] = static_cast<std::uint8_t>(x * 5);
        }
    }
    return image::encodeJpeg(picture, 90);
}

class ImageLibrary : public testing::Test {
  protected:
    ImageLibrary() { open(); }

    void open(ServiceOptions options = {.watch = false}) {
        service_.reset();
        options.data = folder_ / "data";
        if (options.encoders.empty()) {
            options.encoders = {dataFolder() / "plain", dataFolder() / "variant"};
        }
        options.threads = 2;
        service_ = std::make_unique<LibraryService>(std::move(options));
    }
    // Waits up to half a minute.
    template <class Condition>
    static bool eventually(const Condition& condition) {
        for (int i = 0; i < 1500 && !condition(); ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        return condition();
    }
    fs::path pictures() const { return folder_ / "pictures"; }
    void addPictures(unsigned count, unsigned first = 0) const {
        for (unsigned i = first; i < first + count; ++i) {
            writeBytes(pictures() / fmt::format("{:03}.jpg", i), jpegOf(i));
        }
    }
    void scan() {
        if (id_ == 0) {
            id_ = service_->create("test", {pictures().string()});
        }
        service_->scan(id_, ScanAction::Start);
        service_->waitForScan(id_);
    }
    std::size_t filesRead() { return service_->scanState(id_).progress.done; }
    QueryRequest textQuery(std::size_t keep, const std::string& text = "a photo of a cat") const {
        QueryRequest request;
        request.terms = {{text, 0, 1}};
        request.stages = {{"plain", keep}, {"variant", 0}};
        request.depth = 1000;
        return request;
    }

    TemporaryFolder folder_;
    std::unique_ptr<LibraryService> service_;
    LibraryId id_ = 0;
};

} // namespace fulgurite::cascade::test
