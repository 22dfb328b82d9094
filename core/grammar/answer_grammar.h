// SPDX-License-Identifier: Apache-2.0
// Whole answers of a model of this family: thoughts first, as it likes, and then what was asked for.
#pragma once

#include "core/grammar/grammar.h"
#include "core/grammar/schema_reader.h"

#include <string>
#include <vector>

namespace fulgurite::grammar {

// "<think>...</think>" or none, then one JSON value that satisfies the schema. `path` names the schema in errors.
// Throws SchemaError.
Grammar schemaAnswer(const Schema& schema, const std::string& path);

struct ToolShape {
    std::string name;
    Schema parameters; // of its arguments
    std::string path;  // of the parameters, in errors
};

// Thoughts or none, then a block "<tool_calls>" with one call on each line: exactly one, or one or more.
Grammar toolCallAnswer(const std::vector<ToolShape>& tools, bool several);

} // namespace fulgurite::grammar
