// SPDX-License-Identifier: Apache-2.0
#include "app/engine/list_option.h"

namespace fulgurite::app {

std::vector<std::string> listOf(const std::vector<std::string>& given, const char* option) {
    std::vector<std::string> elements;
    for (const std::string& list : given) {
        for (std::size_t begin = 0; begin <= list.size();) {
            const std::size_t end = std::min(list.find(',', begin), list.size());
            elements.push_back(list.substr(begin, end - begin));
            if (elements.back().empty()) {
                fail(ErrorKind::InvalidInput,
                     "{}: \"{}\" has an element that is empty; take out the comma too many", option, list);
            }
            begin = end + 1;
        }
    }
    return elements;
}

capture::HeadRef readHead(std::string_view text, const char* option) {
    const std::size_t colon = text.find(':');
    const auto layer = wholeNumber<int>(text.substr(0, colon));
    const auto head = colon == std::string_view::npos ? std::nullopt : wholeNumber<int>(text.substr(colon + 1));
    if (!layer || !head) {
        fail(ErrorKind::InvalidInput, "{}: \"{}\" is not LAYER:HEAD, as in 7:3", option, text);
    }
    return {*layer, *head};
}

} // namespace fulgurite::app
