// SPDX-License-Identifier: Apache-2.0
// Any text as each of the files of a CLIP folder: an Error, or settings and a tokenizer that can be used. The first
// byte says which file the rest is.
#include "core/base/error.h"
#include "core/cascade/clip/clip_config.h"
#include "core/cascade/clip/clip_tokenizer.h"
#include "core/cascade/clip/preprocess.h"

#include <cstdlib>
#include <vector>

namespace {

using namespace fulgurite;

void preprocessor(std::string_view text) {
    constexpr int kSide = 16;
    const clip::Preprocess settings = clip::Preprocess::parse(text, "fuzz", kSide);
    settings.requireOutput(kSide, "fuzz");
    std::vector<float> pixels(3 * kSide * kSide);
    clip::preprocess(settings, image::makeImage(9, 31), kSide, pixels.data());
}

void useTokenizer(const clip::ClipTokenizer& tokenizer) {
    const TokenIds ids = tokenizer.encode("It's a naïve 你好 <|endoftext|> 42!", 20);
    if (ids.size() > 20 || ids.front() != tokenizer.begin() || ids.back() != tokenizer.end()) {
        std::abort();
    }
    for (const TokenId id : ids) {
        if (id < 0 || static_cast<std::size_t>(id) >= tokenizer.size()) {
            std::abort();
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    try {
        switch (data[0]) {
        case 'p':
            preprocessor(text);
            break;
        case 'c': {
            const clip::ClipConfig config = clip::ClipConfig::parse(text, "fuzz");
            if (!(clip::imageFlops(config) > 0) || clip::textParameters(config) <= 0) {
                std::abort();
            }
            break;
        }
        case 't':
            useTokenizer(clip::ClipTokenizer::fromJson(text, "fuzz"));
            break;
        default: {
            const std::size_t half = text.find('\n');
            useTokenizer(clip::ClipTokenizer::fromFiles(text.substr(0, half),
                                                        half == text.npos ? "" : text.substr(half + 1), "fuzz"));
        }
        }
    } catch (const Error&) {
    }
    return 0;
}
