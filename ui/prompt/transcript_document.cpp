// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/transcript_document.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace fulgurite {
namespace {

constexpr int kCardPadding = 12;
constexpr int kAnswerPadding = 2;
constexpr int kThinkingIndent = 16;
constexpr PartKind kParts[] = {PartKind::Thinking, PartKind::Body};

bool isAnswer(const Turn& turn) {
    return turn.role == TurnRole::Assistant;
}

bool hasThinking(const Turn& turn) {
    return isAnswer(turn) && (!turn.thinking.text.isEmpty() || turn.thinking.tokens > 0 || !turn.thinking.finished);
}

} // namespace

TranscriptDocument::TranscriptDocument(const ThemeManager& themes) : style_(themes) {}

std::unique_ptr<TranscriptDocument::Item> TranscriptDocument::makeItem(const Turn& turn) {
    auto item = std::make_unique<Item>();
    item->turn = turn;
    item->thinking = TextPart(false, true);
    item->body = TextPart(!isAnswer(turn), false);
    indexTokens(*item, 0);
    refreshParts(*item);
    return item;
}

void TranscriptDocument::indexTokens(Item& item, qsizetype first) {
    if (first == 0) {
        item.body.tokens.clear();
        item.thinking.tokens.clear();
        item.surprise_sum = 0;
        item.surprise_count = 0;
    }
    const QList<TokenView>& tokens = item.turn.tokens;
    for (qsizetype i = first; i < tokens.size(); ++i) {
        const TokenView& token = tokens[i];
        if (token.channel == TokenChannel::Thinking) {
            item.thinking.tokens.push_back(static_cast<int>(i));
        } else if (token.channel == TokenChannel::Answer) {
            item.body.tokens.push_back(static_cast<int>(i));
            item.surprise_sum -= token.scored ? token.logprob : 0;
            item.surprise_count += token.scored ? 1 : 0;
        }
    }
}

void TranscriptDocument::refreshParts(Item& item) {
    const bool answer = isAnswer(item.turn);
    const int body_width = width_ - 2 * (answer ? kAnswerPadding : kCardPadding);
    item.body.update(item.turn.text, style_, body_width);
    item.thinking.update(item.turn.thinking.text, style_, width_ - kThinkingIndent);
}

void TranscriptDocument::setTurns(const QList<Turn>& turns) {
    std::vector<std::unique_ptr<Item>> old = std::exchange(items_, {});
    const QHash<std::int64_t, int> index_of_old = std::exchange(index_of_, {});
    items_.reserve(static_cast<std::size_t>(turns.size()));
    index_of_.reserve(turns.size());
    for (const Turn& turn : turns) {
        index_of_.insert(turn.id, turnCount());
        const auto found = index_of_old.constFind(turn.id);
        std::unique_ptr<Item> item;
        if (found != index_of_old.constEnd()) {
            item = std::move(old[static_cast<std::size_t>(*found)]);
        }
        const bool stays = item && item->turn.role == turn.role && turn.text.startsWith(item->turn.text) &&
                           turn.thinking.text.startsWith(item->turn.thinking.text);
        if (!stays) {
            items_.push_back(makeItem(turn));
            continue;
        }
        item->turn = turn;
        indexTokens(*item, 0);
        item->body.invalidateTokens(0);
        item->thinking.invalidateTokens(0);
        refreshParts(*item);
        items_.push_back(std::move(item));
    }
    edited_ = -1;
    for (auto& item : items_) {
        place(*item, false);
    }
    placeFrom(0);
}

void TranscriptDocument::updateTurn(const Turn& turn) {
    const int index = indexOf(turn.id);
    if (index < 0) {
        return;
    }
    auto& slot = items_[static_cast<std::size_t>(index)];
    Item& item = *slot;
    if (turn.text.startsWith(item.turn.text) && turn.thinking.text.startsWith(item.turn.thinking.text)) {
        const bool same_tokens = turn.tokens.size() == item.turn.tokens.size();
        item.turn = turn;
        if (!same_tokens) {
            indexTokens(item, 0);
            item.body.invalidateTokens(0);
            item.thinking.invalidateTokens(0);
        }
        refreshParts(item);
    } else {
        const bool open = item.thinking_open;
        slot = makeItem(turn);
        slot->thinking_open = open;
    }
    place(*slot, index == edited_);
    placeFrom(index);
}

