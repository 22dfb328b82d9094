// SPDX-License-Identifier: Apache-2.0
#include "core/retrieval/fusion_prompts.h"

#include <algorithm>
#include <fmt/format.h>

namespace fulgurite::retrieval {

namespace {

bool isLineBlank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

std::string_view trimmed(std::string_view line) {
    while (!line.empty() && isLineBlank(line.front())) {
        line.remove_prefix(1);
    }
    while (!line.empty() && isLineBlank(line.back())) {
        line.remove_suffix(1);
    }
    return line;
}

// "1. ", "12) ", "- ", "* " in front of an entry; a number that belongs to the text has neither dot nor bracket
// after it.
std::string_view withoutListMark(std::string_view line) {
    if (line.starts_with("- ") || line.starts_with("* ")) {
        return trimmed(line.substr(2));
    }
    const std::size_t digits = line.find_first_not_of("0123456789");
    if (digits != 0 && digits != std::string_view::npos && (line[digits] == '.' || line[digits] == ')') &&
        line.substr(digits + 1).starts_with(' ')) {
        return trimmed(line.substr(digits + 1));
    }
    return line;
}

std::string_view withoutQuotes(std::string_view line) {
    if (line.size() >= 2 && (line.front() == '"' || line.front() == '\'') && line.back() == line.front()) {
        return trimmed(line.substr(1, line.size() - 2));
    }
    return line;
}

} // namespace

std::string fusionRequest(std::string_view query, std::size_t count) {
    return fmt::format(
        "Write {} short and different search queries that together find everything the following text is about. "
        "Answer with the queries alone, one on each line.\n\nText: {}",
        count, query);
}

std::vector<std::string> fusionPrompts(std::string_view answer, std::size_t count) {
    std::vector<std::string> prompts;
    while (!answer.empty() && prompts.size() < count) {
        const std::size_t end = std::min(answer.find('\n'), answer.size());
        const std::string prompt(withoutQuotes(withoutListMark(trimmed(answer.substr(0, end)))));
        if (!prompt.empty() && std::find(prompts.begin(), prompts.end(), prompt) == prompts.end()) {
            prompts.push_back(prompt);
        }
        answer.remove_prefix(std::min(end + 1, answer.size()));
    }
    return prompts;
}

} // namespace fulgurite::retrieval
