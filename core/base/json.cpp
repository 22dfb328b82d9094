// SPDX-License-Identifier: Apache-2.0
#include "core/base/json.h"

#include "core/base/error.h"

namespace fulgurite {
namespace {

std::string withoutPrefix(std::string message) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
    const std::size_t end = message.find("] ");
    return end == std::string::npos ? message : message.substr(end + 2);
}

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

// The parser itself is not recursive, but most of what one does with the result is.
void requireJsonDepth(std::string_view text, const std::string& name, std::size_t max_depth) {
    std::size_t depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            i += c == '\\' ? 1 : 0;
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > max_depth) {
                fail(ErrorKind::Corrupt, "{}: nested deeper than {} levels at byte {}", name, max_depth, i);
            }
        } else if ((c == ']' || c == '}') && depth > 0) {
            --depth;
        }
    }
}

nlohmann::json parseJson(std::string_view text, const std::string& name, std::size_t max_depth) {
    requireJsonDepth(text, name, max_depth);
    try {
        return nlohmann::json::parse(text);
    } catch (const nlohmann::json::exception& error) {
        fail(ErrorKind::Corrupt, "{}: not valid JSON: {}", name, withoutPrefix(error.what()));
    }
}

bool JsonView::has(const char* key) const {
    const auto& fields = object();
    const auto found = fields.find(key);
    return found != fields.end() && !found->second.is_null();
}

JsonView JsonView::at(const char* key) const {
    const auto& fields = object();
    const auto found = fields.find(key);
    if (found == fields.end()) {
        fail(ErrorKind::Corrupt, "{}: the field \"{}\" is missing", where_, key);
    }
    return JsonView(found->second, where_ + ": " + key);
}

JsonView JsonView::at(std::size_t index) const {
    const auto& items = array();
    if (index >= items.size()) {
        fail(ErrorKind::Corrupt, "{}: has {} items, item {} is missing", where_, items.size(), index);
    }
    return JsonView(items[index], fmt::format("{}[{}]", where_, index));
}

const nlohmann::json::object_t& JsonView::object() const {
    if (!value_->is_object()) {
        failType("an object");
    }
    return value_->get_ref<const nlohmann::json::object_t&>();
}

const nlohmann::json::array_t& JsonView::array() const {
    if (!value_->is_array()) {
        failType("an array");
    }
    return value_->get_ref<const nlohmann::json::array_t&>();
}

const std::string& JsonView::string() const {
    if (!value_->is_string()) {
        failType("a string");
    }
    return value_->get_ref<const std::string&>();
}

std::int64_t JsonView::integer(std::int64_t minimum, std::int64_t maximum) const {
    if (!value_->is_number_integer()) {
        failType("an integer");
    }
    // Unsigned values above the signed range must not wrap around.
    const bool huge = value_->is_number_unsigned() && value_->get<std::uint64_t>() > INT64_MAX;
    const auto number = huge ? INT64_MAX : value_->get<std::int64_t>();
    if (huge || number < minimum || number > maximum) {
        fail(ErrorKind::Corrupt, "{}: {} is outside {} to {}", where_, value_->dump(), minimum, maximum);
    }
    return number;
}

bool JsonView::boolean() const {
    if (!value_->is_boolean()) {
        failType("true or false");
    }
    return value_->get<bool>();
}

void JsonView::failType(const char* expected) const {
    fail(ErrorKind::Corrupt, "{}: expected {}, found {}", where_, expected, nameOf(*value_));
}

} // namespace fulgurite
