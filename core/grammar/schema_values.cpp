// SPDX-License-Identifier: Apache-2.0
// Strings and numbers of a schema.
#include "core/grammar/number_range.h"
#include "core/grammar/pattern.h"
#include "core/grammar/schema_compiler.h"

#include <fmt/format.h>

namespace fulgurite::grammar {

namespace {

Decimal boundOf(const SchemaReader& reader, const char* key) {
    const auto decimal = decimalOf(*reader.number(key));
    if (!decimal) {
        unsupportedSchema(reader.pathOf(key),
                          fmt::format("'{}' must be less than 1e15 with at most 17 digits behind its point", key));
    }
    return *decimal;
}

// The narrower of a bound and its exclusive form.
bool exclusiveCounts(const SchemaReader& reader, const char* plain, const char* exclusive, double sign) {
    const Schema* open = reader.number(exclusive);
    const Schema* closed = reader.number(plain);
    return open != nullptr && (closed == nullptr || sign * open->get<double>() >= sign * closed->get<double>());
}

} // namespace

Fragment SchemaCompiler::stringOf(const SchemaReader& reader) {
    const auto min = reader.count("minLength");
    const auto max = reader.count("maxLength");
    auto pattern = reader.text("pattern");
    const char* key = "pattern";
    if (const auto format = reader.text("format")) {
        const std::string_view known = patternOfFormat(*format);
        if (known.empty()) {
            unsupportedSchema(
                reader.pathOf("format"),
                fmt::format("the schema keyword 'format' is not supported with '{}'", format->substr(0, 64)));
        }
        if (pattern) {
            unsupportedSchema(reader.pathOf("format"),
                              "the schema keyword 'format' is not supported beside 'pattern'");
        }
        key = "format";
        pattern = std::string(known);
    }
    if (!pattern) {
        if (max && *max < min.value_or(0)) {
            refuseSchema(reader.pathOf("maxLength"), "'maxLength' is less than 'minLength'");
        }
        return min || max ? json_.stringOfLength(min.value_or(0), max.value_or(kUnlimited)) : json_.string();
    }
    if (min || max) {
        const char* other = min ? "minLength" : "maxLength";
        unsupportedSchema(reader.pathOf(other),
                          fmt::format("the schema keyword '{}' is not supported beside '{}'", other, key));
    }
    try {
        return matchingString(builder_, json_, *pattern);
    } catch (const SchemaError&) {
        throw;
    } catch (const Error& error) {
        throw SchemaError(error.kind(), reader.pathOf(key), fmt::format("'{}': {}", key, error.what()));
    }
}

Fragment SchemaCompiler::numberOf(const SchemaReader& reader, bool whole) {
    NumberRange range;
    range.whole = whole;
    range.above_low = exclusiveCounts(reader, "minimum", "exclusiveMinimum", 1);
    range.below_high = exclusiveCounts(reader, "maximum", "exclusiveMaximum", -1);
    if (range.above_low || reader.has("minimum")) {
        range.low = boundOf(reader, range.above_low ? "exclusiveMinimum" : "minimum");
    }
    if (range.below_high || reader.has("maximum")) {
        range.high = boundOf(reader, range.below_high ? "exclusiveMaximum" : "maximum");
    }
    if (range.low || range.high) {
        return numbersIn(builder_, range);
    }
    return whole ? json_.integer() : json_.number();
}

} // namespace fulgurite::grammar
