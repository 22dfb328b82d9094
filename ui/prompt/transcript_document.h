// SPDX-License-Identifier: GPL-3.0-or-later
// The transcript as geometry: which turn, part, chunk, token and button stands where. Everything is in pixels from
// the top left of the column of text; nothing here paints or scrolls.
#pragma once

#include "ui/prompt/text_part.h"
#include "ui/prompt/transcript_types.h"

#include <QHash>
#include <QRect>

#include <compare>
#include <memory>
#include <vector>

namespace fulgurite {

enum class PartKind { Thinking, Body };

// A place between two characters of the conversation, in reading order.
struct TextPosition {
    int turn = -1;
    PartKind part = PartKind::Body;
    int offset = 0;
    bool valid() const { return turn >= 0; }
    auto operator<=>(const TextPosition&) const = default;
};

enum class TurnAction {
    None,
    Copy,
    Regenerate,
    Continue,
    Edit,
    Branch,
    TokenTable,
    PreviousSibling,
    NextSibling,
    ToggleThinking,
    CopyCode,
};

struct TurnButton {
    TurnAction action = TurnAction::None;
    QRect rect;
    QString icon; // of the theme; empty: `text` alone
    QString text;
    QString tooltip;
    bool enabled = true;
};

// Where the parts of a turn stand, from the turn's top. Heights of 0 are absent parts.
struct TurnGeometry {
    int height = 0;
    QRect card; // users' turns
    QRect header;
    QRect thinking_row;
    int thinking_top = 0;
    int body_top = 0;
    QRect note;
    QRect actions;
};

class TranscriptDocument {
  public:
    explicit TranscriptDocument(const ThemeManager& themes);

    // Turns that stay as they were keep their layouts.
    void setTurns(const QList<Turn>& turns);
    // All but the text and the tokens, which must be as they are or go on from there.
    void updateTurn(const Turn& turn);
    // The tokens' text is added to their channels; offsets are set here.
    void appendTokens(std::int64_t id, const QList<TokenView>& tokens);
    void setWidth(int width);
    void setStyle(const ThemeManager& themes);

    int height() const { return height_; }
    int width() const { return width_; }
    const TranscriptStyle& style() const { return style_; }
    int turnCount() const { return static_cast<int>(items_.size()); }
    const Turn& turn(int index) const { return items_[static_cast<std::size_t>(index)]->turn; }
    int indexOf(std::int64_t id) const; // -1: none
    int top(int index) const { return items_[static_cast<std::size_t>(index)]->top; }
    const TurnGeometry& geometry(int index) const { return items_[static_cast<std::size_t>(index)]->geometry; }
    int turnAt(int y) const; // the nearest; -1 without turns
    bool thinkingOpen(int index) const { return items_[static_cast<std::size_t>(index)]->thinking_open; }
    void setThinkingOpen(int index, bool open);
    // The body of this turn gives way to an editor of that height; -1: to none.
    void setEditor(int index, int height);
    int editedTurn() const { return edited_; }
    // Why no answer can go on from a token now; empty: it can.
    void setContinueObstacle(const QString& why) { continue_obstacle_ = why; }
    const QString& continueObstacle() const { return continue_obstacle_; }
    double meanSurpriseBits(int index) const; // of the answer; negative: unknown

    TextPart& part(int turn, PartKind kind);
    const QString& text(int turn, PartKind kind) const;
    QPoint partOrigin(int turn, PartKind kind) const;
    int partWidth(int turn, PartKind kind) const;
    bool partVisible(int turn, PartKind kind) const;
    ChunkLayout& layout(int turn, PartKind kind, int chunk); // may move what follows
    // The boxes of the chunk's tokens, in the chunk's coordinates.
    const std::vector<TokenBox>& tokenBoxes(int turn, PartKind kind, int chunk);

    // Lays out what stands between two heights and frees what is far from there. True when anything moved.
    bool layOut(int top, int bottom);

    std::vector<TurnButton> buttons(int turn) const;
    TokenRef tokenAt(QPoint point);
    std::vector<QRect> tokenRects(TokenRef token); // lays out its chunk; a thin mark when nothing of it shows
    TextPosition positionAt(QPoint point);
    QString textBetween(TextPosition from, TextPosition to);

  private:
    struct Item {
        Turn turn;
        TextPart thinking;
        TextPart body;
        TurnGeometry geometry;
        int top = 0;
        bool thinking_open = false;
        double surprise_sum = 0; // nats, of scored tokens of the answer
        int surprise_count = 0;
    };

    std::unique_ptr<Item> makeItem(const Turn& turn);
    void indexTokens(Item& item, qsizetype first);
    void refreshParts(Item& item);
    void place(Item& item, bool edited);
    void placeFrom(int index);
    void chunkMoved(int turn);

    TranscriptStyle style_;
    int width_ = 600;
    int height_ = 0;
    QString continue_obstacle_;
    int edited_ = -1;
    int editor_height_ = 0;
    std::vector<std::unique_ptr<Item>> items_;
    QHash<std::int64_t, int> index_of_; // each turn's place in items_
};

} // namespace fulgurite
