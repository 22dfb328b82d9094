// SPDX-License-Identifier: Apache-2.0
#include "core/text/tokenizer_json.h"

#include "core/base/error.h"
#include "core/base/json.h"

#include <cstddef>

namespace fulgurite {
namespace {

// Builds `rest` as a tree; inside of model.vocab and model.merges it fills the tables instead.
class Reader final : public nlohmann::json_sax<nlohmann::json> {
  public:
    Reader(TokenizerJson& out, const std::string& name) : out_(out), name_(name) {}

    bool null() override { return value(nullptr); }
    bool boolean(bool yes) override { return value(yes); }
    bool number_integer(number_integer_t number) override {
        return where_ == Where::Vocab ? addEntry(number) : value(number);
    }
    bool number_unsigned(number_unsigned_t number) override {
        if (where_ == Where::Vocab) {
            return addEntry(number > INT64_MAX ? INT64_MAX : static_cast<std::int64_t>(number));
        }
        return value(number);
    }
    bool number_float(number_float_t number, const string_t&) override { return value(number); }
    bool string(string_t& text) override {
        return where_ == Where::Merges || where_ == Where::Pair ? addSide(text) : value(std::move(text));
    }
    bool binary(binary_t&) override { return false; } // JSON has none

    bool start_object(std::size_t) override {
        if (where_ == Where::Outside && atModelKey("vocab")) {
            slot() = nullptr;
            where_ = Where::Vocab;
            return true;
        }
        return open(nlohmann::json::object());
    }
    bool key(string_t& text) override {
        key_ = std::move(text);
        return true;
    }
    bool end_object() override {
        if (where_ == Where::Vocab) {
            where_ = Where::Outside;
            return true;
        }
        return close();
    }
    bool start_array(std::size_t) override {
        if (where_ == Where::Outside && atModelKey("merges")) {
            slot() = nullptr;
            where_ = Where::Merges;
            return true;
        }
        if (where_ == Where::Merges) {
            where_ = Where::Pair;
            sides_ = 0;
            return true;
        }
        return open(nlohmann::json::array());
    }
    bool end_array() override {
        if (where_ == Where::Pair) {
            requirePair(sides_ == 2);
            out_.merges.push_back(std::move(pair_));
            where_ = Where::Merges;
            return true;
        }
        if (where_ == Where::Merges) {
            where_ = Where::Outside;
            return true;
        }
        return close();
    }
    bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) override {
        const std::string message = error.what();
        const std::size_t end = message.find("] ");
        fail(ErrorKind::Corrupt, "{}: not valid JSON: {}", name_,
             end == std::string::npos ? message : message.substr(end + 2));
    }

  private:
    enum class Where { Outside, Vocab, Merges, Pair };

    bool atModelKey(const char* wanted) const {
        return stack_.size() == 2 && stack_[1] == model_ && model_ != nullptr && key_ == wanted;
    }

    void requirePair(bool condition) const {
        if (!condition) {
            fail(ErrorKind::Corrupt, "{}: model: merges[{}]: expected two tokens, \"left right\" or a pair", name_,
                 out_.merges.size());
        }
    }

    // Where the next value goes.
    nlohmann::json& slot() {
        if (stack_.empty()) {
            return out_.rest;
        }
        if (stack_.back()->is_array()) {
            return stack_.back()->emplace_back();
        }
        return (*stack_.back())[key_];
    }

    void requireOutside() const {
        if (where_ == Where::Vocab) {
            fail(ErrorKind::Corrupt, "{}: model: vocab: \"{}\": expected an integer", name_, key_);
        }
        requirePair(where_ == Where::Outside);
    }

    template <class T>
    bool value(T&& content) {
        requireOutside();
        slot() = std::forward<T>(content);
        return true;
    }

    bool open(nlohmann::json container) {
        requireOutside();
        const bool is_model = stack_.size() == 1 && stack_[0]->is_object() && key_ == "model";
        nlohmann::json& place = slot();
        place = std::move(container);
        stack_.push_back(&place);
        model_ = is_model ? &place : model_;
        return true;
    }

    bool close() {
        stack_.pop_back();
        return true;
    }

    bool addEntry(std::int64_t id) {
        out_.vocab.emplace_back(std::move(key_), id);
        return true;
    }

    bool addSide(std::string& text) {
        if (where_ == Where::Merges) {
            const std::size_t space = text.find(' ');
            requirePair(space != std::string::npos && text.find(' ', space + 1) == std::string::npos);
            out_.merges.emplace_back(text.substr(0, space), text.substr(space + 1));
            return true;
        }
        requirePair(sides_ < 2);
        (sides_++ == 0 ? pair_.first : pair_.second) = std::move(text);
        return true;
    }

    TokenizerJson& out_;
    const std::string& name_;
    std::vector<nlohmann::json*> stack_; // of containers that are open
    const nlohmann::json* model_ = nullptr;
    std::string key_;
    Where where_ = Where::Outside;
    int sides_ = 0; // of the pair that is open
    std::pair<std::string, std::string> pair_;
};

} // namespace

TokenizerJson parseTokenizerJson(std::string_view text, const std::string& name) {
    constexpr std::size_t kMaxDepth = 32;
    requireJsonDepth(text, name, kMaxDepth);
    TokenizerJson out;
    Reader reader(out, name);
    nlohmann::json::sax_parse(text, &reader);
    return out;
}

} // namespace fulgurite
