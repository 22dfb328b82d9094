// SPDX-License-Identifier: Apache-2.0
// Brings OpenAI-style messages into the shape that a chat template reads.
#pragma once

#include <nlohmann/json.hpp>

#include <map>
#include <string>

namespace fulgurite {

// What a template reads from message.content.
struct ContentForms {
    bool text = true;       // a string
    bool parts = false;     // a list of {"type": "text", "text": ...}
    bool all_parts = false; // and not the first one only
};

// By role; a role that is not there takes strings.
using FormsByRole = std::map<std::string, ContentForms>;

// Content as the template wants it: strings become a list of one part, lists of text parts become one string,
// joined by newlines; no content becomes an empty one. A tool's result in parts carries the name of its tool.
// Arguments of tool calls that are JSON in a string become objects. Throws Error{InvalidInput} naming the message
// and field.
nlohmann::ordered_json shapeMessages(const nlohmann::ordered_json& messages, const FormsByRole& forms);

} // namespace fulgurite
