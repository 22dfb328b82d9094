// SPDX-License-Identifier: Apache-2.0
#include "core/base/atomic_file.h"
#include "core/base/error.h"
#include "core/checkpoint/safetensors.h"
#include "tests/support/golden_models.h"

#include <bit>
#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fulgurite {
namespace {

using test::TemporaryFolder;
using testing::HasSubstr;

std::string fileOf(std::string_view header, std::size_t data_bytes) {
    const std::uint64_t length = header.size();
    std::string file(sizeof(length), '\0');
    std::memcpy(file.data(), &length, sizeof(length));
    return file + std::string(header) + std::string(data_bytes, '\0');
}

SafetensorsHeader parse(std::string_view file) {
    return SafetensorsHeader::parse(std::as_bytes(std::span(file)), "model.safetensors");
}

void expectRefused(std::string_view file, const std::string& reason) {
    try {
        parse(file);
        FAIL() << "accepted, should say: " << reason;
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::Corrupt);
        EXPECT_THAT(error.what(), HasSubstr(reason));
        EXPECT_THAT(error.what(), HasSubstr("model.safetensors"));
    }
}

TEST(Safetensors, WritesWhatItReads) {
    const TemporaryFolder folder;
    const std::vector<float> a{1.5f, -2.0f, 3.25f};
    const std::vector<std::uint16_t> b{floatToBf16(7.0f), floatToBf16(-0.5f)};
    SafetensorsWriter writer(folder / "x.safetensors");
    writer.declare("a", DType::F32, {3, 1});
    writer.declare("b", DType::BF16, {2});
    writer.declare("none", DType::I32, {0, 4});
    writer.setMetadata("made by", "a \"test\"");
    writer.append(std::as_bytes(std::span(a)));
    writer.append(std::as_bytes(std::span(b)).first(1));
    writer.append(std::as_bytes(std::span(b)).subspan(1));
    EXPECT_FALSE(std::filesystem::exists(folder / "x.safetensors"));
    writer.finish();

    const SafetensorsFile file(folder / "x.safetensors");
    EXPECT_EQ(file.header().metadata.at("made by"), "a \"test\"");
    EXPECT_EQ(file.header().data_offset % 8, 0u);
    EXPECT_EQ(toFloats(file.tensor("a")), a);
    EXPECT_EQ(file.tensor("a").shape, (Shape{3, 1}));
    EXPECT_EQ(toFloats(file.tensor("b")), (std::vector<float>{7.0f, -0.5f}));
    EXPECT_EQ(file.tensor("none").bytes(), 0u);
    EXPECT_THROW(file.tensor("c"), Error);
}

TEST(Safetensors, AnAbandonedOrFailedWriteLeavesNothing) {
    const TemporaryFolder folder;
    {
        SafetensorsWriter writer(folder / "x.safetensors");
        writer.declare("a", DType::F32, {3});
        writer.append(std::as_bytes(std::span<const float>(std::vector<float>{1.0f})));
        EXPECT_THROW(writer.finish(), Error); // bytes are missing
    }
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Safetensors, RefusesBrokenFiles) {
    expectRefused("", "too short");
    expectRefused("1234567", "too short");
    expectRefused(std::string("\0\0\0\0\0\0\0\x80{}", 10), "header length 9223372036854775808 does not fit");
    expectRefused(std::string("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10), "does not fit");
    expectRefused(fileOf("{]", 0), "not valid JSON");
    expectRefused(fileOf("[]", 0), "not a JSON object");
    expectRefused(fileOf(R"({"a": {"dtype": "F99", "shape": [1], "data_offsets": [0, 4]}})", 4), "unknown dtype");
    expectRefused(fileOf(R"({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}})", 4), "truncated");
    expectRefused(fileOf(R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}})", 8), "appended");
    expectRefused(fileOf(R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}})", 4), "data_offsets");
    expectRefused(fileOf(R"({"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}})", 8), "does not fill");
    expectRefused(fileOf(R"({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}})", 4), "non-negative");
    expectRefused(
        fileOf(R"({"a": {"dtype": "F32", "shape": [4294967296, 4294967296], "data_offsets": [0, 4]}})", 4),
        "does not fill");
    expectRefused(fileOf(R"({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
                             "b": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}})",
                         12),
                  "\"b\" overlaps \"a\"");
    expectRefused(fileOf(R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}})", 8), "unused bytes");
    expectRefused(fileOf(R"({"__metadata__": {"a": 1}})", 0), "not a string");
    expectRefused(fileOf("{\"a\":" + std::string(5000, '['), 0), "nested too deeply");
}

TEST(Bf16AndF16, ConvertEveryBitPattern) {
    for (std::uint32_t bits = 0; bits < 0x10000u; ++bits) {
        const auto half = static_cast<std::uint16_t>(bits);
        const float value = bf16ToFloat(half);
        if (std::isnan(value)) {
            EXPECT_TRUE(std::isnan(bf16ToFloat(floatToBf16(value))));
        } else {
            EXPECT_EQ(floatToBf16(value), half);
        }
        _Float16 native;
        std::memcpy(&native, &half, sizeof(native));
        const auto expected = static_cast<float>(native);
        EXPECT_TRUE(f16ToFloat(half) == expected || std::isnan(expected)) << bits;
    }
    EXPECT_EQ(floatToBf16(std::bit_cast<float>(0x3f808000u)), 0x3f80); // a tie goes to even
    EXPECT_EQ(floatToBf16(std::bit_cast<float>(0x3f818000u)), 0x3f82);
}

} // namespace
} // namespace fulgurite
