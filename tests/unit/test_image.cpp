// SPDX-License-Identifier: Apache-2.0
// Reading and resizing pictures against what Pillow makes of the same files (tests/data/clip/make.py), and pictures
// that are empty, cut, damaged, too large or none at all.
#include "core/base/error.h"
#include "core/cascade/image/resize.h"
#include "core/checkpoint/safetensors.h"

#include <cstring>
#include <fstream>
#include <gmock/gmock.h>
#include <random>

namespace fulgurite::image {
namespace {

namespace fs = std::filesystem;

fs::path dataFolder() {
    return fs::path(std::getenv("FULGURITE_SOURCE_DIR")) / "tests/data/clip";
}

const SafetensorsFile& expectedPixels() {
    static const SafetensorsFile file(dataFolder() / "pictures.safetensors");
    return file;
}

Image expectedImage(const std::string& name) {
    const TensorView view = expectedPixels().tensor(name);
    Image image = makeImage(static_cast<int>(view.shape[1]), static_cast<int>(view.shape[0]));
    std::memcpy(image.rgb.data(), view.data, image.rgb.size());
    return image;
}

int largestDifference(const Image& a, const Image& b) {
    if (a.width != b.width || a.height != b.height) {
        return 256;
    }
    int largest = 0;
    for (std::size_t i = 0; i < a.rgb.size(); ++i) {
        largest = std::max(largest, std::abs(int{a.rgb[i]} - int{b.rgb[i]}));
    }
    return largest;
}

std::vector<std::byte> fixture(const std::string& name) {
    return readImageFile(dataFolder() / "pictures" / name);
}

template <class Work>
std::string messageOf(ErrorKind kind, const Work& work) {
    try {
        work();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), kind) << error.what();
        return error.what();
    }
    ADD_FAILURE() << "nothing was refused";
    return {};
}

TEST(ImageReader, GivesThePixelsOfTheReferenceLibrary) {
    std::size_t read = 0;
    for (const auto& entry : fs::directory_iterator(dataFolder() / "pictures")) {
        const std::string name = entry.path().filename().string();
        const Image found = decodeImage(readImageFile(entry.path()), name);
        // Versions of the JPEG library may round a transform or a conversion differently by one; the others are
        // exact.
        const int allowed = entry.path().extension() == ".jpg" ? 1 : 0;
        EXPECT_LE(largestDifference(found, expectedImage("decoded." + name)), allowed) << name;
        ++read;
    }
    EXPECT_GE(read, 20u);
}

// The stored picture has a dark top left; which corner that comes to stand in is what EXIF 2.3 says.
TEST(ImageReader, TurnsAsTheOrientationSays) {
    const Image upright = decodeImage(fixture("turned1.jpg"), "1", Rotation::Orientation);
    for (const int orientation : {2, 3, 4, 5, 6, 7, 8}) {
        const std::string name = fmt::format("turned{}.jpg", orientation);
        EXPECT_EQ(inspectImage(fixture(name), name).orientation, orientation);
        const Image turned = decodeImage(fixture(name), name, Rotation::Orientation);
        const bool swaps = orientation >= 5;
        ASSERT_EQ(turned.width, swaps ? upright.height : upright.width) << name;
        const int right = turned.width - 1;
        const int bottom = turned.height - 1;
        // Where the stored first row's first pixel goes, and where its second goes from there.
        const std::array<std::array<int, 4>, 9> places{{{},
                                                        {},
                                                        {right, 0, -1, 0},
                                                        {right, bottom, -1, 0},
                                                        {0, bottom, 1, 0},
                                                        {0, 0, 0, 1},
                                                        {right, 0, 0, 1},
                                                        {right, bottom, 0, -1},
                                                        {0, bottom, 0, -1}}};
        const auto [x, y, dx, dy] = places[static_cast<std::size_t>(orientation)];
        for (int i = 0; i < upright.width; ++i) {
            EXPECT_EQ(std::memcmp(turned.row(y + i * dy) + (x + i * dx) * 3, upright.row(0) + i * 3, 3), 0)
                << name << " pixel " << i;
        }
    }
    for (const char* name : {"turned6.png", "turned6.webp"}) {
        EXPECT_EQ(inspectImage(fixture(name), name).orientation, 6) << name;
        EXPECT_EQ(decodeImage(fixture(name), name, Rotation::Orientation).width, 16) << name;
        EXPECT_EQ(decodeImage(fixture(name), name).width, 24) << name;
    }
}

TEST(ImageReader, CutFilesAreRefusedWhereverTheyEnd) {
    for (const char* name : {"rgb.png", "baseline.jpg", "progressive.jpg", "lossy.webp", "lossless.webp"}) {
        const auto whole = fixture(name);
        for (std::size_t size = 1; size + 20 < whole.size(); size += 1 + whole.size() / 60) {
            const std::span<const std::byte> part(whole.data(), size);
            EXPECT_THROW(decodeImage(part, name), Error) << name << " cut to " << size;
        }
    }
}

