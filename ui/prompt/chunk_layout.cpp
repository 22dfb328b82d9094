// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/chunk_layout.h"

#include "ui/prompt/code_highlight.h"

#include <QFontMetricsF>
#include <QPainter>
#include <QPainterPath>
#include <QTextCharFormat>
#include <QTextOption>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

double meanWidth(const QFont& font) {
    static const QString kSample = QStringLiteral("the quick brown fox jumps over the lazy dog, and then sleeps. ");
    return QFontMetricsF(font).horizontalAdvance(kSample) / static_cast<double>(kSample.size());
}

QList<QTextLayout::FormatRange> formatsOf(const MarkdownBlock& block, const TranscriptStyle& style, bool muted,
                                          bool head) {
    using namespace inline_style;
    const ThemeManager& themes = *style.themes;
    QList<QTextLayout::FormatRange> ranges;
    QTextLayout::FormatRange all;
    all.start = 0;
    all.length = static_cast<int>(block.text.size());
    all.format.setForeground(themes.color(muted || block.quote > 0 ? Role::Muted : Role::Text));
    if (head) {
        all.format.setFontWeight(QFont::DemiBold);
    }
    ranges.push_back(all);
    for (const InlineSpan& span : block.spans) {
        QTextLayout::FormatRange range;
        range.start = span.begin;
        range.length = span.end - span.begin;
        if ((span.style & (kCode | kMath)) != 0) {
            range.format.setFont(style.code);
        }
        if ((span.style & kBold) != 0) {
            range.format.setFontWeight(QFont::DemiBold);
        }
        range.format.setFontItalic((span.style & kItalic) != 0);
        range.format.setFontStrikeOut((span.style & kStrike) != 0);
        if ((span.style & kLink) != 0) {
            range.format.setForeground(themes.color(Role::Focus));
            range.format.setFontUnderline(true);
        }
        ranges.push_back(range);
    }
    return ranges;
}

QList<QTextLayout::FormatRange> codeFormats(const MarkdownBlock& block, const TranscriptStyle& style) {
    const ThemeManager& themes = *style.themes;
    QList<QTextLayout::FormatRange> ranges;
    QTextLayout::FormatRange all;
    all.length = static_cast<int>(block.text.size());
    all.format.setForeground(themes.color(Role::Text));
    ranges.push_back(all);
    for (const HighlightSpan& span : highlightCode(block.text, block.language)) {
        QTextLayout::FormatRange range;
        range.start = span.begin;
        range.length = span.end - span.begin;
        range.format.setForeground(themes.color(span.role));
        ranges.push_back(range);
    }
    return ranges;
}

QFont headingFont(const TranscriptStyle& style, int level) {
    static constexpr std::array<double, 3> kSizes{19, 16.5, 14.5};
    const double size = kSizes[static_cast<std::size_t>(std::clamp(level, 1, 3) - 1)];
    return style.themes->uiFont(size, QFont::DemiBold);
}

} // namespace

TranscriptStyle::TranscriptStyle(const ThemeManager& manager)
    : themes(&manager),
      body(manager.uiFont(13.5)),
      code(manager.codeFont(12.5)),
      small(manager.uiFont(11.5)),
      line_height(manager.scaled(22)),
      code_line_height(manager.scaled(18)),
      code_header(manager.scaled(28)),
      paragraph_gap(manager.scaled(8)),
      indent(manager.scaled(24)),
      code_padding(manager.scaled(12)),
      char_width(meanWidth(body)),
      code_char_width(meanWidth(code)) {}

ChunkLayout::ChunkLayout(const QString& text, const MarkdownChunk& chunk, int width, const TranscriptStyle& style,
                         bool muted)
    : begin_(chunk.begin), end_(chunk.end) {
    width = std::max(width, 80);
    for (MarkdownBlock& block : parseChunk(text, chunk)) {
        const bool tight = block.tight;
        if (height_ > 0) {
            height_ += tight ? style.paragraph_gap / 4 : style.paragraph_gap;
        }
        switch (block.kind) {
        case MarkdownBlock::Kind::Code: {
            const int left = block.indent * style.indent + block.quote * style.indent;
            addCode(std::move(block), chunk.kind == MarkdownChunk::Kind::Code ? &chunk : nullptr, left,
                    width - left, style);
            break;
        }
        case MarkdownBlock::Kind::Table:
            addTable(std::move(block), width, style, muted);
            break;
        case MarkdownBlock::Kind::Rule:
            decor_.push_back({Shape::Rule, QRectF(0, height_ + style.line_height / 2.0, width, 1), {}});
            height_ += style.line_height;
            break;
        default:
            addText(std::move(block), width, style, muted);
        }
    }
    const bool goes_on = chunk.cut || (chunk.kind == MarkdownChunk::Kind::Code && !chunk.last);
    height_ += goes_on || height_ == 0 ? 0 : style.paragraph_gap;
}

