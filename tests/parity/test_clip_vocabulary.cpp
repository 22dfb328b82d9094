// SPDX-License-Identifier: Apache-2.0
// The published CLIP vocabulary, built from its list of merges as its makers do, against known ids. The list is not
// part of the repository.
#include "core/cascade/clip/clip_tokenizer.h"
#include "core/text/byte_alphabet.h"
#include "tests/unit/test_paths.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <zlib.h>

namespace fulgurite::clip {
namespace {

constexpr int kMerges = 48894;

std::string inflated(const std::filesystem::path& path) {
    std::string text;
    gzFile file = gzopen(path.c_str(), "rb");
    char part[65536];
    for (int count = 0; file != nullptr && (count = gzread(file, part, sizeof(part))) > 0;) {
        text.append(part, static_cast<std::size_t>(count));
    }
    if (file != nullptr) {
        gzclose(file);
    }
    return text;
}

// The bytes that stand for themselves first, rising, then the others.
std::vector<unsigned> byteOrder() {
    std::vector<unsigned> own;
    std::vector<unsigned> others;
    for (unsigned byte = 0; byte < 256; ++byte) {
        const bool itself = (byte >= 33 && byte <= 126) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
        (itself ? own : others).push_back(byte);
    }
    own.insert(own.end(), others.begin(), others.end());
    return own;
}

class PublishedVocabulary : public testing::Test {
  protected:
    void SetUp() override {
        const auto path = test::sharedData("clip/bpe_simple_vocab_16e6.txt.gz");
        if (!std::filesystem::exists(path)) {
            GTEST_SKIP() << path << " is not there";
        }
        const std::string list = inflated(path);
        std::size_t at = list.find('\n') + 1; // the version
        const std::size_t begin = at;
        for (int i = 0; i < kMerges; ++i) {
            at = list.find('\n', at) + 1;
        }
        const std::string merges = list.substr(begin, at - begin);
        nlohmann::json vocab;
        int id = 0;
        for (const char* ending : {"", "</w>"}) {
            for (const unsigned byte : byteOrder()) {
                const char c = static_cast<char>(byte);
                vocab[spellingOfBytes({&c, 1}) + ending] = id++;
            }
        }
        for (std::size_t line = 0; line < merges.size();) {
            const std::size_t space = merges.find(' ', line);
            const std::size_t end = merges.find('\n', line);
            vocab[merges.substr(line, space - line) + merges.substr(space + 1, end - space - 1)] = id++;
            line = end + 1;
        }
        vocab["<|startoftext|>"] = id++;
        vocab["<|endoftext|>"] = id++;
        tokenizer_ = ClipTokenizer::fromFiles(vocab.dump(), merges, "published");
    }
    std::optional<ClipTokenizer> tokenizer_;
};

TEST_F(PublishedVocabulary, GivesThePublishedIds) {
    EXPECT_EQ(tokenizer_->size(), 49408u);
    EXPECT_EQ(tokenizer_->encode("a photo of a cat", 77), (TokenIds{49406, 320, 1125, 539, 320, 2368, 49407}));
    EXPECT_EQ(tokenizer_->encode("A  Photo of a DOG", 77), (TokenIds{49406, 320, 1125, 539, 320, 1929, 49407}));
    EXPECT_EQ(tokenizer_->encode("!", 77), (TokenIds{49406, 256, 49407}));
}

TEST_F(PublishedVocabulary, CutsLongTextsAndKeepsTheEnd) {
    std::string text;
    for (int i = 0; i < 200; ++i) {
        text += "cat ";
    }
    const TokenIds ids = tokenizer_->encode(text, 77);
    ASSERT_EQ(ids.size(), 77u);
    EXPECT_EQ(ids[75], 2368);
    EXPECT_EQ(ids[76], 49407);
}

} // namespace
} // namespace fulgurite::clip