TEST(ImageReader, DamageNeverDoesMoreThanAnError) {
    std::mt19937 random(3);
    for (const char* name :
         {"rgb.png", "baseline.jpg", "progressive.jpg", "cmyk.jpg", "lossy.webp", "turned6.jpg"}) {
        const auto whole = fixture(name);
        for (int round = 0; round < 200; ++round) {
            auto bytes = whole;
            for (int i = 0; i < 4; ++i) {
                bytes[random() % bytes.size()] = static_cast<std::byte>(random());
            }
            try {
                decodeImage(bytes, name, Rotation::Orientation);
            } catch (const Error& error) {
                EXPECT_THAT(error.what(), testing::StartsWith(name));
            }
        }
    }
}

// A kilobyte that claims 60,000 x 60,000 pixels is refused from its header.
TEST(ImageReader, DecompressionBombsAreRefusedByTheirHeader) {
    auto bomb = fixture("rgb.png");
    const unsigned char sides[] = {0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60};
    std::memcpy(bomb.data() + 16, sides, sizeof(sides));
    EXPECT_THROW(decodeImage(bomb, "bomb.png"), Error); // its check sum is wrong
    auto jpeg = fixture("baseline.jpg");
    const unsigned char marker[] = {0xff, 0xc0};
    const auto frame = std::search(jpeg.begin(), jpeg.end(), reinterpret_cast<const std::byte*>(marker),
                                   reinterpret_cast<const std::byte*>(marker) + 2);
    ASSERT_NE(frame, jpeg.end());
    const unsigned char size[] = {0xfe, 0xff, 0xfe, 0xff};
    std::memcpy(&*frame + 5, size, sizeof(size));
    const std::string message = messageOf(ErrorKind::Unsupported, [&] { decodeImage(jpeg, "bomb.jpg"); });
    EXPECT_THAT(message, testing::HasSubstr("65279 x 65279"));
    const ImageLimits small{.max_pixels = 100};
    EXPECT_THAT(
        messageOf(ErrorKind::Unsupported, [&] { decodeImage(fixture("rgb.png"), "x", Rotation::AsStored, small); }),
        testing::HasSubstr("53 x 37"));
}

TEST(ImageReader, OtherFilesAreRefusedWithTheReason) {
    const fs::path folder = fs::path(testing::TempDir()) / "fulgurite_images";
    fs::create_directories(folder);
    std::ofstream(folder / "empty.jpg").flush();
    EXPECT_THAT(messageOf(ErrorKind::InvalidInput, [&] { readImageFile(folder / "empty.jpg"); }),
                testing::HasSubstr("empty"));
    // Sparse: two gigabytes that take no room.
    std::ofstream(folder / "huge.png").flush();
    fs::resize_file(folder / "huge.png", std::uintmax_t{2} << 30);
    EXPECT_THAT(messageOf(ErrorKind::InvalidInput, [&] { readImageFile(folder / "huge.png"); }),
                testing::HasSubstr("2.0 GiB"));
    EXPECT_THAT(messageOf(ErrorKind::NotFound, [&] { readImageFile(folder / "gone.png"); }),
                testing::HasSubstr("gone.png"));
    messageOf(ErrorKind::InvalidInput, [&] { readImageFile(folder); });
    const std::string text = "this is no picture";
    messageOf(ErrorKind::Unsupported, [&] { decodeImage(std::as_bytes(std::span(text)), "note.jpg"); });
    messageOf(ErrorKind::InvalidInput, [&] { decodeImage({}, "nothing"); });
    fs::remove_all(folder);
}

TEST(ResizeImage, GivesTheBitsOfTheReferenceLibrary) {
    const Image source = decodeImage(fixture("rgb.png"), "rgb.png");
    std::size_t compared = 0;
    for (const auto& [name, entry] : expectedPixels().header().entries) {
        if (name.rfind("resized.", 0) == 0) {
            const Image expected = expectedImage(name);
            const bool cubic = name.find("bicubic") != std::string::npos;
            const Image found = resizeImage(source, expected.width, expected.height,
                                            cubic ? ResizeFilter::Bicubic : ResizeFilter::Bilinear);
            EXPECT_EQ(largestDifference(found, expected), 0) << name;
            ++compared;
        }
    }
    EXPECT_EQ(compared, 12u);
}

TEST(EncodeJpeg, IsReadBackAlmostAsItWas) {
    Image source = makeImage(16, 16); // a ramp: nothing that the halved colour resolution would blur
    for (int y = 0; y < 16; ++y) {
        for (int x = 0; x < 16; ++x) {
            std::memset(source.row(y) + x * 3, 8 * x + 4 * y, 3);
        }
    }
    const std::string jpeg = encodeJpeg(source, 95);
    const Image back = decodeImage(std::as_bytes(std::span(jpeg)), "back");
    EXPECT_EQ(back.width, 16);
    double difference = 0;
    for (std::size_t i = 0; i < back.rgb.size(); ++i) {
        difference += std::abs(int{back.rgb[i]} - int{source.rgb[i]});
    }
    EXPECT_LT(difference / static_cast<double>(back.rgb.size()), 2);
}

TEST(FittedSize, KeepsProportionsAndNeverGrows) {
    EXPECT_EQ(fittedSize(4000, 3000, 200).width, 200);
    EXPECT_EQ(fittedSize(4000, 3000, 200).height, 150);
    EXPECT_EQ(fittedSize(40, 30, 200).width, 40);
    EXPECT_EQ(fittedSize(100000, 2, 200).height, 1);
}

} // namespace
} // namespace fulgurite::image
