// SPDX-License-Identifier: GPL-3.0-or-later
// The text of a turn (or its thinking) as a column of chunks with heights: estimated until a chunk comes near the
// visible part and is laid out, exact from then on.
#pragma once

#include "ui/prompt/chunk_layout.h"
#include "ui/prompt/markdown_split.h"
#include "ui/prompt/transcript_types.h"

#include <memory>
#include <vector>

namespace fulgurite {

class TextPart {
  public:
    explicit TextPart(bool plain = false, bool muted = false) : splitter_(plain), muted_(muted) {}

    // `text` either continues what was seen or, after clear(), is new. Work is that of the chunks that changed.
    void update(const QString& text, const TranscriptStyle& style, int width);
    void clear();
    // Another width or style: every height is an estimate again.
    void restyle(const QString& text, const TranscriptStyle& style, int width);

    int height() const { return tops_.empty() ? 0 : tops_.back(); }
    int chunkCount() const { return static_cast<int>(states_.size()); }
    const MarkdownChunk& chunk(int index) const { return splitter_.chunks()[static_cast<std::size_t>(index)]; }
    int top(int index) const { return tops_[static_cast<std::size_t>(index)]; }
    int bottom(int index) const { return tops_[static_cast<std::size_t>(index) + 1]; }
    bool measured(int index) const { return states_[static_cast<std::size_t>(index)].measured; }
    int chunkAtHeight(int y) const; // the nearest when y lies outside; -1 without chunks
    int chunkOfSource(int source) const;

    // Lays the chunk out if it is not. May change height().
    ChunkLayout& layout(int index, const QString& text, const TranscriptStyle& style, int width);
    ChunkLayout* laidOut(int index) { return states_[static_cast<std::size_t>(index)].layout.get(); }
    // Frees the layouts outside [first, last]; their heights stay known.
    void dropOutside(int first, int last);
    int liveLayouts() const { return live_; }

    // Indices in Turn::tokens, in order of offset.
    std::vector<int> tokens;
    void invalidateTokens(int from_source);

  private:
    struct State {
        int height = 0;
        bool measured = false;
        std::unique_ptr<ChunkLayout> layout;
    };

    int estimate(const QString& text, const MarkdownChunk& chunk, const TranscriptStyle& style, int width) const;
    void sumFrom(std::size_t index);

    MarkdownSplitter splitter_;
    bool muted_;
    std::vector<State> states_;
    std::vector<int> tops_; // one more than chunks
    int live_ = 0;
};

} // namespace fulgurite