void ChunkLayout::addText(MarkdownBlock block, int width, const TranscriptStyle& style, bool muted) {
    const int quote_left = block.quote * style.indent * 2 / 3;
    const int left = quote_left + block.indent * style.indent;
    const int top = height_;
    if (!block.marker.isEmpty()) {
        const double gap = style.indent * 0.3;
        const QRectF box(left - style.indent * 2.0, top, style.indent * 2.0 - gap, style.line_height);
        decor_.push_back({Shape::Marker, box, block.marker});
    }
    const int quote = block.quote;
    height_ += shape(std::move(block), QPointF(left, top), std::max(width - left, 60), style, muted);
    for (int bar = 0; bar < quote; ++bar) {
        decor_.push_back({Shape::QuoteBar, QRectF(bar * style.indent * 2.0 / 3 + 2, top, 2, height_ - top), {}});
    }
}

void ChunkLayout::addCode(MarkdownBlock block, const MarkdownChunk* chunk, int left, int width,
                          const TranscriptStyle& style) {
    const bool first = chunk == nullptr || chunk->first;
    const bool last = chunk == nullptr || chunk->last;
    const int top = height_;
    if (first) {
        const QRectF header(left, top, width, style.code_header);
        decor_.push_back({Shape::Title, header, languageTitle(block.language)});
        copy_button_ =
            QRectF(left + width - style.code_header * 2.4, top, style.code_header * 2.4, style.code_header);
        decor_.push_back({Shape::Copy, copy_button_, {}});
        height_ += style.code_header + style.code_padding * 2 / 3;
    }
    if (!block.text.isEmpty()) {
        height_ += shape(std::move(block), QPointF(left + style.code_padding, height_),
                         std::max(width - 2 * style.code_padding, 60), style, false);
    }
    height_ += last ? style.code_padding * 2 / 3 : 0;
    Decor box{Shape::CodeBox, QRectF(left, top, width, height_ - top), {}};
    box.top = first;
    box.bottom = last;
    decor_.insert(decor_.begin(), box);
}

void ChunkLayout::addTable(MarkdownBlock block, int width, const TranscriptStyle& style, bool muted) {
    const auto columns = static_cast<std::size_t>(std::max(block.columns, 1));
    const double pad = style.indent / 3.0;
    std::vector<double> widths(columns, 0);
    for (std::size_t i = 0; i < block.cells.size(); ++i) {
        QTextLayout probe(block.cells[i].text, style.body);
        probe.setFormats(formatsOf(block.cells[i], style, muted, i < columns));
        probe.beginLayout();
        QTextLine line = probe.createLine();
        if (line.isValid()) {
            line.setLineWidth(width);
            widths[i % columns] = std::max(widths[i % columns], line.naturalTextWidth() + 2 * pad + 2);
        }
        probe.endLayout();
    }
    double total = 0;
    for (const double column : widths) {
        total += column;
    }
    if (total > width) {
        for (double& column : widths) {
            column = std::floor(column * width / total);
        }
        total = width;
    }
    for (std::size_t row = 0; row * columns < block.cells.size(); ++row) {
        double x = 0;
        int row_height = style.line_height;
        for (std::size_t column = 0; column < columns && row * columns + column < block.cells.size(); ++column) {
            const Qt::Alignment alignment =
                column < block.alignments.size() ? block.alignments[column] : Qt::Alignment(Qt::AlignLeft);
            const int taken = shape(std::move(block.cells[row * columns + column]), QPointF(x + pad, height_ + 3),
                                    static_cast<int>(std::max(widths[column] - 2 * pad, 20.0)), style, muted,
                                    alignment, row == 0);
            row_height = std::max(row_height, taken);
            x += widths[column];
        }
        height_ += row_height + 6;
        decor_.push_back({Shape::RowLine, QRectF(0, height_ - 1, total, 1), {}, row == 0});
    }
}

