// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/markdown_split.h"

#include <algorithm>

namespace fulgurite {
namespace {

// A chunk is the unit of layout: these keep one well under a frame's time.
constexpr int kSoftLimit = 1500;   // from here a chunk ends before the next line that is not indented
constexpr int kHardLimit = 3000;   // here it ends at a space, whatever stands there
constexpr int kTableLimit = 12000; // rows of a table cannot stand without its head
constexpr int kCodeLines = 24;

struct Line {
    int begin = 0;
    int end = 0;  // before the newline
    int next = 0; // after it
    bool complete = false;
};

// The scan for the newline stops at `stop`, so that one endless line is not read again for each token.
Line lineAt(const QString& text, int begin, int stop) {
    Line line{begin, begin, begin, false};
    const int limit = std::min<int>(static_cast<int>(text.size()), stop);
    while (line.end < limit && text[line.end] != u'\n') {
        ++line.end;
    }
    line.complete = line.end < limit;
    line.next = line.complete ? line.end + 1 : line.end;
    return line;
}

int indentOf(const QString& text, const Line& line) {
    int indent = 0;
    while (line.begin + indent < line.end &&
           (text[line.begin + indent] == u' ' || text[line.begin + indent] == u'\t')) {
        ++indent;
    }
    return indent;
}

struct FenceLine {
    QChar mark;
    int length = 0;
    int after = 0; // first position behind the marks
};

// Length 0: not a fence.
FenceLine fenceAt(const QString& text, const Line& line, int indent) {
    FenceLine fence;
    int at = line.begin + indent;
    if (at >= line.end || (text[at] != u'`' && text[at] != u'~')) {
        return fence;
    }
    const QChar mark = text[at];
    const int start = at;
    while (at < line.end && text[at] == mark) {
        ++at;
    }
    if (at - start < 3) {
        return fence;
    }
    if (mark == u'`' && QStringView(text).mid(at, line.end - at).contains(u'`')) {
        return fence;
    }
    return {mark, at - start, at};
}

bool closes(const QString& text, const Line& line, QChar mark, int length) {
    const int indent = indentOf(text, line);
    const FenceLine fence = fenceAt(text, line, indent);
    return indent <= 3 && fence.length >= length && fence.mark == mark &&
           QStringView(text).mid(fence.after, line.end - fence.after).trimmed().isEmpty();
}

// The last space before `limit`, or the limit itself, never inside a surrogate pair.
int hardCut(const QString& text, int begin, int limit) {
    for (int at = limit; at > begin + kSoftLimit; --at) {
        if (text[at - 1] == u' ') {
            return at;
        }
    }
    return text[limit].isLowSurrogate() ? limit - 1 : limit;
}

} // namespace

int MarkdownSplitter::push(MarkdownChunk chunk) {
    chunk.tight = !chunks_.empty() && chunks_.back().cut;
    chunks_.push_back(std::move(chunk));
    return chunks_.back().end;
}

int MarkdownSplitter::update(const QString& text) {
    // A fence line that is still being typed may turn out to be inline code of the paragraph before it.
    while (!chunks_.empty()) {
        const MarkdownChunk last = chunks_.back();
        chunks_.pop_back();
        const bool unsure = last.kind == MarkdownChunk::Kind::Code && last.first && !last.last &&
                            last.content_begin == last.content_end;
        if (!unsure) {
            break;
        }
    }
    const int first_changed = static_cast<int>(chunks_.size());
    int at = 0;
    Fence fence;
    if (!chunks_.empty()) {
        const MarkdownChunk& kept = chunks_.back();
        at = kept.end;
        if (kept.kind == MarkdownChunk::Kind::Code && !kept.last) {
            fence = {true, kept.fence, kept.fence_length, kept.block_begin, kept.language};
        }
    }
    const int size = static_cast<int>(text.size());
    while (at < size) {
        at = plain_ ? takePlain(text, at) : fence.open ? takeCode(text, at, fence) : takeText(text, at, fence);
    }
    return first_changed;
}

int MarkdownSplitter::takeText(const QString& text, int begin, Fence& fence) {
    const int size = static_cast<int>(text.size());
    const auto finish = [&](int end, bool cut) {
        MarkdownChunk chunk;
        chunk.begin = begin;
        chunk.end = end;
        chunk.cut = cut;
        return push(std::move(chunk));
    };
    bool seen_text = false;
    bool blank_before = false;
    FenceLine nested; // a fence inside a list item
    for (int at = begin; at < size;) {
        const bool row = text[at] == u'|';
        const int stop = begin + (row ? kTableLimit : kHardLimit);
        const Line line = lineAt(text, at, stop + 1);
        const int indent = indentOf(text, line);
        const bool blank = line.begin + indent == line.end && line.complete;
        const bool at_margin = indent == 0 && line.begin < line.end;
        const FenceLine mark = fenceAt(text, line, indent);
        if (nested.length > 0) {
            if (closes(text, line, nested.mark, nested.length)) {
                nested = {};
            }
        } else if (at_margin) {
            if (mark.length > 0) {
                if (at > begin) {
                    return finish(at, false);
                }
                const QString info = QStringView(text).mid(mark.after, line.end - mark.after).trimmed().toString();
                fence = {true, mark.mark, mark.length, line.next, info.section(u' ', 0, 0)};
                return takeCode(text, begin, fence);
            }
            if (seen_text && blank_before) {
                return finish(at, false);
            }
            if (at - begin >= kSoftLimit && !row) {
                return finish(at, true);
            }
        } else if (mark.length > 0) {
            nested = mark;
        }
        if (line.end > stop) {
            return finish(at - begin >= kSoftLimit ? at : hardCut(text, begin, stop), true);
        }
        seen_text = seen_text || !blank;
        blank_before = blank;
        at = line.next;
    }
    return finish(size, false);
}

int MarkdownSplitter::takeCode(const QString& text, int begin, Fence& fence) {
    const int size = static_cast<int>(text.size());
    MarkdownChunk chunk;
    chunk.kind = MarkdownChunk::Kind::Code;
    chunk.begin = begin;
    chunk.first = begin < fence.block_begin;
    chunk.language = fence.language;
    chunk.fence = fence.mark;
    chunk.fence_length = fence.length;
    chunk.block_begin = fence.block_begin;
    chunk.content_begin = chunk.first ? std::max(begin, fence.block_begin) : begin;
    const int stop = chunk.content_begin + kHardLimit;
    int lines = 0;
    int at = chunk.content_begin;
    chunk.content_end = at;
    chunk.end = at;
    while (at < size) {
        const Line line = lineAt(text, at, stop + 1);
        if (lines == kCodeLines) {
            break;
        }
        if (closes(text, line, fence.mark, fence.length)) {
            chunk.last = true;
            chunk.end = line.next;
            fence.open = false;
            break;
        }
        if (line.end > stop && lines > 0) {
            break;
        }
        if (line.end > stop) {
            const int cut = hardCut(text, chunk.content_begin, stop);
            chunk.content_end = chunk.end = cut;
            break;
        }
        chunk.content_end = chunk.end = at = line.next;
        ++lines;
    }
    return push(std::move(chunk));
}

int MarkdownSplitter::takePlain(const QString& text, int begin) {
    const int size = static_cast<int>(text.size());
    const int stop = begin + kHardLimit;
    MarkdownChunk chunk;
    chunk.kind = MarkdownChunk::Kind::Plain;
    chunk.begin = begin;
    chunk.cut = true;
    int lines = 0;
    int at = begin;
    while (at < size && lines < kCodeLines) {
        const Line line = lineAt(text, at, stop + 1);
        if (line.end > stop) {
            at = lines > 0 ? at : hardCut(text, begin, stop);
            break;
        }
        at = line.next;
        ++lines;
    }
    chunk.end = at;
    return push(std::move(chunk));
}

} // namespace fulgurite
