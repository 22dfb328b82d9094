// SPDX-License-Identifier: GPL-3.0-or-later
// One chunk of a turn, laid out for a width: shaped lines, boxes of code, tables, list markers, and the boxes of
// its tokens. Made only for what is near the visible part; thrown away freely.
#pragma once

#include "ui/base/theme_manager.h"
#include "ui/prompt/markdown_parse.h"
#include "ui/prompt/markdown_split.h"

#include <QFont>
#include <QRectF>
#include <QTextLayout>

#include <memory>
#include <vector>

class QPainter;

namespace fulgurite {

// Fonts and lengths of the transcript, worked out once for a theme and a text size.
struct TranscriptStyle {
    explicit TranscriptStyle(const ThemeManager& manager);

    const ThemeManager* themes;
    QFont body;
    QFont code;
    QFont small;
    int line_height;
    int code_line_height;
    int code_header;
    int paragraph_gap;
    int indent;
    int code_padding;
    double char_width; // mean, to estimate heights
    double code_char_width;
};

// Where a token stands; a token broken over lines has several boxes.
struct TokenBox {
    int token = 0; // index in Turn::tokens
    QRectF rect;
};

class ChunkLayout {
  public:
    // `muted`: in the colour of secondary text, as thinking is.
    ChunkLayout(const QString& text, const MarkdownChunk& chunk, int width, const TranscriptStyle& style,
                bool muted);

    int height() const { return height_; }
    int begin() const { return begin_; } // of its source
    int end() const { return end_; }

    // Boxes and lines that stand behind the text; then the text itself.
    void paintDecor(QPainter& painter, QPointF at, const TranscriptStyle& style) const;
    void paintText(QPainter& painter, QPointF at, const QRectF& clip) const;

    // The boxes, one for each line, of what shows source characters [begin, end).
    std::vector<QRectF> boxesOf(int begin, int end) const;
    // A thin box where `source` stands or would stand.
    QRectF caretAt(int source) const;
    // The source position nearest to a point.
    int sourceAt(QPointF point) const;
    QString linkAt(QPointF point) const;
    QRectF copyButton() const { return copy_button_; } // of a block of code that begins here; null when none does

    // Filled by the owner, which knows the tokens; in reading order.
    std::vector<TokenBox> tokens;
    bool tokens_valid = false;

  private:
    struct Piece {
        std::unique_ptr<QTextLayout> layout;
        MarkdownBlock block;
        QPointF at;
        double line_height = 0;
        int source_begin = 0;
        int source_end = 0;
    };
    enum class Shape { CodeBox, QuoteBar, Rule, RowLine, Marker, Title, Copy };
    struct Decor {
        Shape shape = Shape::Rule;
        QRectF rect;
        QString text;
        bool top = true;    // of a box: this part has the upper edge
        bool bottom = true; // and the lower one
    };

    void addText(MarkdownBlock block, int width, const TranscriptStyle& style, bool muted);
    void addCode(MarkdownBlock block, const MarkdownChunk* chunk, int left, int width,
                 const TranscriptStyle& style);
    void addTable(MarkdownBlock block, int width, const TranscriptStyle& style, bool muted);
    // Shapes a block at (x, y); returns the height it took.
    int shape(MarkdownBlock block, QPointF at, int width, const TranscriptStyle& style, bool muted,
              Qt::Alignment alignment = Qt::AlignLeft, bool head = false);
    const Piece* pieceNear(QPointF point) const;
    QRectF lineBox(const Piece& piece, const QTextLine& line, int from, int to) const;

    int begin_;
    int end_;
    int height_ = 0;
    std::vector<Piece> pieces_;
    std::vector<Decor> decor_;
    QRectF copy_button_;
};

} // namespace fulgurite
