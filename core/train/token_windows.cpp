// SPDX-License-Identifier: Apache-2.0
#include "core/train/token_windows.h"

#include "core/base/error.h"
#include "core/base/file_io.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

namespace fulgurite {

namespace {

constexpr std::size_t kMaxFile = std::size_t{1} << 34;

TokenIds readIds(const std::string& name, const std::string& text) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    const auto isId = [](const nlohmann::json& item) {
        return item.is_number_integer() && item.get<std::int64_t>() >= 0 &&
               item.get<std::int64_t>() <= std::numeric_limits<TokenId>::max();
    };
    if (!json.is_array() || !std::all_of(json.begin(), json.end(), isId)) {
        fail(ErrorKind::InvalidInput, "{}: expected a JSON array of token ids", name);
    }
    return json.get<TokenIds>();
}

std::vector<std::string> readDocuments(const std::string& name, std::string text) {
    if (!name.ends_with(".jsonl")) {
        return {std::move(text)};
    }
    std::vector<std::string> documents;
    std::size_t line = 0;
    for (std::size_t begin = 0; begin < text.size(); ++line) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        const std::string_view part = std::string_view(text).substr(begin, end - begin);
        begin = end + 1;
        if (part.find_first_not_of(" \t\r") == std::string_view::npos) {
            continue;
        }
        const auto json = nlohmann::json::parse(part, nullptr, false);
        if (!json.is_object() || !json.contains("text") || !json["text"].is_string()) {
            fail(ErrorKind::InvalidInput, "{}: line {}: expected an object with a field \"text\"", name, line + 1);
        }
        documents.push_back(json["text"].get<std::string>());
    }
    return documents;
}

} // namespace

TokenIds readTrainingTokens(std::span<const std::filesystem::path> files, const TextToTokens& encode,
                            std::optional<TokenId> separator) {
    TokenIds all;
    const auto append = [&](const TokenIds& document) {
        all.insert(all.end(), document.begin(), document.end());
        if (separator) {
            all.push_back(*separator);
        }
    };
    for (const auto& file : files) {
        const std::string name = file.string();
        std::string text = readTextFile(file, kMaxFile);
        if (name.ends_with(".json")) {
            append(readIds(name, text));
            continue;
        }
        if (!encode) {
            fail(ErrorKind::InvalidInput, "{}: reading text needs a tokenizer: give \"tokenizer\"", name);
        }
        for (const std::string& document : readDocuments(name, std::move(text))) {
            append(encode(document));
        }
    }
    return all;
}

TokenWindows::TokenWindows(TokenIds tokens, std::size_t length)
    : tokens_(std::move(tokens)), length_(length), count_(tokens_.empty() ? 0 : (tokens_.size() - 1) / length) {
    if (count_ == 0) {
        fail(ErrorKind::InvalidInput, "the data hold {} tokens; one sequence of {} needs {}", tokens_.size(),
             length, length + 1);
    }
}

std::uint64_t TokenWindows::checksum() const {
    TokenChecksum checksum;
    for (const TokenId id : tokens_) {
        checksum.add(id);
    }
    return checksum.value();
}

std::size_t TokenWindows::append(std::uint64_t index, TokenIds& tokens, TokenIds& targets) const {
    const auto window = std::span(tokens_).subspan(index * length_, length_ + 1);
    tokens.insert(tokens.end(), window.begin(), window.end() - 1);
    targets.insert(targets.end(), window.begin() + 1, window.end());
    return length_;
}

} // namespace fulgurite
