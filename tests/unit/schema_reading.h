// SPDX-License-Identifier: Apache-2.0
// Which texts a schema's grammar reads, and which schemas it refuses.
#pragma once

#include "core/grammar/answer_grammar.h"
#include "core/grammar/machine.h"

#include <string>
#include <string_view>

namespace fulgurite::grammar {

inline Grammar grammarOf(const std::string& schema) {
    return schemaAnswer(Schema::parse(schema), "schema");
}

inline bool readBy(Machine& machine, std::string_view text) {
    ConfigId at = machine.start();
    for (const char c : text) {
        at = at == kDead ? kDead : machine.next(at, static_cast<std::uint8_t>(c));
    }
    return at != kDead && machine.accepts(at);
}

inline bool reads(const std::string& schema, std::string_view text) {
    Machine machine(grammarOf(schema));
    return readBy(machine, text);
}

inline std::string refusal(const std::string& schema) {
    try {
        grammarOf(schema);
    } catch (const SchemaError& error) {
        return error.what();
    }
    return "accepted";
}

} // namespace fulgurite::grammar
