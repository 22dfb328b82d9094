// SPDX-License-Identifier: Apache-2.0
#include "core/base/json_field.h"

#include <limits>

namespace fulgurite {

namespace {

const char* nameOf(const nlohmann::json& value) {
    switch (value.type()) {
    case nlohmann::json::value_t::null:
        return "null";
    case nlohmann::json::value_t::object:
        return "an object";
    case nlohmann::json::value_t::array:
        return "an array";
    case nlohmann::json::value_t::string:
        return "a string";
    case nlohmann::json::value_t::boolean:
        return "a boolean";
    default:
        return "a number";
    }
}

} // namespace

void JsonField::refuse(std::string_view why) const {
    fail(kind_, "{}: {}", path_, why);
}

void JsonField::expect(bool condition, std::string_view kind) const {
    if (!condition) {
        refuse(fmt::format("expected {}, found {}", kind, nameOf(*value_)));
    }
}

JsonField JsonField::child(const nlohmann::json& value, std::string path) const {
    JsonField field(value, std::move(path), kind_);
    field.whole_ = false;
    return field;
}

bool JsonField::has(const char* key) const {
    expect(value_->is_object(), "an object");
    const auto found = value_->find(key);
    return found != value_->end() && !found->is_null();
}

JsonField JsonField::operator[](const char* key) const {
    if (!has(key)) {
        refuse(fmt::format("field \"{}\" is missing", key));
    }
    return at(key);
}

JsonField JsonField::at(std::string_view key) const {
    expect(value_->is_object(), "an object");
    const auto found = value_->find(std::string(key));
    if (found == value_->end()) {
        refuse(fmt::format("field \"{}\" is missing", key));
    }
    return child(*found, fmt::format("{}{}{}", path_, whole_ ? ": " : ".", key));
}

JsonField JsonField::at(std::size_t index) const {
    if (index >= size()) {
        refuse(fmt::format("has {} elements, element {} is missing", size(), index));
    }
    return child((*value_)[index], fmt::format("{}[{}]", path_, index));
}

std::size_t JsonField::size() const {
    expect(value_->is_array(), "an array");
    return value_->size();
}

const std::string& JsonField::string() const {
    expect(value_->is_string(), "a string");
    return value_->get_ref<const std::string&>();
}

bool JsonField::boolean() const {
    expect(value_->is_boolean(), "true or false");
    return value_->get<bool>();
}

double JsonField::number() const {
    if (value_->is_null()) {
        return -std::numeric_limits<double>::infinity();
    }
    expect(value_->is_number(), "a number");
    return value_->get<double>();
}

std::int64_t JsonField::integer(std::int64_t low, std::int64_t high) const {
    expect(value_->is_number_integer(), "a whole number");
    // Unsigned values above the signed range must not wrap around.
    const bool huge =
        value_->is_number_unsigned() && value_->get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX);
    if (huge || value_->get<std::int64_t>() < low || value_->get<std::int64_t>() > high) {
        refuse(fmt::format("{} is outside {} to {}", value_->dump(), low, high));
    }
    return value_->get<std::int64_t>();
}

std::string JsonField::string(const char* key, std::string otherwise) const {
    return has(key) ? (*this)[key].string() : std::move(otherwise);
}

} // namespace fulgurite
