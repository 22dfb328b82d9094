// SPDX-License-Identifier: Apache-2.0
#include "core/retrieval/readers.h"

#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/base/system_memory.h"
#include "core/base/utf8.h"

#include <algorithm>
#include <fmt/format.h>

namespace fulgurite::retrieval {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF"; // some editors put it in front of UTF-8

std::string kindOf(const fs::path& path) {
    std::string kind = path.extension().string();
    std::transform(kind.begin(), kind.end(), kind.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return kind;
}

bool isOneOf(const std::string& kind, std::initializer_list<const char*> kinds) {
    return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

std::string nameWithoutExtension(const fs::path& path) {
    return path.stem().string();
}

// Comments in front of a text, such as a licence, say nothing of what it is about.
std::string_view withoutComments(std::string_view text) {
    for (;;) {
        const std::size_t begin = text.find_first_not_of(" \t\r\n");
        if (begin == std::string_view::npos || !text.substr(begin).starts_with("<!--")) {
            return text;
        }
        const std::size_t end = text.find("-->", begin + 4);
        if (end == std::string_view::npos) {
            return text;
        }
        text.remove_prefix(end + 3);
    }
}

} // namespace

void requireText(std::string_view text, const std::string& name) {
    const std::size_t zero = text.find('\0');
    if (zero != std::string_view::npos) {
        fail(ErrorKind::InvalidInput, "{}: this is not text: byte {} is zero. Name another file, or leave it out.",
             name, zero);
    }
    const std::size_t valid = validUtf8Prefix(text);
    if (valid != text.size()) {
        fail(ErrorKind::InvalidInput, "{}: invalid UTF-8 at byte {}. Convert it to UTF-8, or leave it out.", name,
             valid);
    }
}

SourceDocument readMarkdown(std::string_view text) {
    SourceDocument document;
    text = withoutComments(text);
    document.text = text;
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        std::string_view line = rest.substr(0, end);
        const std::size_t marks = line.find_first_not_of('#');
        if (marks != 0 && marks != std::string_view::npos && marks <= 6 && line[marks] == ' ') {
            line.remove_prefix(marks + 1);
            while (line.ends_with('\r') || line.ends_with(' ') || line.ends_with('#')) {
                line.remove_suffix(1);
            }
            document.title = line;
            break;
        }
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return document;
}

bool isReadable(const fs::path& path) {
    return isOneOf(kindOf(path), {".txt", ".text", ".md", ".markdown", ".html", ".htm", ".xhtml", ".pdf", ".jsonl",
                                  ".ndjson", ".json", ".csv", ".tsv"});
}

SourceContent readSource(const fs::path& path) {
    const std::string kind = kindOf(path);
    const std::string name = path.string();
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status)) {
        fail(ErrorKind::NotFound, "{}: there is no such file or folder", name);
    }
    if (!fs::is_regular_file(status)) {
        fail(ErrorKind::InvalidInput, "{}: this is neither a file nor a folder", name);
    }
    const std::uint64_t size = fs::file_size(path, error);
    if (error) {
        fail(ErrorKind::Io, "{}: {}", name, error.message());
    }
    if (size > kLargestSource) {
        fail(ErrorKind::InvalidInput,
             "{}: the file has {}, the most that is read is {}. Split it, or name its parts.", name,
             readableBytes(size), readableBytes(kLargestSource));
    }
    if (!isReadable(path)) {
        fail(ErrorKind::Unsupported,
             "{}: files that end with '{}' are not read; text, Markdown, HTML, PDF, JSON, JSONL, CSV and TSV are",
             name, kind);
    }
    SourceContent content;
    if (kind == ".pdf") {
        content.documents.push_back({nameWithoutExtension(path), "", "", replaceInvalidUtf8(textOfPdf(path)), ""});
        return content;
    }
    const std::string file = readTextFile(path, kLargestSource);
    requireText(file, name);
    std::string_view text = file;
    if (text.starts_with(kByteOrderMark)) {
        text.remove_prefix(kByteOrderMark.size());
    }
    if (kind == ".json") {
        return readJson(text, name);
    }
    if (kind == ".jsonl" || kind == ".ndjson") {
        return readJsonLines(text, name);
    }
    if (kind == ".csv" || kind == ".tsv") {
        return readCsv(text, kind == ".csv" ? ',' : '\t', name);
    }
    SourceDocument document;
    if (isOneOf(kind, {".html", ".htm", ".xhtml"})) {
        document = readHtml(text);
    } else if (isOneOf(kind, {".md", ".markdown"})) {
        document = readMarkdown(text);
    } else {
        document.text = text;
    }
    if (document.title.empty()) {
        document.title = nameWithoutExtension(path);
    }
    content.documents.push_back(std::move(document));
    return content;
}

std::vector<fs::path> sourcesBelow(const fs::path& path) {
    std::error_code error;
    if (!fs::exists(path, error)) {
        fail(ErrorKind::NotFound, "{}: there is no such file or folder", path.string());
    }
    if (!fs::is_directory(path, error)) {
        return {path};
    }
    std::vector<fs::path> files;
    for (auto entry = fs::recursive_directory_iterator(path, fs::directory_options::skip_permission_denied, error);
         entry != fs::recursive_directory_iterator(); entry.increment(error)) {
        if (error) {
            fail(ErrorKind::Io, "{}: cannot be listed: {}", path.string(), error.message());
        }
        const bool hidden = entry->path().filename().string().starts_with('.');
        if (hidden && entry->is_directory()) {
            entry.disable_recursion_pending();
        } else if (!hidden && !entry->is_symlink() && entry->is_regular_file() && isReadable(entry->path())) {
            files.push_back(entry->path());
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

} // namespace fulgurite::retrieval