void TranscriptDocument::appendTokens(std::int64_t id, const QList<TokenView>& tokens) {
    const int index = indexOf(id);
    if (index < 0) {
        return;
    }
    Item& item = *items_[static_cast<std::size_t>(index)];
    Turn& turn = item.turn;
    const qsizetype first = turn.tokens.size();
    const auto body_from = static_cast<int>(turn.text.size());
    const auto thinking_from = static_cast<int>(turn.thinking.text.size());
    for (TokenView token : tokens) {
        QString* text = token.channel == TokenChannel::Thinking ? &turn.thinking.text : &turn.text;
        token.offset = static_cast<int>(text->size());
        if (token.channel != TokenChannel::Marker) {
            *text += token.text;
        }
        turn.tokens.push_back(std::move(token));
    }
    indexTokens(item, first);
    refreshParts(item);
    item.body.invalidateTokens(body_from);
    item.thinking.invalidateTokens(thinking_from);
    place(item, index == edited_);
    placeFrom(index);
}

void TranscriptDocument::setWidth(int width) {
    width = std::max(width, 200);
    if (width == width_) {
        return;
    }
    width_ = width;
    for (auto& item : items_) {
        const int padding = isAnswer(item->turn) ? kAnswerPadding : kCardPadding;
        item->body.restyle(item->turn.text, style_, width_ - 2 * padding);
        item->thinking.restyle(item->turn.thinking.text, style_, width_ - kThinkingIndent);
        place(*item, false);
    }
    placeFrom(0);
}

void TranscriptDocument::setStyle(const ThemeManager& themes) {
    style_ = TranscriptStyle(themes);
    const int width = width_;
    width_ = 0;
    setWidth(width);
}

int TranscriptDocument::indexOf(std::int64_t id) const {
    return index_of_.value(id, -1);
}

int TranscriptDocument::turnAt(int y) const {
    if (items_.empty()) {
        return -1;
    }
    const auto after = std::upper_bound(items_.begin(), items_.end(), y,
                                        [](int at, const std::unique_ptr<Item>& item) { return at < item->top; });
    return std::max(static_cast<int>(after - items_.begin()) - 1, 0);
}

void TranscriptDocument::setThinkingOpen(int index, bool open) {
    Item& item = *items_[static_cast<std::size_t>(index)];
    if (item.thinking_open != open) {
        item.thinking_open = open;
        place(item, index == edited_);
        placeFrom(index);
    }
}

void TranscriptDocument::setEditor(int index, int height) {
    const int before = edited_;
    edited_ = height < 0 ? -1 : index;
    editor_height_ = height;
    for (const int changed : {before, edited_}) {
        if (changed >= 0 && changed < turnCount()) {
            place(*items_[static_cast<std::size_t>(changed)], changed == edited_);
        }
    }
    placeFrom(0);
}

double TranscriptDocument::meanSurpriseBits(int index) const {
    const Item& item = *items_[static_cast<std::size_t>(index)];
    if (item.turn.mean_surprise_bits) {
        return *item.turn.mean_surprise_bits;
    }
    return item.surprise_count == 0 ? -1 : item.surprise_sum / item.surprise_count / std::numbers::ln2;
}

void TranscriptDocument::place(Item& item, bool edited) {
    const auto scaled = [&](int pixels) { return style_.themes->scaled(pixels); };
    TurnGeometry geometry;
    const int body_height = edited ? editor_height_ : item.body.height();
    int y = scaled(10);
    if (!isAnswer(item.turn)) {
        const int top = y;
        geometry.header = QRect(kCardPadding, top + scaled(6), width_ - 2 * kCardPadding, scaled(24));
        geometry.body_top = geometry.header.bottom() + 1;
        y = geometry.body_top + body_height + scaled(4);
        geometry.card = QRect(0, top, width_, y - top);
        geometry.height = y + scaled(4);
        item.geometry = geometry;
        return;
    }
    geometry.header = QRect(kAnswerPadding, y, width_ - 2 * kAnswerPadding, scaled(26));
    y = geometry.header.bottom() + 1;
    if (hasThinking(item.turn)) {
        geometry.thinking_row = QRect(0, y + scaled(2), width_, scaled(30));
        y = geometry.thinking_row.bottom() + 1 + scaled(8);
        geometry.thinking_top = y;
        y += item.thinking_open ? item.thinking.height() + scaled(6) : 0;
    }
    geometry.body_top = y;
    y += body_height;
    if (!item.turn.note.isEmpty()) {
        geometry.note = QRect(kAnswerPadding, y, width_ - 2 * kAnswerPadding, scaled(24));
        y = geometry.note.bottom() + 1;
    }
    geometry.actions = QRect(0, y, width_, scaled(30));
    geometry.height = geometry.actions.bottom() + 1 + scaled(4);
    item.geometry = geometry;
}

