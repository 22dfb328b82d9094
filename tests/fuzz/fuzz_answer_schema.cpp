// SPDX-License-Identifier: Apache-2.0
// Any JSON as the schema of an answer: an Error, or a grammar whose every walk can be brought to an end, with an
// answer that is JSON.
#include "core/grammar/answer_grammar.h"
#include "core/grammar/machine.h"

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

namespace {

using namespace fulgurite;

std::optional<grammar::Grammar> compiled(const grammar::Schema& schema) {
    try {
        return grammar::schemaAnswer(schema, "schema");
    } catch (const Error&) {
        return std::nullopt;
    }
}

// Takes the first byte that is allowed, in an order that closes what is open.
void walk(grammar::Machine& machine, std::size_t seed) {
    constexpr std::string_view kFirst = "\"}]0123456789,:truefalsn. -";
    grammar::ConfigId at = machine.start();
    std::string text;
    for (std::size_t i = 0; i < 400 && !machine.accepts(at); ++i) {
        grammar::ConfigId next = grammar::kDead;
        for (std::size_t j = 0; j < 256 + kFirst.size() && next == grammar::kDead; ++j) {
            const std::size_t turned = j < kFirst.size() ? (j + seed * i) % kFirst.size() : j;
            const auto byte = static_cast<std::uint8_t>(j < kFirst.size() ? kFirst[turned] : j - kFirst.size());
            next = machine.next(at, byte);
            if (next != grammar::kDead) {
                text += static_cast<char>(byte);
            }
        }
        if (next == grammar::kDead) {
            std::abort(); // a place from which nothing leads on, and which is no end
        }
        at = next;
    }
    if (machine.accepts(at) && text.find('<') == std::string::npos && !grammar::Schema::accept(text)) {
        std::abort();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto schema = grammar::Schema::parse(data, data + size, nullptr, false);
    if (schema.is_discarded()) {
        return 0;
    }
    if (auto grammar = compiled(schema)) {
        grammar::Machine machine(std::move(*grammar));
        for (const std::size_t seed : {0U, 1U, 7U}) {
            walk(machine, seed);
        }
    }
    return 0;
}
