// SPDX-License-Identifier: GPL-3.0-or-later
// The conversation: streaming Markdown whose tokens can be tinted, walked with the keyboard, opened and branched
// from. Lays out what is near the visible part only; an answer of any length opens and scrolls alike.
#pragma once

#include "ui/base/theme_manager.h"
#include "ui/prompt/transcript_document.h"
#include "ui/prompt/transcript_types.h"

#include <QAbstractScrollArea>
#include <QHash>
#include <QTimer>

namespace fulgurite {

class OverviewStrip;
class TokenPopup;
class TurnEditor;

class TranscriptView : public QAbstractScrollArea {
    Q_OBJECT

  public:
    explicit TranscriptView(ThemeManager& themes, QWidget* parent = nullptr);
    ~TranscriptView() override;

    // The line of the conversation to show. Turns that stay keep their layout and the view its place; another
    // conversation (no turn in common) is shown from its end.
    void setTurns(const QList<Turn>& turns);
    void updateTurn(const Turn& turn);
    // Tokens of a streaming turn, in order; their text is appended and their offsets are set here.
    void appendTokens(std::int64_t turn, const QList<TokenView>& tokens);
    void setEmptyText(const QString& text); // shown while there are no turns

    TintMode tint() const { return tint_; }
    void setTint(TintMode mode);
    TokenRef focusedToken() const { return focus_; }
    void setFocusedToken(TokenRef token, bool reveal = true);
    std::optional<TokenView> tokenOf(TokenRef token) const;
    // Moves to the next (or last, when backwards) token that the model was not sure of. False: there is none.
    bool focusNextUncertain(bool backwards = false);
    void openPopup(); // of the focused token
    void closePopup();
    TokenPopup* popup() { return popup_; }
    // Alternatives that the turns came without; the open pop-up shows them.
    void setTokenDetail(TokenRef token, const TokenView& detail);
    // Answers tokenCostWanted().
    void setTokenCost(TokenRef token, int tokens, double seconds);
    // Why nothing can go on from a token: what would is greyed, with these words. Empty: it can.
    void setContinueObstacle(const QString& why);
    void setTokenBranches(TokenRef token, const QHash<int, QString>& branches);

    // Goes on with what was typed, where a change of the turn was left without being sent or given up.
    void beginEdit(std::int64_t turn);
    bool editing() const { return editor_ != nullptr; }
    // A change that was committed and could not be made goes on, as soon as its turn is shown.
    void reopenEdit(std::int64_t turn, const QString& text);
    void scrollToTurn(std::int64_t turn);
    void scrollToText(std::int64_t turn, int offset); // of a search hit: reveals and selects nothing
    void scrollToEnd();
    bool atEnd() const { return stick_; }
    QString selectedText();
    void copy();
    void selectAll();
    void triggerAction(int turn, TurnAction action, int chunk = -1);
    const TranscriptDocument& document() const { return document_; }
    TranscriptDocument& document() { return document_; }
    // Whether finished sentences of a streaming answer are told to assistive technology as they come.
    void setAnnouncing(bool announcing) { announcing_ = announcing; }
    int currentTurn() const; // that of the focused token, else the one walked to, else the last visible

  signals:
    void tokenFocused(fulgurite::TokenRef token); // invalid: none is
    void tokenCostWanted(fulgurite::TokenRef token);
    void tokenBranchRequested(fulgurite::TokenRef token, const fulgurite::TokenChoice& choice);
    void regenerateRequested(std::int64_t turn);
    void continueRequested(std::int64_t turn);
    void branchRequested(std::int64_t turn);
    void editCommitted(std::int64_t turn, const QString& text);
    void tokenTableRequested(std::int64_t turn);
    void inspectRequested(fulgurite::TokenRef token);   // of an answer; an index of -1: the whole of it
    void siblingRequested(std::int64_t turn, int step); // -1 or +1
    void linkActivated(const QString& address);
    void copied(const QString& what); // for the status bar

  protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void scrollContentsBy(int dx, int dy) override;
    void keyPressEvent(QKeyEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void contextMenuEvent(QContextMenuEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;
    bool viewportEvent(QEvent* event) override;

  private:
    // What to hold still while heights become known.
    struct Anchor {
        int turn = -1;
        PartKind part = PartKind::Body;
        int chunk = -1; // -1: the turn's top
        int delta = 0;  // from there down to the top of the view
    };

    Anchor anchor();
    int resolve(const Anchor& anchor);
    void relayout();
    void scheduleRelayout();
    void prefetch();
    void setScroll(int value);
    int scroll() const;
    QPoint origin() const; // of the document, in the viewport
    QPoint toDocument(QPoint point) const { return point - origin(); }
    void placeEditor();
    void endEdit(bool commit);
    void leaveEdit();
    bool openEditor(std::int64_t turn);

    void paintPart(QPainter& painter, int turn, PartKind kind, const QRect& clip);
    void paintTints(QPainter& painter, int turn, PartKind kind, int chunk, QPointF at, bool underlines);
    void paintSelection(QPainter& painter, int turn, PartKind kind, int chunk, QPointF at);

    void hover(QPoint point);
    bool pressButton(QPoint point);
    bool moveFocus(int key);
    bool stepToken(int step);
    bool stepLine(int step);
    void stepTurn(int step);
    void firstVisibleToken();
    void reveal(const QRect& rect); // of the document
    void showPopup(TokenRef token);
    void placePopup(const QRect& token);
    bool letterAction(QKeyEvent* event);
    void copyCodeBlock(int turn, int chunk);
    QString tokenDescription(TokenRef token) const;
    void announceFocus();
    void announceText(std::int64_t turn, int from);

    ThemeManager& themes_;
    TranscriptDocument document_;
    OverviewStrip* strip_;
    TokenPopup* popup_ = nullptr;
    TurnEditor* editor_ = nullptr;
    QHash<std::int64_t, QString> left_edits_; // of turns that went out of sight while they were changed
    TintMode tint_ = TintMode::Off;
    TokenRef focus_;
    TokenRef hovered_token_;
    int walked_turn_ = -1;
    int hovered_turn_ = -1;
    TurnAction hovered_action_ = TurnAction::None;
    TurnAction pressed_action_ = TurnAction::None;
    TextPosition select_from_;
    TextPosition select_to_;
    QPoint press_point_;
    bool selecting_ = false;
    bool stick_ = true;
    bool laying_out_ = false;
    bool dirty_ = true;
    bool announcing_ = true;
    int announced_ = 0; // characters of the streaming answer that were told
    std::int64_t announced_turn_ = 0;
    int prefetched_ = 0;
    QString empty_text_;
    QTimer layout_timer_;
    QTimer prefetch_timer_;
    QTimer hover_timer_;
    QTimer leave_timer_;
    QTimer strip_timer_;
};

} // namespace fulgurite
