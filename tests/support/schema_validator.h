// SPDX-License-Identifier: Apache-2.0
// Says whether a value satisfies a JSON schema, straight from the text of the specification and without a thought
// for speed: what constrained answers are held against.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace fulgurite::test {

// The keywords that core/grammar/schema_compiler.h names; anything else is taken as a description.
class SchemaValidator {
  public:
    explicit SchemaValidator(nlohmann::ordered_json schema) : root_(std::move(schema)) {}

    // Empty when it does; else where and why not.
    std::string problemOf(const nlohmann::ordered_json& value) const { return check(value, root_, "$"); }

  private:
    using Json = nlohmann::ordered_json;

    std::string check(const Json& value, const Json& schema, const std::string& at) const;
    std::string checkObject(const Json& value, const Json& schema, const std::string& at) const;
    std::string checkArray(const Json& value, const Json& schema, const std::string& at) const;

    Json root_;
};

} // namespace fulgurite::test
