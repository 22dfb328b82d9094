// SPDX-License-Identifier: Apache-2.0
#include "core/base/base64.h"

#include <gtest/gtest.h>

namespace fulgurite {
namespace {

// The vectors of RFC 4648.
TEST(Base64, IsThatOfItsStandard) {
    constexpr std::pair<const char*, const char*> kVectors[] = {{"", ""},
                                                                {"f", "Zg=="},
                                                                {"fo", "Zm8="},
                                                                {"foo", "Zm9v"},
                                                                {"foob", "Zm9vYg=="},
                                                                {"fooba", "Zm9vYmE="},
                                                                {"foobar", "Zm9vYmFy"}};
    for (const auto& [bytes, text] : kVectors) {
        EXPECT_EQ(toBase64(bytes), text);
        EXPECT_EQ(fromBase64(text), bytes);
    }
}

TEST(Base64, HoldsEveryByte) {
    std::string bytes;
    for (int i = 0; i < 1000; ++i) {
        bytes.push_back(static_cast<char>(i * 37));
    }
    EXPECT_EQ(fromBase64(toBase64(bytes)), bytes);
}

TEST(Base64, RefusesWhatIsNone) {
    for (const char* text : {"A", "AAA", "AA=A", "====", "AA A", "A===", "\xff\xff\xff\xff"}) {
        EXPECT_FALSE(fromBase64(text).has_value()) << text;
    }
}

} // namespace
} // namespace fulgurite
