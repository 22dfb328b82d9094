// SPDX-License-Identifier: Apache-2.0
// Comma- and tab-separated files with a header line, as RFC 4180 quotes them.
#include "core/base/error.h"
#include "core/retrieval/readers.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>

namespace fulgurite::retrieval {

namespace {

constexpr std::size_t kMostFields = 10'000;

// Records one after another; a quoted field may hold separators, line ends and doubled quotes.
class CsvRecords {
  public:
    CsvRecords(std::string_view text, char separator, const std::string& name)
        : text_(text), separator_(separator), name_(name) {}

    std::size_t line() const { return record_line_; }

    // false at the end.
    bool next(std::vector<std::string>& fields) {
        fields.clear();
        if (at_ >= text_.size()) {
            return false;
        }
        record_line_ = line_;
        for (;;) {
            fields.push_back(text_.substr(at_).starts_with('"') ? quoted() : plain());
            if (at_ < text_.size() && text_[at_] == separator_) {
                ++at_;
                requireFew(fields);
                continue;
            }
            endLine();
            return true;
        }
    }

  private:
    std::string plain() {
        const std::size_t begin = at_;
        while (at_ < text_.size() && text_[at_] != separator_ && text_[at_] != '\n' && text_[at_] != '\r') {
            ++at_;
        }
        return std::string(text_.substr(begin, at_ - begin));
    }

    std::string quoted() {
        std::string field;
        for (++at_; at_ < text_.size(); ++at_) {
            if (text_[at_] == '"') {
                if (!text_.substr(at_ + 1).starts_with('"')) {
                    ++at_;
                    requireEnd();
                    return field;
                }
                ++at_;
            }
            line_ += text_[at_] == '\n' ? 1 : 0;
            field += text_[at_];
        }
        fail(ErrorKind::InvalidInput, "{}, line {}: a quoted field has no end", name_, record_line_);
    }

    void requireFew(const std::vector<std::string>& fields) const {
        if (fields.size() >= kMostFields) {
            fail(ErrorKind::InvalidInput, "{}, line {}: has more than {} fields", name_, record_line_, kMostFields);
        }
    }

    void requireEnd() const {
        if (at_ < text_.size() && text_[at_] != separator_ && text_[at_] != '\n' && text_[at_] != '\r') {
            fail(ErrorKind::InvalidInput,
                 "{}, line {}: something stands between a closing quote and the next separator", name_,
                 record_line_);
        }
    }

    void endLine() {
        if (at_ < text_.size() && text_[at_] == '\r') {
            ++at_;
        }
        if (at_ < text_.size() && text_[at_] == '\n') {
            ++at_;
        }
        ++line_;
    }

    std::string_view text_;
    char separator_;
    const std::string& name_;
    std::size_t at_ = 0;
    std::size_t line_ = 1;
    std::size_t record_line_ = 1;
};

std::optional<std::size_t> columnOf(const std::vector<std::string>& header, std::string_view name) {
    const auto found = std::find(header.begin(), header.end(), name);
    return found == header.end() ? std::nullopt : std::optional<std::size_t>(found - header.begin());
}

} // namespace

SourceContent readCsv(std::string_view text, char separator, const std::string& name) {
    CsvRecords records(text, separator, name);
    std::vector<std::string> header;
    if (!records.next(header) || !columnOf(header, "text")) {
        fail(ErrorKind::InvalidInput,
             "{}: the first line must name the columns, with one called text (and title, label, topic where there "
             "are)",
             name);
    }
    SourceContent content;
    std::vector<std::string> fields;
    while (records.next(fields)) {
        if (fields.size() == 1 && fields[0].empty()) {
            continue;
        }
        if (fields.size() != header.size()) {
            fail(ErrorKind::InvalidInput, "{}, line {}: {} fields, the header has {}", name, records.line(),
                 fields.size(), header.size());
        }
        const auto value = [&](std::string_view column) {
            const auto at = columnOf(header, column);
            return at ? fields[*at] : std::string();
        };
        requireRoom(content, name);
        content.documents.push_back({value("title"), value("label"), value("topic"), value("text"),
                                     fmt::format("line {}", records.line())});
    }
    return content;
}

} // namespace fulgurite::retrieval