void TranscriptDocument::placeFrom(int index) {
    int y = index <= 0 || items_.empty() ? 0 : items_[static_cast<std::size_t>(index)]->top;
    for (std::size_t i = static_cast<std::size_t>(std::max(index, 0)); i < items_.size(); ++i) {
        items_[i]->top = y;
        y += items_[i]->geometry.height;
    }
    height_ = y + style_.themes->scaled(12);
}

TextPart& TranscriptDocument::part(int turn, PartKind kind) {
    Item& item = *items_[static_cast<std::size_t>(turn)];
    return kind == PartKind::Body ? item.body : item.thinking;
}

const QString& TranscriptDocument::text(int turn, PartKind kind) const {
    const Turn& value = items_[static_cast<std::size_t>(turn)]->turn;
    return kind == PartKind::Body ? value.text : value.thinking.text;
}

QPoint TranscriptDocument::partOrigin(int turn, PartKind kind) const {
    const Item& item = *items_[static_cast<std::size_t>(turn)];
    if (kind == PartKind::Thinking) {
        return {kThinkingIndent, item.top + item.geometry.thinking_top};
    }
    return {isAnswer(item.turn) ? kAnswerPadding : kCardPadding, item.top + item.geometry.body_top};
}

int TranscriptDocument::partWidth(int turn, PartKind kind) const {
    return kind == PartKind::Thinking ? width_ - kThinkingIndent : width_ - 2 * partOrigin(turn, kind).x();
}

bool TranscriptDocument::partVisible(int turn, PartKind kind) const {
    const Item& item = *items_[static_cast<std::size_t>(turn)];
    return kind == PartKind::Body ? turn != edited_ : item.thinking_open && !item.geometry.thinking_row.isNull();
}

ChunkLayout& TranscriptDocument::layout(int turn, PartKind kind, int chunk) {
    TextPart& owner = part(turn, kind);
    const int before = owner.height();
    ChunkLayout& result = owner.layout(chunk, text(turn, kind), style_, partWidth(turn, kind));
    if (owner.height() != before) {
        chunkMoved(turn);
    }
    return result;
}

void TranscriptDocument::chunkMoved(int turn) {
    place(*items_[static_cast<std::size_t>(turn)], turn == edited_);
    placeFrom(turn);
}

const std::vector<TokenBox>& TranscriptDocument::tokenBoxes(int turn, PartKind kind, int chunk) {
    ChunkLayout& laid = layout(turn, kind, chunk);
    if (laid.tokens_valid) {
        return laid.tokens;
    }
    laid.tokens.clear();
    laid.tokens_valid = true;
    const QList<TokenView>& all = this->turn(turn).tokens;
    const std::vector<int>& indices = part(turn, kind).tokens;
    auto at = std::lower_bound(indices.begin(), indices.end(), laid.begin(),
                               [&](int index, int begin) { return all[index].offset < begin; });
    if (at != indices.begin()) {
        --at; // it may reach into this chunk
    }
    for (; at != indices.end() && all[*at].offset < laid.end(); ++at) {
        const TokenView& token = all[*at];
        const int end = token.offset + static_cast<int>(token.text.size());
        for (const QRectF& box : laid.boxesOf(std::max(token.offset, laid.begin()), std::min(end, laid.end()))) {
            laid.tokens.push_back({*at, box});
        }
    }
    return laid.tokens;
}

bool TranscriptDocument::layOut(int top, int bottom) {
    bool moved = false;
    const int margin = (bottom - top) * 2;
    for (int i = 0; i < turnCount(); ++i) {
        const bool near = this->top(i) <= bottom + margin && this->top(i) + geometry(i).height >= top - margin;
        for (const PartKind kind : kParts) {
            TextPart& owner = part(i, kind);
            if (!near || !partVisible(i, kind)) {
                if (owner.liveLayouts() > 0) {
                    owner.dropOutside(0, -1);
                }
                continue;
            }
            const int origin = partOrigin(i, kind).y();
            int chunk = owner.chunkAtHeight(std::max(top - origin, 0));
            for (; chunk >= 0 && chunk < owner.chunkCount() && origin + owner.top(chunk) < bottom; ++chunk) {
                if (origin + owner.bottom(chunk) < top) {
                    continue;
                }
                const int before = owner.height();
                layout(i, kind, chunk);
                moved = moved || owner.height() != before;
            }
            if (owner.liveLayouts() > 0) {
                owner.dropOutside(owner.chunkAtHeight(top - margin - origin),
                                  owner.chunkAtHeight(bottom + margin - origin));
            }
        }
    }
    return moved;
}

