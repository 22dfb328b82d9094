// SPDX-License-Identifier: Apache-2.0
// Safetensors in memory, for views on the wire: arrays in, bytes out, and back with every shape checked.
#pragma once

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/json_field.h"
#include "core/checkpoint/safetensors.h"

#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fulgurite::capture {

template <class T>
constexpr DType dtypeOf() {
    if constexpr (std::is_same_v<T, float>) {
        return DType::F32;
    } else if constexpr (std::is_same_v<T, double>) {
        return DType::F64;
    } else if constexpr (std::is_same_v<T, std::int16_t>) {
        return DType::I16;
    } else if constexpr (std::is_same_v<T, std::int32_t>) {
        return DType::I32;
    } else if constexpr (sizeof(T) == 8) {
        return DType::I64;
    } else {
        static_assert(sizeof(T) == 1);
        return DType::U8;
    }
}

class ViewWriter {
  public:
    explicit ViewWriter(std::string_view kind) : kind_(kind) {}

    nlohmann::ordered_json& json() { return json_; }

    template <class T>
    void add(const std::string& name, const std::vector<T>& values, Shape shape) {
        const auto bytes = std::as_bytes(std::span(values));
        entries_.emplace_back(
            name, SafetensorsEntry{dtypeOf<T>(), std::move(shape), data_.size(), data_.size() + bytes.size()});
        data_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    template <class T>
    void add(const std::string& name, const std::vector<T>& values) {
        add(name, values, {static_cast<std::int64_t>(values.size())});
    }
    std::string finish() const {
        return safetensorsHeader(entries_, {{"view", kind_}, {"json", json_.dump()}}) + data_;
    }

  private:
    std::string kind_;
    nlohmann::ordered_json json_ = nlohmann::ordered_json::object();
    std::vector<std::pair<std::string, SafetensorsEntry>> entries_;
    std::string data_;
};

class ViewReader {
  public:
    ViewReader(std::span<const std::byte> bytes, std::string name, std::string_view kind)
        : bytes_(bytes), name_(std::move(name)), header_(SafetensorsHeader::parse(bytes, name_)) {
        if (text("view") != kind) {
            fail(ErrorKind::Corrupt, "{}: metadata \"view\" is \"{}\", expected \"{}\"", name_, text("view"), kind);
        }
        constexpr std::size_t kMaxDepth = 8;
        json_ = parseJson(text("json"), name_ + ": json", kMaxDepth);
    }

    JsonField json() const { return {json_, name_ + ": json", ErrorKind::Corrupt}; }
    std::size_t count(const char* field) const { return countOf(json().at(field)); }
    int number(const char* field, int least = 0) const {
        return static_cast<int>(json().at(field).integer(least, INT32_MAX));
    }
    static std::size_t countOf(const JsonField& view, std::int64_t least = 0) {
        return static_cast<std::size_t>(view.integer(least, std::int64_t{1} << 40));
    }

    // The array, which must have this shape.
    template <class T>
    std::vector<T> take(const std::string& array, const std::vector<std::size_t>& shape) const {
        const Shape wanted(shape.begin(), shape.end());
        const SafetensorsEntry& entry = find(array, dtypeOf<T>());
        if (entry.shape != wanted) {
            fail(ErrorKind::Corrupt, "{}: array \"{}\" has shape {}, expected {}", name_, array,
                 toString(entry.shape), toString(wanted));
        }
        return copy<T>(entry);
    }
    // The array of one dimension, as long as it is.
    template <class T>
    std::vector<T> take(const std::string& array) const {
        const SafetensorsEntry& entry = find(array, dtypeOf<T>());
        if (entry.shape.size() != 1) {
            fail(ErrorKind::Corrupt, "{}: array \"{}\" has shape {}, expected one dimension", name_, array,
                 toString(entry.shape));
        }
        return copy<T>(entry);
    }
    [[noreturn]] void corrupt(const std::string& what) const { fail(ErrorKind::Corrupt, "{}: {}", name_, what); }

  private:
    const std::string& text(const char* key) const {
        const auto found = header_.metadata.find(key);
        if (found == header_.metadata.end()) {
            fail(ErrorKind::Corrupt, "{}: metadata \"{}\" is missing", name_, key);
        }
        return found->second;
    }
    const SafetensorsEntry& find(const std::string& array, DType dtype) const {
        const auto found = header_.entries.find(array);
        if (found == header_.entries.end() || found->second.dtype != dtype) {
            fail(ErrorKind::Corrupt, "{}: array \"{}\" of {} is missing", name_, array, nameOf(dtype));
        }
        return found->second;
    }
    template <class T>
    std::vector<T> copy(const SafetensorsEntry& entry) const {
        std::vector<T> values((entry.end - entry.begin) / sizeof(T));
        if (!values.empty()) {
            std::memcpy(values.data(), bytes_.data() + header_.data_offset + entry.begin,
                        values.size() * sizeof(T));
        }
        return values;
    }

    std::span<const std::byte> bytes_;
    std::string name_;
    SafetensorsHeader header_;
    nlohmann::json json_;
};

} // namespace fulgurite::capture
