// SPDX-License-Identifier: Apache-2.0
// Values as text, the way Python writes them: templates were made and tested there.
#include "core/base/utf8.h"
#include "core/text/jinja/value.h"

#include <array>
#include <charconv>
#include <cmath>
#include <fmt/format.h>

namespace fulgurite::jinja {
namespace {

// repr(float): the shortest digits that read back, with an exponent below 1e-4 and from 1e16 on.
std::string floatText(double number) {
    if (std::isnan(number) || std::isinf(number)) {
        return std::isnan(number) ? "nan" : number < 0 ? "-inf" : "inf";
    }
    const double size = std::fabs(number);
    const bool fixed = size == 0 || (size >= 1e-4 && size < 1e16);
    std::array<char, 64> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number,
                                   fixed ? std::chars_format::fixed : std::chars_format::scientific);
    std::string text(buffer.data(), end.ptr);
    if (fixed && text.find('.') == std::string::npos) {
        text += ".0";
    }
    return text;
}

class Printer {
  public:
    Printer(Budget& budget, bool json, int indent) : budget_(budget), json_(json), indent_(indent) {}

    void add(const Value& value, int level) {
        budget_.step();
        if (value.isText()) {
            json_ ? addJsonString(value.text()) : addRepr(value.text());
        } else if (value.isList()) {
            addList(value.list(), level);
        } else if (value.isDict()) {
            addDict(value.dict(), level);
        } else if (value.is<bool>()) {
            const bool yes = value.as<bool>();
            put(json_ ? (yes ? "true" : "false") : (yes ? "True" : "False"));
        } else if (value.is<std::int64_t>()) {
            put(fmt::format("{}", value.integer()));
        } else if (value.is<double>()) {
            addFloat(value.as<double>());
        } else if (value.isNone()) {
            put(json_ ? "null" : "None");
        } else if (value.isUndefined() && !json_) {
            return;
        } else {
            throw Problem(fmt::format("{} cannot be written as {}", describe(value), json_ ? "JSON" : "text"));
        }
    }

    std::string take() { return std::move(out_); }

  private:
    void put(std::string_view text) {
        budget_.bytes(text.size());
        out_ += text;
    }

    void addFloat(double number) {
        if (json_ && !std::isfinite(number)) {
            put(std::isnan(number) ? "NaN" : number < 0 ? "-Infinity" : "Infinity");
            return;
        }
        put(floatText(number));
    }

    void addList(const List& list, int level) {
        addAll(list.items.size(), '[', ']', level, [&](std::size_t i) { add(list.items[i], level + 1); });
    }

    void addDict(const Dict& dict, int level) {
        addAll(dict.items.size(), '{', '}', level, [&](std::size_t i) {
            json_ ? addJsonString(dict.items[i].first) : addRepr(dict.items[i].first);
            put(": ");
            add(dict.items[i].second, level + 1);
        });
    }

    template <class AddItem>
    void addAll(std::size_t count, char open, char close, int level, AddItem addItem) {
        put(std::string_view(&open, 1));
        for (std::size_t i = 0; i < count; ++i) {
            if (i > 0) {
                put(indent_ < 0 ? ", " : ",");
            }
            breakLine(level + 1);
            addItem(i);
        }
        if (count > 0) {
            breakLine(level);
        }
        put(std::string_view(&close, 1));
    }

    void breakLine(int level) {
        if (indent_ >= 0) {
            put("\n");
            put(std::string(static_cast<std::size_t>(level) * static_cast<std::size_t>(indent_), ' '));
        }
    }

    void addJsonString(const std::string& text) {
        std::string quoted = "\"";
        for (const char c : text) {
            switch (c) {
            case '"':
            case '\\':
                quoted += '\\';
                quoted += c;
                break;
            case '\n':
                quoted += "\\n";
                break;
            case '\r':
                quoted += "\\r";
                break;
            case '\t':
                quoted += "\\t";
                break;
            case '\b':
                quoted += "\\b";
                break;
            case '\f':
                quoted += "\\f";
                break;
            default:
                if (static_cast<unsigned char>(c) < 0x20) {
                    quoted += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
                } else {
                    quoted += c;
                }
            }
        }
        put(quoted + '"');
    }

    void addRepr(const std::string& text) {
        const bool doubled = text.find('\'') != std::string::npos && text.find('"') == std::string::npos;
        const char quote = doubled ? '"' : '\'';
        std::string quoted(1, quote);
        for (const char c : text) {
            const auto byte = static_cast<unsigned char>(c);
            if (c == quote || c == '\\') {
                quoted += '\\';
                quoted += c;
            } else if (c == '\n' || c == '\r' || c == '\t') {
                quoted += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
            } else if (byte < 0x20 || byte == 0x7F) {
                quoted += fmt::format("\\x{:02x}", byte);
            } else {
                quoted += c;
            }
        }
        put(quoted + quote);
    }

    Budget& budget_;
    const bool json_;
    const int indent_;
    std::string out_;
};

} // namespace

std::string toText(const Value& value, Budget& budget) {
    if (value.isText()) {
        budget.bytes(value.text().size());
        return value.text();
    }
    Printer printer(budget, false, -1);
    printer.add(value, 0);
    return printer.take();
}

std::string toJson(const Value& value, int indent, Budget& budget) {
    Printer printer(budget, true, indent);
    printer.add(value, 0);
    return printer.take();
}

} // namespace fulgurite::jinja
