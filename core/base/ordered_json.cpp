// SPDX-License-Identifier: Apache-2.0
#include "core/base/ordered_json.h"

#include "core/base/error.h"

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <utility>
#include <vector>

namespace fulgurite {
namespace {

using Json = nlohmann::ordered_json;

class OrderedReader : public Json::json_sax_t {
  public:
    OrderedReader(const std::string& name, std::initializer_list<std::string_view> wanted)
        : name_(name), wanted_(wanted) {}

    Json take() { return std::move(root_); }

    bool null() override { return place(nullptr); }
    bool boolean(bool value) override { return place(value); }
    bool number_integer(number_integer_t value) override { return place(value); }
    bool number_unsigned(number_unsigned_t value) override { return place(value); }
    bool number_float(number_float_t value, const string_t&) override { return place(value); }
    bool string(string_t& value) override { return place(std::move(value)); }
    bool binary(binary_t&) override { return false; } // not of JSON
    bool start_object(std::size_t) override { return open(Json::object()); }
    bool start_array(std::size_t) override { return open(Json::array()); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }
    bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

    bool key(string_t& name) override {
        if (skipped_ > 0)
            return true;
        if (open_.size() == 1 && wanted_.size() > 0 && std::ranges::find(wanted_, name) == wanted_.end()) {
            skip_next_ = true;
            return true;
        }
        Open& object = open_.back();
        auto& members = object.value->get_ref<Json::object_t&>();
        const auto [known, is_new] = object.places.try_emplace(name, members.size());
        if (is_new && members.size() == max_ordered_members)
            fail(ErrorKind::InvalidInput, "{}: an object has more than {} members", name_, max_ordered_members);
        if (is_new)
            members.push_back({std::move(name), Json()}); // without the search that emplace makes
        object.next = known->second;
        return true;
    }

  private:
    // Pointers stay: nothing is put beside a value while it is open.
    struct Open {
        Json* value;
        std::unordered_map<std::string, std::size_t> places; // of members
        std::size_t next = 0;                                // member whose value comes
    };

    Json* put(Json value) {
        if (open_.empty()) {
            root_ = std::move(value);
            return &root_;
        }
        Open& parent = open_.back();
        Json* slot = nullptr;
        if (parent.value->is_array()) {
            slot = &parent.value->get_ref<Json::array_t&>().emplace_back();
        } else {
            const auto members = parent.value->get_ref<Json::object_t&>().begin();
            slot = &std::next(members, static_cast<std::ptrdiff_t>(parent.next))->second;
        }
        *slot = std::move(value);
        return slot;
    }

    bool place(Json value) {
        if (skipped_ == 0 && !std::exchange(skip_next_, false))
            put(std::move(value));
        return true;
    }

    bool open(Json value) {
        if (skipped_ > 0 || std::exchange(skip_next_, false)) {
            ++skipped_;
            return true;
        }
        if (open_.size() == max_ordered_depth)
            fail(ErrorKind::InvalidInput, "{}: values nest more than {} levels deep", name_, max_ordered_depth);
        Json* const slot = put(std::move(value));
        open_.push_back({slot, {}, 0});
        return true;
    }

    bool close() {
        if (skipped_ > 0)
            --skipped_;
        else
            open_.pop_back();
        return true;
    }

    const std::string& name_;
    std::initializer_list<std::string_view> wanted_;
    Json root_ = Json(Json::value_t::discarded);
    std::vector<Open> open_;
    std::size_t skipped_ = 0; // values that are open within one that is left out
    bool skip_next_ = false;  // the value that comes
};

} // namespace

Json parseOrdered(std::string_view text, const std::string& name, std::initializer_list<std::string_view> wanted) {
    OrderedReader reader(name, wanted);
    return Json::sax_parse(text, &reader) ? reader.take() : Json(Json::value_t::discarded);
}

} // namespace fulgurite
