// SPDX-License-Identifier: Apache-2.0
// The filters, tests and methods that a template may use, each in a table with the names of its parameters.
#pragma once

#include "core/text/jinja/value.h"

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite::jinja {

struct CallArguments {
    std::vector<Value> positional;
    std::vector<std::pair<std::string, Value>> named;
};

// By parameter; null where none was given.
using Bound = std::array<const Value*, 4>;

struct Builtin {
    std::string_view name;
    std::array<std::string_view, 4> parameters; // empty ones are not there
    Value (*call)(const Value& input, const Bound& arguments, Budget& budget);
};

// Null when there is none of that name.
const Builtin* findFilter(std::string_view name);
const Builtin* findTest(std::string_view name);
const Builtin* findMethod(const Value& self, std::string_view name);

// Throws Problem for arguments that the builtin does not take.
Value invoke(const Builtin& builtin, const Value& input, const CallArguments& arguments, Budget& budget);

// value.name: a field, a method, a property of the loop; undefined otherwise.
Value attributeOf(const Value& value, const std::string& name, Budget& budget);
// value[key].
Value itemOf(const Value& value, const Value& key, Budget& budget);

} // namespace fulgurite::jinja
