// SPDX-License-Identifier: Apache-2.0
// JSON and JSON lines, one document or query after another: never more of a file than the fields of one entry is
// held as JSON, whatever else is in it.
#include "core/base/error.h"
#include "core/base/json_field.h"
#include "core/retrieval/readers.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <optional>
#include <utility>

namespace fulgurite::retrieval {

namespace {

using nlohmann::json;

constexpr std::size_t kMostLevels = 128;
constexpr std::size_t kMostValues = 1'000'000; // of one entry: items of a query, prompts
// What an entry may say; the vectors of an embedding file and everything else is passed over.
constexpr std::array<std::string_view, 9> kFields{"article", "query",  "title",   "label", "topic",
                                                  "text",    "topics", "related", "fusion"};

std::vector<std::string> stringsOf(const JsonField& list, bool keep_blank) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < list.size(); ++i) {
        const std::string& text = list.at(i).string();
        if (keep_blank || text.find_first_not_of(" \t\r\n") != std::string::npos) {
            texts.push_back(text);
        }
    }
    return texts;
}

SourceDocument documentOf(const JsonField& field, std::string place) {
    SourceDocument document;
    document.title = field.string("title", "");
    document.label = field.string("label", "");
    document.topic = field.string("topic", "");
    document.text = field["text"].string();
    document.place = std::move(place);
    return document;
}

SourceQuery queryOf(const JsonField& field) {
    SourceQuery query;
    query.text = field["text"].string();
    query.items = stringsOf(field[field.has("topics") ? "topics" : "related"], true);
    if (field.has("fusion")) {
        query.prompts = stringsOf(field["fusion"], false);
    }
    return query;
}

// An entry of the MRAG project's embedding file is the object inside of it.
void addEntry(const JsonField& entry, const std::string& place, const std::string& name, SourceContent& content) {
    requireRoom(content, name);
    const JsonField inner = entry.has("article") ? entry["article"] : entry.has("query") ? entry["query"] : entry;
    if (inner.has("topics") || inner.has("related")) {
        content.queries.push_back(queryOf(inner));
    } else {
        content.documents.push_back(documentOf(inner, place));
    }
}

// Takes the parser's events. Entries are the elements of the file's list, of its object's lists, or, of a line, the
// line itself.
class Entries {
  public:
    enum class Form { File, Line };

    Entries(std::string name, Form form, SourceContent& content)
        : name_(std::move(name)), form_(form), content_(content) {}

    // Of a line: what an entry's place is called.
    void setPlace(std::string place) { place_ = std::move(place); }

    void finish() {
        if (form_ == Form::File && entry_level_ == 2 && named_) {
            content_ = std::move(named_content_);
        } else if (problem_) {
            throw Error(*problem_);
        }
    }

