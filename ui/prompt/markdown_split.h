// SPDX-License-Identifier: GPL-3.0-or-later
// Cuts Markdown that may still be growing into chunks of bounded size that can be parsed, laid out and painted on
// their own. Text appended later changes the last chunk only (rarely the one before it), so that streaming costs
// the same at the start and at the end of a long answer.
#pragma once

#include <QString>

#include <vector>

namespace fulgurite {

struct MarkdownChunk {
    enum class Kind { Text, Code, Plain };
    Kind kind = Kind::Text;
    int begin = 0; // of the source, UTF-16 units
    int end = 0;
    bool cut = false;   // ended for its length alone
    bool tight = false; // the chunk before it was cut: no paragraph space between them

    // Code: the part of a fenced block that this chunk shows.
    QString language;
    int content_begin = 0; // source range of the code itself, without fences
    int content_end = 0;
    bool first = false; // begins the fenced block
    bool last = false;  // ends it
    QChar fence;
    int fence_length = 0;
    int block_begin = 0; // where the whole fenced block's code begins
};

class MarkdownSplitter {
  public:
    // Plain: no Markdown, every line stands as it was typed.
    explicit MarkdownSplitter(bool plain = false) : plain_(plain) {}

    // `text` continues what was seen before. Returns the index of the first chunk that may have changed.
    int update(const QString& text);
    void clear() { chunks_.clear(); }
    const std::vector<MarkdownChunk>& chunks() const { return chunks_; }

  private:
    struct Fence {
        bool open = false;
        QChar mark;
        int length = 0;
        int block_begin = 0;
        QString language;
    };

    int takeText(const QString& text, int begin, Fence& fence);
    int takeCode(const QString& text, int begin, Fence& fence);
    int takePlain(const QString& text, int begin);
    int push(MarkdownChunk chunk);

    bool plain_;
    std::vector<MarkdownChunk> chunks_;
};

} // namespace fulgurite
