// SPDX-License-Identifier: Apache-2.0
// What a chat request prescribes about its answer: a response format, and tools that must be called.
#pragma once

#include "core/node/constraint_cache.h"
#include "core/node/object_reader.h"

#include <nlohmann/json.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace fulgurite::node {

struct AnswerShape {
    nlohmann::ordered_json tools; // shown to the model; null when there are none or they are not to be called
    std::shared_ptr<grammar::Constraint> constraint; // nullptr: the answer is free
};

// Reads `response_format`, `tools`, `tool_choice` and `parallel_tool_calls`. `body` is the text that `reader`
// reads: members of schemas keep their order there. Throws ApiError 400 with the path of the field, code
// "unsupported" for schema keywords that cannot be prescribed.
AnswerShape readAnswerShape(ObjectReader& reader, std::string_view body, ConstraintCache& cache);

} // namespace fulgurite::node
