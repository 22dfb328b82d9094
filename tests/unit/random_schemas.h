// SPDX-License-Identifier: Apache-2.0
// Schemas that nobody would write, of every keyword that can be prescribed.
#pragma once

#include <nlohmann/json.hpp>

#include <random>
#include <string>

namespace fulgurite::test {

class SchemaMaker {
  public:
    using Json = nlohmann::ordered_json;

    explicit SchemaMaker(std::mt19937& random) : random_(random) {}

    Json whole() {
        Json schema = make(3);
        if (schema.is_object()) {
            schema["$defs"] = {{"leaf", scalar()}, {"tree", tree()}};
        }
        return schema.is_object() ? schema : Json{{"type", "null"}};
    }

  private:
    int pick(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
    bool maybe() { return pick(0, 1) == 1; }

    Json make(int depth) {
        switch (depth == 0 ? 0 : pick(0, 6)) {
        case 1:
        case 2:
            return object(depth - 1);
        case 3:
            return array(depth - 1);
        case 4:
            return {{"anyOf", Json::array({make(depth - 1), make(depth - 1)})}};
        case 5:
            return depth == 3 ? object(1) : Json{{"$ref", maybe() ? "#/$defs/leaf" : "#/$defs/tree"}};
        default:
            return scalar();
        }
    }

    Json scalar() {
        switch (pick(0, 7)) {
        case 0:
            return number();
        case 1:
            return {{"type", "string"}, {"pattern", maybe() ? "^[a-c]{1,4}(-\\d+)?$" : "b\\w"}};
        case 2: {
            Json schema{{"type", "string"}};
            schema["minLength"] = pick(0, 3);
            schema["maxLength"] = pick(3, 8);
            return schema;
        }
        case 3:
            return {{"enum", Json::array({"ab", 12, Json(), "abc", Json{{"a", {1.5}}}})}};
        case 4:
            return {{"const", maybe() ? Json("é\n\"") : Json(-1)}};
        case 5:
            return {{"type", Json::array({"boolean", "null", "integer"})}};
        case 6:
            return {{"type", "string"}, {"description", "text"}};
        default:
            return Json{{"type", maybe() ? "number" : "integer"}};
        }
    }

    Json number() {
        Json schema{{"type", maybe() ? "number" : "integer"}};
        if (maybe()) {
            schema[maybe() ? "minimum" : "exclusiveMinimum"] =
                maybe() ? Json(pick(-120, 5)) : Json(pick(-50, 50) / 8.0);
        }
        if (maybe()) {
            schema[maybe() ? "maximum" : "exclusiveMaximum"] =
                maybe() ? Json(pick(10, 1200)) : Json(pick(70, 900) / 8.0);
        }
        return schema;
    }

    Json object(int depth) {
        Json schema{{"type", "object"}, {"properties", Json::object()}, {"required", Json::array()}};
        const char* names[] = {"a", "ab", "é", "a\"b", "zz", ""};
        for (int i = pick(0, 3); i > 0; --i) {
            const std::string name = names[pick(0, 5)];
            schema["properties"][name] = make(depth);
            if (maybe()) {
                schema["required"].push_back(name);
            }
        }
        if (pick(0, 3) == 0) {
            schema["additionalProperties"] = maybe() ? make(depth) : Json(maybe());
        }
        return schema;
    }

    Json array(int depth) {
        Json schema{{"type", "array"}, {"items", make(depth)}};
        if (maybe()) {
            schema["minItems"] = pick(0, 2);
            schema["maxItems"] = pick(2, 4);
        }
        if (pick(0, 2) == 0) {
            schema["prefixItems"] = Json::array({scalar(), make(depth)});
        }
        return schema;
    }

    Json tree() {
        return {{"type", "object"},
                {"properties",
                 {{"v", scalar()},
                  {"kids", {{"type", "array"}, {"items", {{"$ref", "#/$defs/tree"}}}, {"maxItems", 2}}}}},
                {"required", Json::array({"v"})}};
    }

    std::mt19937& random_;
};

inline nlohmann::ordered_json randomSchema(std::mt19937& random) {
    return SchemaMaker(random).whole();
}

} // namespace fulgurite::test
