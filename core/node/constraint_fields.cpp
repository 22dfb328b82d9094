// SPDX-License-Identifier: Apache-2.0
#include "core/node/constraint_fields.h"

#include "core/base/ordered_json.h"
#include "core/grammar/answer_grammar.h"
#include "core/grammar/constraint.h"
#include "core/node/api_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

namespace fulgurite::node {

namespace {

using Ordered = nlohmann::ordered_json;

constexpr std::size_t kMostSchemaBytes = std::size_t{512} << 10;

std::shared_ptr<grammar::Constraint> compiled(ConstraintCache& cache, const std::string& key,
                                              const std::function<grammar::Grammar()>& compile) {
    if (key.size() > kMostSchemaBytes) {
        throw ApiError(400, fmt::format("the schemas of an answer may have {} bytes at most", kMostSchemaBytes));
    }
    try {
        return cache.get(key, compile);
    } catch (const grammar::SchemaError& error) {
        throw ApiError(400, error.what(), error.path(),
                       error.kind() == ErrorKind::Unsupported ? "unsupported" : "");
    }
}

// {"name", "description", "schema", "strict"}; strict or not, the answer satisfies the schema.
std::shared_ptr<grammar::Constraint> readSchema(const nlohmann::json* format, const Ordered& body,
                                                ConstraintCache& cache) {
    const std::string path = "response_format.json_schema";
    if (format == nullptr) {
        refuse(path, "is missing");
    }
    ObjectReader reader(*format, path);
    if (!reader.string("name")) {
        refuse(path + ".name", "is missing");
    }
    const nlohmann::json* schema = reader.find("schema");
    reader.boolean("strict");
    reader.string("description");
    reader.finish();
    if (schema == nullptr) {
        refuse(path + ".schema", "is missing");
    }
    const Ordered& ordered = body["response_format"]["json_schema"]["schema"];
    return compiled(cache, "schema " + ordered.dump(),
                    [&] { return grammar::schemaAnswer(ordered, path + ".schema"); });
}

std::shared_ptr<grammar::Constraint> readResponseFormat(ObjectReader& reader, const Ordered& body,
                                                        ConstraintCache& cache) {
    const nlohmann::json* format = reader.object("response_format");
    if (format == nullptr) {
        return nullptr;
    }
    ObjectReader fields(*format, "response_format");
    const std::string type = fields.string("type").value_or("");
    const nlohmann::json* schema = fields.object("json_schema");
    fields.finish();
    if (type == "text") {
        return nullptr;
    }
    if (type == "json_object") {
        static const Ordered object{{"type", "object"}};
        return compiled(cache, "object", [] { return grammar::schemaAnswer(object, "response_format"); });
    }
    if (type == "json_schema") {
        return readSchema(schema, body, cache);
    }
    throw ApiError(400, "'response_format.type': must be \"text\", \"json_object\" or \"json_schema\"",
                   "response_format.type", "unsupported");
}

struct ToolChoice {
    enum class Kind : std::uint8_t { Auto, None, Required, Named };
    Kind kind = Kind::Auto;
    std::string name;
};

ToolChoice readToolChoice(ObjectReader& reader) {
    using Kind = ToolChoice::Kind;
    const nlohmann::json* choice = reader.find("tool_choice");
    if (choice == nullptr || *choice == "auto") {
        return {};
    }
    if (*choice == "none" || *choice == "required") {
        return {*choice == "none" ? Kind::None : Kind::Required, {}};
    }
    const bool named = choice->is_object() && choice->value("type", nlohmann::json()) == "function" &&
                       choice->contains("function") && (*choice)["function"].is_object();
    if (!named) {
        refuse("tool_choice", "must be \"auto\", \"none\", \"required\" or "
                              "{\"type\": \"function\", \"function\": {\"name\": ...}}");
    }
    ObjectReader fields(*choice, "tool_choice");
    fields.string("type");
    ObjectReader function(*fields.object("function"), "tool_choice.function");
    const auto name = function.string("name");
    function.finish();
    fields.finish();
    if (!name) {
        refuse("tool_choice.function.name", "is missing");
    }
    return {Kind::Named, *name};
}

// Wrapped as {"type": "function", "function": {...}} or bare.
std::vector<grammar::ToolShape> shapesOf(const Ordered& tools) {
    std::vector<grammar::ToolShape> shapes;
    for (const Ordered& tool : tools) {
        const bool wrapped = tool.is_object() && tool.contains("function");
        const Ordered& function = wrapped ? tool["function"] : tool;
        if (!function.is_object() || !function.contains("name") || !function["name"].is_string()) {
            continue; // refused where the tools are shown to the model
        }
        const auto parameters = function.find("parameters");
        const bool given = parameters != function.end() && !parameters->is_null();
        shapes.push_back({function["name"].get<std::string>(), given ? *parameters : Ordered{{"type", "object"}},
                          fmt::format("tools[{}]{}.parameters", shapes.size(), wrapped ? ".function" : "")});
    }
    return shapes;
}

std::shared_ptr<grammar::Constraint> callsOf(const Ordered& tools, const ToolChoice& choice, bool parallel,
                                             ConstraintCache& cache) {
    std::vector<grammar::ToolShape> shapes = shapesOf(tools);
    const bool named = choice.kind == ToolChoice::Kind::Named;
    if (named) {
        std::erase_if(shapes, [&](const grammar::ToolShape& shape) { return shape.name != choice.name; });
    }
    if (shapes.empty()) {
        refuse("tool_choice", named
                                  ? fmt::format("there is no tool '{}' among the tools", choice.name.substr(0, 64))
                                  : "a call is required, and there are no tools");
    }
    std::string key = named || !parallel ? "one call" : "calls";
    for (const grammar::ToolShape& shape : shapes) {
        key += fmt::format("\n{} {}", Ordered(shape.name).dump(), shape.parameters.dump());
    }
    return compiled(cache, key, [&] { return grammar::toolCallAnswer(shapes, !named && parallel); });
}

} // namespace

std::shared_ptr<grammar::Constraint> ConstraintCache::get(const std::string& key,
                                                          const std::function<grammar::Grammar()>& compile) {
    const std::lock_guard lock(mutex_);
    auto found =
        std::find_if(recent_.begin(), recent_.end(), [&](const auto& entry) { return entry.first == key; });
    if (found == recent_.end()) {
        recent_.emplace_front(key, std::make_shared<grammar::Constraint>(compile()));
        if (recent_.size() > kKept) {
            recent_.pop_back();
        }
        found = recent_.begin();
    }
    recent_.splice(recent_.begin(), recent_, found);
    return recent_.front().second;
}

AnswerShape readAnswerShape(ObjectReader& reader, std::string_view body, ConstraintCache& cache) {
    const nlohmann::json* tools = reader.array("tools");
    const ToolChoice choice = readToolChoice(reader);
    const bool parallel = reader.boolean("parallel_tool_calls").value_or(true);
    const bool prescribes = reader.find("response_format") != nullptr;
    const Ordered ordered = prescribes || tools != nullptr ? parseOrdered(body, "the body", {"tools", "response_format"}) : Ordered();
    AnswerShape shape;
    shape.constraint = readResponseFormat(reader, ordered, cache);
    const bool calls = choice.kind == ToolChoice::Kind::Required || choice.kind == ToolChoice::Kind::Named;
    if (calls && shape.constraint != nullptr) {
        refuse("tool_choice", "an answer cannot be a call and of a response_format at once");
    }
    if (calls) {
        shape.constraint = callsOf(tools == nullptr ? Ordered::array() : ordered["tools"], choice, parallel, cache);
    }
    if (tools != nullptr && choice.kind != ToolChoice::Kind::None) {
        shape.tools = ordered["tools"];
    }
    return shape;
}

} // namespace fulgurite::node
