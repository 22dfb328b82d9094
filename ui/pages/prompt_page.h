// SPDX-License-Identifier: GPL-3.0-or-later
// The Prompt page: conversations at left, the transcript and the composer in the middle, sampler, system prompt and
// branches at right. Everything it does goes through the conversation controller.
#pragma once

#include "core/client/state_move.h"
#include "ui/conversation/conversation_controller.h"
#include "ui/shell/page.h"

class QStackedWidget;
class QTabBar;

namespace fulgurite {

class BranchPanel;
class Composer;
class ConversationList;
class NodeLink;
class PrefillStrip;
class ReconnectNotice;
class SamplerPanel;
class StartView;
class SystemPanel;
class TokenTableDialog;
class TranscriptHeader;
class TranscriptView;

class PromptPage : public Page {
    Q_OBJECT

  public:
    explicit PromptPage(const ShellContext& context);
    ~PromptPage() override;

    QWidget* headerWidget() override;
    QString headerTitle() const override;
    void activated() override;
    QJsonObject saveSession() const override;
    void restoreSession(const QJsonObject& session) override;
    QList<PictureScene> pictureScenes() override;

    ConversationController& controller() { return controller_; }

  private:
    void buildCenter();
    void buildList();
    void buildDock();
    void connectController();
    void connectTranscript();
    void connectComposer();
    void connectEngine();
    void connectNodes();
    void followNode();    // the one of the line that is shown
    void showAbilities(); // what the node in use cannot do is disabled, with the reason
    void showInterrupted();
    void openNodeMenu(const QPoint& global);
    void moveTo(const QString& node); // the shown conversation
    std::optional<client::StateEnd> stateEnd(const NodeLink& link, const QString& node, QString& why) const;
    void carryState(const std::optional<client::StateEnd>& origin, const QString& node, const QString& why);
    void tellMove(int tokens, int reused, double seconds);
    void showWait();
    QString otherNodeWith(const QString& model) const; // that is ready; empty: none
    QString nodeName() const;                          // of the node in use
    void registerActions();
    void registerConversationActions();
    void connectList();
    void registerTurnActions();
    void registerViewActions();
    void registerPaletteSource();

    void showLine();
    void openRow(qint64 id);
    void showHit();
    void showSampler();
    void showRows();
    void showTags();
    void showTarget();
    void showRunning();
    void showTokenDetail(TokenRef token, const TokenView& view);
    void showTokens(qint64 turn, const QList<TokenView>& tokens);
    void reportFailure(const QString& message);
    void reportWorkspace(const QString& message, bool damaged);

    void setTint(TintMode mode);
    qint64 currentTurn() const; // the walked or visible one; 0: none
    qint64 lastAnswer() const;
    void inspectToken(TokenRef token); // of an answer; an index of -1 is its last
    void exportConversation(qint64 id);
    void exportAll();
    void moveToFolder();
    void choosePreset();
    void registerSamplerActions();
    void importConversations();
    void renameConversation(qint64 id);
    void editTags(qint64 id);
    void beginWith(const QString& text);
    void addToDraft(const QString& text);
    void applySystemPrompt();
    void nameBranch(qint64 turn);
    void whenAnswered(std::function<void()> then); // once, after the answer that runs

    ConversationController controller_;
    TranscriptHeader* header_ = nullptr;
    QStackedWidget* center_ = nullptr;
    StartView* start_ = nullptr;
    TranscriptView* transcript_ = nullptr;
    PrefillStrip* prefill_ = nullptr;
    ReconnectNotice* reconnect_ = nullptr;
    QTimer wait_timer_;         // of an answer that its node has no place for
    client::StateMove carried_; // of the latest move to another node
    bool carried_told_ = true;
    Composer* composer_ = nullptr;
    ConversationList* list_ = nullptr;
    QTabBar* tabs_ = nullptr;
    QStackedWidget* pages_ = nullptr;
    SamplerPanel* sampler_ = nullptr;
    SystemPanel* system_ = nullptr;
    BranchPanel* branches_ = nullptr;
    TokenTableDialog* table_ = nullptr;
    QTimer rows_timer_;   // one change of the rows for all that comes at once
    ConversationRow hit_; // that was opened, until its line is shown
    QString begin_with_;  // what a new conversation that is on its way begins with
    qint64 shown_ = -1;   // conversation whose draft stands in the composer
};

} // namespace fulgurite
