// SPDX-License-Identifier: Apache-2.0
// What constraining an answer costs for each token: masks that are worked out and masks that are known.
// usage: bench_constraint TOKENIZER_FOLDER_OR_FILE
#include "core/grammar/answer_grammar.h"
#include "core/grammar/constraint.h"
#include "core/text/tokenizer.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

namespace fulgurite {
namespace {

using Clock = std::chrono::steady_clock;

double millisecondsSince(Clock::time_point from) {
    return std::chrono::duration<double, std::milli>(Clock::now() - from).count();
}

struct Sample {
    const char* name;
    const char* schema;
    const char* answer;
};

constexpr Sample kSamples[] = {
    {"any object", R"({"type":"object"})",
     R"({"city": "Shanghai", "tags": ["a", "b"], "size": {"x": 12.5, "y": -3}, "open": true, "note": null})"},
    {"person",
     R"({"type":"object","properties":{"name":{"type":"string","maxLength":80},"age":{"type":"integer","minimum":0,"maximum":130},
        "email":{"type":"string","format":"email"},"roles":{"type":"array","items":{"enum":["admin","user","guest"]},"maxItems":5}},
        "required":["name","age","roles"],"additionalProperties":false})",
     R"({"name": "Ada Lovelace of the Analytical Engine", "age": 36, "email": "ada@example.org", "roles": ["admin", "user"]})"},
    {"tree",
     R"({"$ref":"#/$defs/n","$defs":{"n":{"type":"object","properties":{"v":{"type":"string"},"kids":{"type":"array",
        "items":{"$ref":"#/$defs/n"}}},"required":["v"]}}})",
     R"({"v": "root of it all", "kids": [{"v": "left", "kids": []}, {"v": "right", "kids": [{"v": "leaf"}]}]})"}};

void measure(const Tokenizer& tokenizer, const std::shared_ptr<const grammar::TokenTrie>& trie,
             const Sample& sample) {
    auto began = Clock::now();
    const auto constraint = std::make_shared<grammar::Constraint>(
        grammar::schemaAnswer(grammar::Schema::parse(sample.schema), "schema"));
    const double compiled = millisecondsSince(began);
    std::vector<double> fresh;
    std::vector<double> known;
    for (int round = 0; round < 50; ++round) {
        grammar::ConstraintMatcher matcher(constraint, trie);
        for (const TokenId id : tokenizer.encode(sample.answer, SpecialTokens::AsText)) {
            began = Clock::now();
            const auto mask = matcher.mask();
            const bool allowed = mask->allows(id) && matcher.advance(tokenizer.bytesOf(id));
            (round == 0 ? fresh : known).push_back(millisecondsSince(began));
            if (!allowed) {
                std::printf("%s: the answer is not allowed\n", sample.name);
                return;
            }
        }
    }
    const auto mean = [](const std::vector<double>& values) {
        double sum = 0;
        for (const double value : values) {
            sum += value;
        }
        return sum / static_cast<double>(values.size());
    };
    std::printf("%-12s compiled %.2f ms   first answer %.3f ms a token (longest %.2f)   later ones %.2f us a "
                "token, %zu masks\n",
                sample.name, compiled, mean(fresh), *std::max_element(fresh.begin(), fresh.end()),
                1e3 * mean(known), constraint->masksComputed());
}

} // namespace
} // namespace fulgurite

int main(int argc, char** argv) {
    using namespace fulgurite;
    if (argc != 2) {
        std::fprintf(stderr, "usage: bench_constraint TOKENIZER\n");
        return 2;
    }
    const auto tokenizer = Tokenizer::load(argv[1]);
    const auto began = Clock::now();
    const auto trie = std::make_shared<const grammar::TokenTrie>(
        tokenizer->size(),
        [&](TokenId id) { return tokenizer->isSpecial(id) ? std::string_view() : tokenizer->bytesOf(id); },
        TokenIds{});
    std::printf("%zu tokens, %zu steps, tree built in %.0f ms\n", tokenizer->size(), trie->steps().size(),
                millisecondsSince(began));
    for (const Sample& sample : kSamples) {
        measure(*tokenizer, trie, sample);
    }
    return 0;
}
