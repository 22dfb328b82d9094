// SPDX-License-Identifier: Apache-2.0
// JSON schemas (draft 2020-12, the part of it that a grammar can prescribe) as rules of a grammar. Whatever the
// rules read satisfies the schema; not everything that satisfies it is read: members come in the order in which the
// schema names them, and more than those only where `additionalProperties` says so.
#pragma once

#include "core/grammar/json_rules.h"
#include "core/grammar/schema_reader.h"

#include <map>
#include <set>
#include <string>

namespace fulgurite::grammar {

// Keywords: type, enum, const, properties, required, additionalProperties, items, prefixItems, minItems, maxItems,
// minLength, maxLength, pattern, format (date, time, date-time, uuid, ipv4, email), minimum, maximum, their
// exclusive forms, anyOf, allOf of one, $ref within the schema. Any other that restricts is refused.
class SchemaCompiler {
  public:
    // `path` names the schema in errors. All must outlive the compiler.
    SchemaCompiler(GrammarBuilder& builder, JsonRules& json, const Schema& root, std::string path)
        : builder_(builder), json_(json), root_(root), root_path_(std::move(path)) {}

    // The rule of the whole schema. Throws SchemaError.
    RuleId compile();

  private:
    struct Property {
        RuleId member = 0;
        bool required = false;
    };

    // Calls itself, also by way of references, which may chain where nothing is nested.
    Fragment value(const Schema& schema, const std::string& path);
    Fragment valueOf(const Schema& schema, const std::string& path);
    RuleId valueRule(const Schema& schema, const std::string& path) { return builder_.rule(value(schema, path)); }
    Fragment reference(const std::string& target, const std::string& path);
    Fragment oneOfThese(const Schema& values, const SchemaReader& reader);
    Fragment alternatives(const Schema& schemas, const std::string& path);
    Fragment ofType(const std::string& type, const SchemaReader& reader);

    Fragment objectOf(const SchemaReader& reader);
    std::vector<Property> properties(const SchemaReader& reader, const Schema* additional);
    Fragment members(const std::vector<Property>& properties, std::optional<RuleId> additional);
    Fragment arrayOf(const SchemaReader& reader);
    Fragment tuple(const Schema& prefix, const SchemaReader& reader, std::uint32_t min, std::uint32_t max);
    Fragment stringOf(const SchemaReader& reader);
    Fragment numberOf(const SchemaReader& reader, bool whole);

    GrammarBuilder& builder_;
    JsonRules& json_;
    const Schema& root_;
    std::string root_path_;
    std::map<std::string, RuleId> referenced_; // by pointer
    std::set<std::string> open_;               // references that have led here with no value begun
    int level_ = 0;                            // of values and references within one another
};

} // namespace fulgurite::grammar
