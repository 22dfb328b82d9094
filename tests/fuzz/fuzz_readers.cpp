// SPDX-License-Identifier: Apache-2.0
// The readers of documents. The first byte chooses one: J a JSON file, L JSON lines, C CSV, H HTML, M Markdown, R a
// result file.
#include "core/base/error.h"
#include "core/base/utf8.h"
#include "core/retrieval/readers.h"
#include "core/retrieval/results/result_file.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using namespace fulgurite;
using namespace fulgurite::retrieval;

void requireUtf8Document(const SourceDocument& document) {
    if (validUtf8Prefix(document.text) != document.text.size() ||
        validUtf8Prefix(document.title) != document.title.size()) {
        std::abort();
    }
}

void read(char kind, std::string_view text) {
    requireText(text, "input");
    switch (kind) {
    case 'J':
        readJson(text, "input");
        break;
    case 'L':
        readJsonLines(text, "input");
        break;
    case 'C':
        readCsv(text, ',', "input");
        break;
    case 'H':
        requireUtf8Document(readHtml(text));
        break;
    case 'M':
        requireUtf8Document(readMarkdown(text));
        break;
    case 'R':
        ResultFile::parse(text, "input");
        break;
    default:
        break;
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    try {
        read(static_cast<char>(data[0]), {reinterpret_cast<const char*>(data) + 1, size - 1});
    } catch (const Error&) {
    }
    return 0;
}
