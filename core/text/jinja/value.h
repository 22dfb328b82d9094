// SPDX-License-Identifier: Apache-2.0
// The values of a template: what JSON has, plus undefined names, namespaces, loops and functions. Copies are cheap.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace fulgurite::jinja {

// Something went wrong while rendering; whoever knows the place in the template adds it.
class Problem : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// Templates come from strangers: what one rendering may do is limited.
class Budget {
  public:
    Budget() = default;
    Budget(std::size_t max_steps, std::size_t max_bytes) : max_steps_(max_steps), max_bytes_(max_bytes) {}

    void step(std::size_t count = 1); // evaluations, elements looked at
    void bytes(std::size_t count);    // text made or looked through
    // Looking for `wanted` bytes in `text` bytes, at worst.
    void search(std::size_t text, std::size_t wanted) { bytes(text * (1 + wanted / 64)); }

    static constexpr std::size_t kMaxSteps = 5'000'000;
    static constexpr std::size_t kMaxBytes = std::size_t{256} << 20;
    static constexpr int kMaxValueDepth = 100;

  private:
    std::size_t max_steps_ = kMaxSteps;
    std::size_t max_bytes_ = kMaxBytes;
    std::size_t steps_ = 0;
    std::size_t bytes_ = 0;
};

struct Value;
struct Macro;

struct List {
    std::vector<Value> items;
    int depth = 1; // of nesting
};

struct Dict {
    std::vector<std::pair<std::string, Value>> items; // in the order of insertion
    int depth = 1;

    const Value* find(std::string_view key, Budget& budget) const;
};

// The only value that changes: namespace(...) and what `set ns.x` puts there.
struct Namespace {
    Dict fields;
};

// The name `loop` inside a for.
struct Loop {
    std::shared_ptr<const List> items;
    std::size_t index = 0;
};

struct Undefined {
    std::string name;
};

struct None {};

// A global function, a method with its object, or a macro.
struct Callable {
    std::string name;
    std::shared_ptr<const Value> self;
    const Macro* macro = nullptr;
};

struct Value {
    using Text = std::shared_ptr<const std::string>;
    std::variant<Undefined, None, bool, std::int64_t, double, Text, std::shared_ptr<const List>,
                 std::shared_ptr<const Dict>, std::shared_ptr<Namespace>, std::shared_ptr<const Loop>,
                 std::shared_ptr<const Callable>>
        data;

    template <class T>
    bool is() const {
        return std::holds_alternative<T>(data);
    }
    template <class T>
    const T& as() const {
        return std::get<T>(data);
    }

    bool isText() const { return is<Text>(); }
    bool isList() const { return is<std::shared_ptr<const List>>(); }
    bool isDict() const { return is<std::shared_ptr<const Dict>>(); }
    bool isNumber() const { return is<std::int64_t>() || is<double>() || is<bool>(); }
    bool isInteger() const { return is<std::int64_t>() || is<bool>(); }
    bool isUndefined() const { return is<Undefined>(); }
    bool isNone() const { return is<None>(); }
    const std::string& text() const { return *as<Text>(); }
    const List& list() const { return *as<std::shared_ptr<const List>>(); }
    const Dict& dict() const { return *as<std::shared_ptr<const Dict>>(); }
    std::int64_t integer() const { return is<bool>() ? (as<bool>() ? 1 : 0) : as<std::int64_t>(); }
    double number() const { return is<double>() ? as<double>() : static_cast<double>(integer()); }
};

Value makeText(std::string text);
// Throw Problem when the nesting grows too deep, or a namespace, loop or function is put inside.
Value makeList(std::vector<Value> items);
Value makeDict(std::vector<std::pair<std::string, Value>> items);
void setField(Namespace& space, const std::string& name, Value value);
Value fromJson(const nlohmann::ordered_json& json, Budget& budget, int depth = 0);

// "a string", "undefined", ...
std::string describe(const Value& value);
bool truthy(const Value& value);
bool equal(const Value& a, const Value& b, Budget& budget);
// Negative, zero or positive. Throws Problem for types without an order.
int compare(const Value& a, const Value& b, Budget& budget);
bool contains(const Value& container, const Value& item, Budget& budget);

// What printing writes: Python's str().
std::string toText(const Value& value, Budget& budget);
// Python's json.dumps with ensure_ascii off; `indent` < 0 is one line with ", " and ": ".
std::string toJson(const Value& value, int indent, Budget& budget);
// What a for loop goes through: list items, keys of a dictionary, characters of a string, nothing for undefined.
std::shared_ptr<const List> iterate(const Value& value, Budget& budget);

} // namespace fulgurite::jinja