int ChunkLayout::shape(MarkdownBlock block, QPointF at, int width, const TranscriptStyle& style, bool muted,
                       Qt::Alignment alignment, bool head) {
    const bool code = block.kind == MarkdownBlock::Kind::Code;
    const bool heading = block.kind == MarkdownBlock::Kind::Heading;
    Piece piece;
    piece.at = at;
    const QFont font = code ? style.code : heading ? headingFont(style, block.level) : style.body;
    piece.layout = std::make_unique<QTextLayout>(block.text, font);
    piece.layout->setCacheEnabled(true);
    piece.layout->setFormats(code ? codeFormats(block, style) : formatsOf(block, style, muted, head || heading));
    QTextOption option(alignment);
    option.setWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
    option.setTabStopDistance(style.code_char_width * 4);
    option.setFlags(QTextOption::IncludeTrailingSpaces);
    piece.layout->setTextOption(option);
    piece.line_height = code ? style.code_line_height : style.line_height;
    if (heading) {
        piece.line_height = std::ceil(QFontMetricsF(font).height() * 1.35);
    }
    double y = 0;
    piece.layout->beginLayout();
    for (QTextLine line = piece.layout->createLine(); line.isValid(); line = piece.layout->createLine()) {
        line.setLineWidth(width);
        line.setPosition(QPointF(0, y + std::round((piece.line_height - line.height()) / 2)));
        y += piece.line_height;
    }
    piece.layout->endLayout();
    piece.source_begin = block.sourceOf(0);
    piece.source_end = block.sourceOf(static_cast<int>(block.text.size()));
    piece.block = std::move(block);
    pieces_.push_back(std::move(piece));
    return static_cast<int>(std::ceil(y));
}

void ChunkLayout::paintDecor(QPainter& painter, QPointF at, const TranscriptStyle& style) const {
    const ThemeManager& themes = *style.themes;
    for (const Decor& decor : decor_) {
        const QRectF rect = decor.rect.translated(at);
        switch (decor.shape) {
        case Shape::CodeBox: {
            // Parts of one box are painted apart: each overdraws past the edges that it lacks, clipped to itself.
            const QRectF whole = rect.adjusted(0.5, decor.top ? 0.5 : -12, -0.5, decor.bottom ? -0.5 : 12);
            painter.save();
            painter.setClipRect(rect, Qt::IntersectClip);
            painter.setPen(themes.color(Role::Line));
            painter.setBrush(themes.color(Role::Panel));
            painter.drawRoundedRect(whole, metrics::kRadius, metrics::kRadius);
            painter.restore();
            break;
        }
        case Shape::QuoteBar:
            painter.fillRect(rect, themes.color(Role::Line));
            break;
        case Shape::Rule:
            painter.fillRect(rect, themes.color(Role::Line));
            break;
        case Shape::RowLine:
            painter.fillRect(rect, themes.color(decor.top ? Role::Faint : Role::Line));
            break;
        case Shape::Marker:
            painter.setFont(style.body);
            painter.setPen(themes.color(Role::Muted));
            painter.drawText(rect, Qt::AlignRight | Qt::AlignVCenter, decor.text);
            break;
        case Shape::Title:
            painter.fillRect(QRectF(rect.left() + 1, rect.bottom() - 1, rect.width() - 2, 1),
                             themes.color(Role::Line));
            painter.setFont(style.small);
            painter.setPen(themes.color(Role::Muted));
            painter.drawText(rect.adjusted(style.code_padding, 0, 0, 0), Qt::AlignLeft | Qt::AlignVCenter,
                             decor.text);
            break;
        case Shape::Copy:
            painter.setFont(style.small);
            painter.setPen(themes.color(Role::Muted));
            painter.drawText(rect.adjusted(0, 0, -style.code_padding, 0), Qt::AlignRight | Qt::AlignVCenter,
                             QObject::tr("Copy"));
            break;
        }
    }
}

