// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/text_part.h"

#include <algorithm>
#include <cmath>

namespace fulgurite {

void TextPart::update(const QString& text, const TranscriptStyle& style, int width) {
    const auto first = static_cast<std::size_t>(splitter_.update(text));
    for (std::size_t i = first; i < states_.size(); ++i) {
        live_ -= states_[i].layout ? 1 : 0;
    }
    states_.resize(std::min(first, states_.size()));
    const auto& chunks = splitter_.chunks();
    states_.reserve(chunks.size());
    for (std::size_t i = states_.size(); i < chunks.size(); ++i) {
        State state;
        state.height = estimate(text, chunks[i], style, width);
        states_.push_back(std::move(state));
    }
    sumFrom(first);
}

void TextPart::clear() {
    splitter_.clear();
    states_.clear();
    tops_.clear();
    tokens.clear();
    live_ = 0;
}

void TextPart::restyle(const QString& text, const TranscriptStyle& style, int width) {
    for (std::size_t i = 0; i < states_.size(); ++i) {
        states_[i] = State{estimate(text, splitter_.chunks()[i], style, width), false, nullptr};
    }
    live_ = 0;
    sumFrom(0);
}

int TextPart::estimate(const QString& text, const MarkdownChunk& chunk, const TranscriptStyle& style,
                       int width) const {
    const bool code = chunk.kind == MarkdownChunk::Kind::Code;
    const double line_width = code ? std::max(width - 2 * style.code_padding, 60) : std::max(width, 80);
    const double per_line = std::max(line_width / (code ? style.code_char_width : style.char_width), 8.0);
    const int from = code ? chunk.content_begin : chunk.begin;
    const int to = code ? chunk.content_end : chunk.end;
    int lines = 0;
    int gaps = 0;
    for (int at = from; at < to;) {
        const auto newline = QStringView(text).mid(at, to - at).indexOf(u'\n');
        const int length = newline < 0 ? to - at : static_cast<int>(newline);
        if (length > 0 || chunk.kind != MarkdownChunk::Kind::Text) {
            lines += std::max(1, static_cast<int>(std::ceil(length / per_line)));
        } else {
            ++gaps;
        }
        at += length + 1;
    }
    if (code) {
        const int frame = style.code_padding * 2 / 3;
        return lines * style.code_line_height + (chunk.first ? style.code_header + frame : 0) +
               (chunk.last ? frame + style.paragraph_gap : 0);
    }
    return lines * style.line_height + gaps * style.paragraph_gap + (chunk.cut ? 0 : style.paragraph_gap / 2);
}

void TextPart::sumFrom(std::size_t index) {
    tops_.resize(states_.size() + 1);
    tops_[0] = 0;
    for (std::size_t i = std::min(index, states_.size()); i < states_.size(); ++i) {
        tops_[i + 1] = tops_[i] + states_[i].height;
    }
}

int TextPart::chunkAtHeight(int y) const {
    if (states_.empty()) {
        return -1;
    }
    const auto after = std::upper_bound(tops_.begin(), tops_.end(), y);
    const auto index = static_cast<int>(after - tops_.begin()) - 1;
    return std::clamp(index, 0, chunkCount() - 1);
}

int TextPart::chunkOfSource(int source) const {
    const auto& chunks = splitter_.chunks();
    if (chunks.empty()) {
        return -1;
    }
    const auto after = std::upper_bound(chunks.begin(), chunks.end(), source,
                                        [](int at, const MarkdownChunk& chunk) { return at < chunk.begin; });
    return std::clamp(static_cast<int>(after - chunks.begin()) - 1, 0, chunkCount() - 1);
}

ChunkLayout& TextPart::layout(int index, const QString& text, const TranscriptStyle& style, int width) {
    const auto at = static_cast<std::size_t>(index);
    State& state = states_[at];
    if (!state.layout) {
        state.layout = std::make_unique<ChunkLayout>(text, splitter_.chunks()[at], width, style, muted_);
        ++live_;
        state.measured = true;
        if (state.layout->height() != state.height) {
            state.height = state.layout->height();
            sumFrom(at);
        }
    }
    return *state.layout;
}

void TextPart::dropOutside(int first, int last) {
    for (int i = 0; i < chunkCount(); ++i) {
        State& state = states_[static_cast<std::size_t>(i)];
        if ((i < first || i > last) && state.layout) {
            state.layout.reset();
            --live_;
        }
    }
}

void TextPart::invalidateTokens(int from_source) {
    for (int i = std::max(chunkOfSource(from_source), 0); i < chunkCount(); ++i) {
        if (auto& layout = states_[static_cast<std::size_t>(i)].layout) {
            layout->tokens_valid = false;
        }
    }
}

} // namespace fulgurite
