// SPDX-License-Identifier: Apache-2.0
// Files and folders as documents and queries. What is read may be hostile; every reader has limits.
//
//   .txt .text        one document
//   .md .markdown     one document, its first heading the title
//   .html .htm .xhtml one document: the visible text
//   .pdf              one document: pdftotext in a process of its own with limits
//   .jsonl .ndjson    one object a line: text, and title, label, topic where there are
//   .json             a list of such objects, or a list of queries, or one of the MRAG project's files (see read)
//   .csv .tsv         a header line that names text, and title, label, topic where there are
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite::retrieval {

struct SourceDocument {
    std::string title;
    std::string label;
    std::string topic;
    std::string text;  // UTF-8
    std::string place; // "line 12", "[41]"; empty for a whole file
};

struct SourceQuery {
    std::string text;
    std::vector<std::string> items;   // topics or titles that are relevant
    std::vector<std::string> prompts; // empty ones are left out
};

struct SourceContent {
    std::vector<SourceDocument> documents;
    std::vector<SourceQuery> queries;
};

// Larger files are refused with the figure.
inline constexpr std::uint64_t kLargestSource = std::uint64_t{512} << 20;
// So are files with more documents and queries: short ones take a hundred times their size in memory. What a file
// holds at most is its own size, its texts once more, and a third of a gigabyte for that many.
inline constexpr std::size_t kMostEntries = 2'000'000;

// Whether readSource knows what to do with a file of this name.
bool isReadable(const std::filesystem::path& path);

// Throws Error{NotFound | Io | InvalidInput | Unsupported}: not text, too large, encrypted, of no known kind.
SourceContent readSource(const std::filesystem::path& path);

// Every file that is read, in order of their paths: `path` itself, or what lies in the folder and below. Names that
// begin with a dot and symbolic links are left out. Throws Error{NotFound}.
std::vector<std::filesystem::path> sourcesBelow(const std::filesystem::path& path);

// The parts, for tests and fuzzing. `name` is what errors call the file.
SourceContent readJson(std::string_view text, const std::string& name);
SourceContent readJsonLines(std::string_view text, const std::string& name);
SourceContent readCsv(std::string_view text, char separator, const std::string& name);
SourceDocument readMarkdown(std::string_view text);
SourceDocument readHtml(std::string_view text);
// Throws Error{InvalidInput} when there is no room for another entry.
void requireRoom(const SourceContent& content, const std::string& name);
// Throws Error{InvalidInput} at a NUL byte or invalid UTF-8, with the offset.
void requireText(std::string_view text, const std::string& name);
// The text of a PDF file. Throws Error{Unsupported} when pdftotext is not installed, Error{InvalidInput} when the
// file is encrypted, broken, or takes too much time or memory.
std::string textOfPdf(const std::filesystem::path& path);

} // namespace fulgurite::retrieval