void ChunkLayout::paintText(QPainter& painter, QPointF at, const QRectF& clip) const {
    for (const Piece& piece : pieces_) {
        const QPointF origin = at + piece.at;
        const double height = piece.layout->lineCount() * piece.line_height;
        if (clip.isValid() && (origin.y() > clip.bottom() || origin.y() + height < clip.top())) {
            continue;
        }
        piece.layout->draw(&painter, origin, {}, clip);
    }
}

QRectF ChunkLayout::lineBox(const Piece& piece, const QTextLine& line, int from, int to) const {
    const double left = line.cursorToX(from);
    const double right = line.cursorToX(to);
    const double top = line.position().y() - std::round((piece.line_height - line.height()) / 2);
    return QRectF(piece.at.x() + std::min(left, right), piece.at.y() + top, std::abs(right - left),
                  piece.line_height);
}

std::vector<QRectF> ChunkLayout::boxesOf(int begin, int end) const {
    std::vector<QRectF> boxes;
    for (const Piece& piece : pieces_) {
        if (piece.source_begin >= end || piece.source_end <= begin) {
            continue;
        }
        const int from = piece.block.visibleOf(begin);
        const int to = piece.block.visibleOf(end);
        if (from >= to) {
            continue;
        }
        for (int i = piece.layout->lineForTextPosition(from).lineNumber(); i >= 0 && i < piece.layout->lineCount();
             ++i) {
            const QTextLine line = piece.layout->lineAt(i);
            const int line_begin = line.textStart();
            const int line_end = line_begin + line.textLength();
            if (line_begin >= to) {
                break;
            }
            const QRectF box = lineBox(piece, line, std::max(from, line_begin), std::min(to, line_end));
            if (box.width() > 0) {
                boxes.push_back(box);
            }
        }
    }
    return boxes;
}

QRectF ChunkLayout::caretAt(int source) const {
    const Piece* best = nullptr;
    for (const Piece& piece : pieces_) {
        if (best == nullptr || piece.block.sourceOf(0) <= source) {
            best = &piece;
        }
    }
    if (best == nullptr || best->layout->lineCount() == 0) {
        return QRectF(0, 0, 2, height_);
    }
    const int at = best->block.visibleOf(source);
    QTextLine line = best->layout->lineForTextPosition(at);
    if (!line.isValid()) {
        line = best->layout->lineAt(best->layout->lineCount() - 1);
    }
    QRectF box = lineBox(*best, line, at, at);
    box.setWidth(2);
    return box;
}

const ChunkLayout::Piece* ChunkLayout::pieceNear(QPointF point) const {
    const Piece* best = nullptr;
    double best_distance = 0;
    for (const Piece& piece : pieces_) {
        const QRectF box(piece.at,
                         QSizeF(piece.layout->maximumWidth() > 0 ? piece.layout->boundingRect().width() : 1,
                                piece.layout->lineCount() * piece.line_height));
        const double dx = std::max({box.left() - point.x(), point.x() - box.right(), 0.0});
        const double dy = std::max({box.top() - point.y(), point.y() - box.bottom(), 0.0});
        const double distance = dy * 1000 + dx; // lines first: a click in the margin belongs to its line
        if (best == nullptr || distance < best_distance) {
            best = &piece;
            best_distance = distance;
        }
    }
    return best;
}

int ChunkLayout::sourceAt(QPointF point) const {
    const Piece* piece = pieceNear(point);
    if (piece == nullptr || piece->layout->lineCount() == 0) {
        return begin_;
    }
    const double y = point.y() - piece->at.y();
    const int index = std::clamp(static_cast<int>(y / piece->line_height), 0, piece->layout->lineCount() - 1);
    const QTextLine line = piece->layout->lineAt(index);
    return piece->block.sourceOf(line.xToCursor(point.x() - piece->at.x()));
}

QString ChunkLayout::linkAt(QPointF point) const {
    const Piece* piece = pieceNear(point);
    if (piece == nullptr) {
        return {};
    }
    const int visible = piece->block.visibleOf(sourceAt(point));
    for (const InlineSpan& span : piece->block.spans) {
        if ((span.style & inline_style::kLink) != 0 && visible >= span.begin && visible < span.end) {
            return span.link;
        }
    }
    return {};
}

} // namespace fulgurite