TokenRef TranscriptDocument::tokenAt(QPoint point) {
    const int index = turnAt(point.y());
    if (index < 0) {
        return {};
    }
    for (const PartKind kind : kParts) {
        TextPart& owner = part(index, kind);
        const QPoint local = point - partOrigin(index, kind);
        if (!partVisible(index, kind) || local.y() < 0 || local.y() >= owner.height()) {
            continue;
        }
        const int chunk = owner.chunkAtHeight(local.y());
        for (const TokenBox& box : tokenBoxes(index, kind, chunk)) {
            if (box.rect.contains(QPointF(local.x(), local.y() - owner.top(chunk)))) {
                return {turn(index).id, box.token};
            }
        }
    }
    return {};
}

std::vector<QRect> TranscriptDocument::tokenRects(TokenRef token) {
    std::vector<QRect> rects;
    const int index = indexOf(token.turn);
    if (index < 0 || !token.valid() || token.index >= turn(index).tokens.size()) {
        return rects;
    }
    const TokenView& view = turn(index).tokens[token.index];
    const PartKind kind = view.channel == TokenChannel::Thinking ? PartKind::Thinking : PartKind::Body;
    TextPart& owner = part(index, kind);
    if (!partVisible(index, kind) || owner.chunkCount() == 0 || view.channel == TokenChannel::Marker) {
        return rects;
    }
    const int chunk = owner.chunkOfSource(view.offset);
    const auto& boxes = tokenBoxes(index, kind, chunk);
    const QPoint origin = partOrigin(index, kind) + QPoint(0, owner.top(chunk));
    for (const TokenBox& box : boxes) {
        if (box.token == token.index) {
            rects.push_back(box.rect.toAlignedRect().translated(origin));
        }
    }
    if (rects.empty()) {
        const QRectF caret = layout(index, kind, chunk).caretAt(view.offset);
        rects.push_back(caret.toAlignedRect().translated(origin));
    }
    return rects;
}

TextPosition TranscriptDocument::positionAt(QPoint point) {
    const int index = turnAt(point.y());
    if (index < 0) {
        return {};
    }
    PartKind kind = PartKind::Body;
    if (partVisible(index, PartKind::Thinking) && point.y() < partOrigin(index, PartKind::Body).y()) {
        kind = PartKind::Thinking;
    }
    TextPart& owner = part(index, kind);
    if (owner.chunkCount() == 0 || !partVisible(index, kind)) {
        return {index, kind, 0};
    }
    const QPoint local = point - partOrigin(index, kind);
    if (local.y() < 0) {
        return {index, kind, 0};
    }
    if (local.y() >= owner.height()) {
        return {index, kind, static_cast<int>(text(index, kind).size())};
    }
    const int chunk = owner.chunkAtHeight(local.y());
    const ChunkLayout& laid = layout(index, kind, chunk);
    return {index, kind, laid.sourceAt(QPointF(local.x(), local.y() - owner.top(chunk)))};
}

QString TranscriptDocument::textBetween(TextPosition from, TextPosition to) {
    QString result;
    for (int i = std::max(from.turn, 0); i <= to.turn && i < turnCount(); ++i) {
        for (const PartKind kind : kParts) {
            const TextPosition start{i, kind, 0};
            const TextPosition stop{i, kind, static_cast<int>(text(i, kind).size())};
            const int begin = from <= start ? 0 : from >= stop ? stop.offset : from.offset;
            const int end = to >= stop ? stop.offset : to <= start ? 0 : to.offset;
            if (begin >= end || !partVisible(i, kind)) {
                continue;
            }
            QString shown;
            TextPart& owner = part(i, kind);
            for (int c = owner.chunkOfSource(begin); c >= 0 && c < owner.chunkCount() && owner.chunk(c).begin < end;
                 ++c) {
                const QString line = visibleText(parseChunk(text(i, kind), owner.chunk(c)), begin, end);
                if (!line.isEmpty()) {
                    const bool joined = shown.isEmpty() || owner.chunk(c).tight ||
                                        (owner.chunk(c).kind == MarkdownChunk::Kind::Code && !owner.chunk(c).first);
                    shown += (shown.isEmpty() ? QString()
                              : joined        ? QStringLiteral("\n")
                                              : QStringLiteral("\n\n")) +
                             line;
                }
            }
            result += (result.isEmpty() || shown.isEmpty() ? QString() : QStringLiteral("\n\n")) + shown;
        }
    }
    return result;
}

} // namespace fulgurite