    bool null() { return scalar(nullptr); }
    bool boolean(bool value) { return scalar(value); }
    bool number_integer(json::number_integer_t value) { return scalar(value); }
    bool number_unsigned(json::number_unsigned_t value) { return scalar(value); }
    bool number_float(json::number_float_t value, const std::string&) { return scalar(value); }
    bool string(std::string& value) { return scalar(std::move(value)); }
    bool binary(json::binary_t&) { return true; }
    bool start_object(std::size_t) { return open(json::object()); }
    bool start_array(std::size_t) { return open(json::array()); }
    bool end_object() { return close(); }
    bool end_array() { return close(); }
    bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) {
        // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
        const std::string_view message = error.what();
        const std::size_t words = message.find("] ");
        fail(ErrorKind::Corrupt, "{}: not valid JSON: {}", name_,
             words == std::string_view::npos ? message : message.substr(words + 2));
    }

    bool key(std::string& name) {
        if (skipped_ > 0) {
            return true;
        }
        if (form_ == Form::File && level_ == 1) { // of the file's object
            group_ = name;
            index_ = 0;
            const bool named = name == "articles" || name == "queries";
            named_ = named_ || named;
            // Other lists of a file with these two are none of ours; what is wrong with them counts for nothing.
            skip_next_ = !named && (named_ || problem_);
            return true;
        }
        key_ = name;
        skip_next_ = open_.size() <= 2 && std::find(kFields.begin(), kFields.end(), name) == kFields.end();
        return true;
    }

  private:
    bool atEntry() const { return level_ == entryLevel(); }
    std::size_t entryLevel() const { return form_ == Form::Line ? 0 : entry_level_; }
    bool inNamed() const { return group_ == "articles" || group_ == "queries"; }

    std::string pathOfEntry() const {
        if (form_ == Form::Line) {
            return name_;
        }
        return entry_level_ == 1 ? fmt::format("{}[{}]", name_, index_)
                                 : fmt::format("{}: {}[{}]", name_, group_, index_);
    }

    bool scalar(json value) {
        if (std::exchange(skip_next_, false) || skipped_ > 0) {
            return true;
        }
        if (form_ == Form::File && level_ < entryLevel()) {
            notAList(value);
        } else if (atEntry()) {
            entry_ = std::move(value);
            finishEntry();
        } else {
            put(std::move(value));
        }
        return true;
    }

    bool open(json container) {
        if (level_ + skipped_ >= kMostLevels) {
            fail(ErrorKind::Corrupt, "{}: nested deeper than {} levels", name_, kMostLevels);
        }
        if (std::exchange(skip_next_, false) || skipped_ > 0) {
            ++skipped_;
            return true;
        }
        if (form_ == Form::File && level_ == 0) {
            entry_level_ = container.is_array() ? 1 : 2;
        } else if (form_ == Form::File && level_ < entry_level_) {
            if (!container.is_array()) {
                notAList(container);
                ++skipped_;
                return true;
            }
        } else if (atEntry()) {
            entry_ = std::move(container);
            values_ = 0;
            open_ = {&entry_};
        } else {
            open_.push_back(put(std::move(container)));
        }
        ++level_;
        return true;
    }

    bool close() {
        if (skipped_ > 0) {
            --skipped_;
            return true;
        }
        --level_;
        if (!open_.empty()) {
            open_.pop_back();
            if (open_.empty()) {
                finishEntry();
            }
        }
        return true;
    }

    json* put(json value) {
        if (++values_ > kMostValues) {
            fail(ErrorKind::InvalidInput, "{}: has more than {} values. Make several entries of it.", pathOfEntry(),
                 kMostValues);
        }
        json& parent = *open_.back();
        if (parent.is_array()) {
            parent.push_back(std::move(value));
            return &parent.back();
        }
        return &(parent[key_] = std::move(value));
    }

    void notAList(const json& value) {
        const JsonField field(value, entry_level_ == 2 ? fmt::format("{}: {}", name_, group_) : name_);
        keepProblem(
            [&] { field.expect(false, entry_level_ == 2 ? "an array" : "a list of documents or queries"); });
    }

    void finishEntry() {
        SourceContent& content = entry_level_ == 2 && inNamed() ? named_content_ : content_;
        keepProblem([&] {
            addEntry(JsonField(entry_, pathOfEntry()), form_ == Form::Line ? place_ : fmt::format("[{}]", index_),
                     name_, content);
        });
        ++index_;
        entry_ = nullptr;
    }

    // In a file whose lists are not known yet, what is wrong with one may turn out to be none of our business.
    template <class Call>
    void keepProblem(const Call& call) {
        try {
            call();
        } catch (const Error& error) {
            if (form_ == Form::Line || entry_level_ != 2 || inNamed()) {
                throw;
            }
            if (!problem_) {
                problem_ = error;
            }
        }
    }

    std::string name_;
    Form form_;
    SourceContent& content_;
    SourceContent named_content_; // of "articles" and "queries"
    bool named_ = false;
    std::optional<Error> problem_; // the first one outside of those
    std::string place_;
    std::size_t entry_level_ = 1; // containers around an entry of a file
    std::size_t level_ = 0;       // containers that are open and not passed over
    std::size_t skipped_ = 0;     // containers inside of what is passed over
    bool skip_next_ = false;
    std::string group_; // key of the file's object
    std::size_t index_ = 0;
    json entry_;
    std::size_t values_ = 0; // of it
    std::string key_;
    std::vector<json*> open_; // its containers
};

void parse(std::string_view text, Entries& entries) {
    json::sax_parse(text, &entries);
}

} // namespace

void requireRoom(const SourceContent& content, const std::string& name) {
    if (content.documents.size() + content.queries.size() >= kMostEntries) {
        fail(ErrorKind::InvalidInput, "{}: holds more than {} documents and queries. Split it.", name,
             kMostEntries);
    }
}

SourceContent readJson(std::string_view text, const std::string& name) {
    SourceContent content;
    Entries entries(name, Entries::Form::File, content);
    parse(text, entries);
    entries.finish();
    return content;
}

SourceContent readJsonLines(std::string_view text, const std::string& name) {
    SourceContent content;
    for (std::size_t line = 1; !text.empty(); ++line) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view part = text.substr(0, end);
        if (part.find_first_not_of(" \t\r") != std::string_view::npos) {
            Entries entries(fmt::format("{}, line {}", name, line), Entries::Form::Line, content);
            entries.setPlace(fmt::format("line {}", line));
            parse(part, entries);
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return content;
}

} // namespace fulgurite::retrieval
