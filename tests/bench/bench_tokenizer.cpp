// SPDX-License-Identifier: Apache-2.0
// Prints how fast a tokenizer loads, encodes and decodes: bench_tokenizer TOKENIZER_JSON TEXT_FILE [REPEATS].
#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/text/tokenizer.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fmt/core.h>

namespace {

template <class Work>
double bestSeconds(int repeats, Work work) {
    double best = 1e30;
    for (int i = 0; i < repeats; ++i) {
        const auto begin = std::chrono::steady_clock::now();
        work();
        best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    }
    return best;
}

void measure(const char* tokenizer_path, const char* text_path, int repeats) {
    using namespace fulgurite;
    std::shared_ptr<const Tokenizer> tokenizer;
    const double load_seconds = bestSeconds(1, [&] { tokenizer = Tokenizer::load(tokenizer_path); });
    const std::string text = readTextFile(text_path);
    TokenIds ids;
    std::string decoded;
    const double first = bestSeconds(1, [&] { ids = tokenizer->encode(text); });
    const double encode = bestSeconds(repeats, [&] { ids = tokenizer->encode(text); });
    const double decode = bestSeconds(repeats, [&] { decoded = tokenizer->decode(ids); });
    const double megabytes = static_cast<double>(text.size()) / 1e6;
    fmt::print("load     {:8.3f} s     {} tokens\n", load_seconds, tokenizer->size());
    fmt::print("encode   {:8.1f} MB/s  {} bytes to {} ids, best of {}; first time {:.1f} MB/s\n",
               megabytes / encode, text.size(), ids.size(), repeats, megabytes / first);
    fmt::print("decode   {:8.1f} MB/s  {}\n", megabytes / decode,
               decoded == text ? "gives the text back" : "differs");
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        fmt::print(stderr, "usage: bench_tokenizer TOKENIZER_JSON TEXT_FILE [REPEATS]\n");
        return 2;
    }
    try {
        measure(argv[1], argv[2], argc > 3 ? std::max(1, std::atoi(argv[3])) : 10);
        return 0;
    } catch (const fulgurite::Error& error) {
        fmt::print(stderr, "bench_tokenizer: {}\n", error.what());
        return 1;
    }
}
