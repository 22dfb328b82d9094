// SPDX-License-Identifier: GPL-3.0-or-later
// Turns one chunk of Markdown into blocks of visible text that still know which character of the source each of
// their own came from: that is how tokens find their place on the screen.
#pragma once

#include <QList>
#include <QString>
#include <QStringView>

#include <cstdint>
#include <vector>

namespace fulgurite {

struct MarkdownChunk;

namespace inline_style {
inline constexpr std::uint8_t kBold = 1;
inline constexpr std::uint8_t kItalic = 2;
inline constexpr std::uint8_t kCode = 4;
inline constexpr std::uint8_t kStrike = 8;
inline constexpr std::uint8_t kLink = 16;
inline constexpr std::uint8_t kMath = 32;
} // namespace inline_style

// `length` visible characters from `visible` stand at `source` and after in the turn's text.
struct SourceRun {
    int visible = 0;
    int source = 0;
    int length = 0;
};

struct InlineSpan {
    int begin = 0; // visible characters
    int end = 0;
    std::uint8_t style = 0;
    QString link;
};

struct MarkdownBlock {
    enum class Kind { Paragraph, Heading, Code, Rule, Table };
    Kind kind = Kind::Paragraph;
    int level = 0;      // of a heading
    int indent = 0;     // lists it is in
    int quote = 0;      // quotes it is in
    bool tight = false; // follows the block before it without a paragraph's space
    QString marker;     // "•", "3.", "☑": of the list item that it begins
    QString text;
    QString language;
    std::vector<InlineSpan> spans;
    std::vector<SourceRun> runs;

    // Tables: row-major, the first row is the head.
    int columns = 0;
    std::vector<MarkdownBlock> cells;
    std::vector<Qt::Alignment> alignments;

    // Where a visible character comes from; text.size() gives the end.
    int sourceOf(int visible) const;
    // The first visible character that comes from `source` or after it.
    int visibleOf(int source) const;
};

// The blocks of chunk `chunk` of `text`.
std::vector<MarkdownBlock> parseChunk(const QString& text, const MarkdownChunk& chunk);

// What is visible of source characters [begin, end), as plain text: a line for each block, cells parted by tabs.
QString visibleText(const std::vector<MarkdownBlock>& blocks, int begin, int end);

} // namespace fulgurite
