// SPDX-License-Identifier: GPL-3.0-or-later
// Between the workspace, an engine and the Prompt page: shows one conversation along its head, lets engines write
// answers into it, and turns everything a person does into steps that can be undone. Lives on the window's thread;
// the workspace and the engine never make it wait.
#pragma once

#include "core/client/engine_client.h"
#include "ui/base/courier.h"
#include "ui/conversation/answer_stream.h"
#include "ui/conversation/line_view.h"
#include "ui/conversation/new_line.h"
#include "ui/conversation/request_builder.h"
#include "ui/conversation/store_thread.h"

#include <QDateTime>
#include <QElapsedTimer>
#include <QHash>
#include <QObject>
#include <QTimer>

#include <functional>
#include <memory>
#include <optional>

namespace fulgurite {

// The step in the undo journal that is a message on its way.
inline constexpr const char* kSendStep = "Send";

// What comes back stands before what has been typed since.
QString textBefore(const QString& text, const QString& typed);

class ConversationController : public QObject {
    Q_OBJECT

  public:
    explicit ConversationController(const QString& workspace_file, QObject* parent = nullptr);
    ~ConversationController() override;

    StoreThread& store() { return store_; }

    // The engine that answers from now on; `node` names it, for answers that it was writing when it was lost: they
    // go on when it is back. Without an engine, messages wait until there is one.
    void setEngine(std::shared_ptr<client::EngineClient> engine, const client::EngineInfo& info,
                   const QString& node = {});
    void clearEngine();
    // The node that the shown conversation is for: what waits in it goes there and nowhere else, whichever engine
    // answers meanwhile in another one. An engine or a target without a name is the only one that there is.
    void setTarget(const QString& node);
    bool engineReady() const { return engine_ != nullptr; }
    const client::EngineInfo& engineInfo() const { return info_; }
    void setLoad(const client::EngineLoad& load); // for the context meter
    // What a sampler that nobody chose is set to: the recommendation of the model that answers.
    const SamplerSettings& modelSampler() const { return model_sampler_; }

    const LineView& line() const { return line_; }
    const QList<ConversationRow>& rows() const { return rows_; } // those that the search finds
    const QList<ConversationRow>& allRows() const { return all_rows_; }
    const UndoLabels& undoLabels() const { return undo_labels_; }
    bool running() const { return run_ != nullptr || starting_; }
    // An answer whose node was lost while it was written, until that is back or somebody gives it up.
    struct Interrupted {
        qint64 conversation = 0;
        qint64 turn = 0;
        QString title;
        QString node;
        QString model;
        int tokens = 0; // that had arrived
        QString why;    // as the node or the connection says it
    };
    const std::optional<Interrupted>& interrupted() const { return interrupted_; }
    // Of an interrupted answer whose node is there and has no place for it: when it is asked again.
    struct ResumeWait {
        int left = 0; // seconds
        int of = 0;
        int tries = 0; // so far
        QString why;
    };
    std::optional<ResumeWait> resumeWait() const;
    void resumeNow(); // without waiting
    void giveUpInterrupted();
    void moveInterrupted(const QString& node); // it goes on there instead
    // What the shown conversation costs to enter at the node in use; reentryTold() follows.
    void askReentry();
    // The shown conversation as the node in use would be asked to go on with it.
    void withWholeText(std::function<void(const client::GenerateRequest&)> use);
    qint64 runningTurn() const { return run_ ? run_->turn.id : 0; }
    qint64 runningConversation() const { return run_ ? run_->conversation : 0; }
    QStringList queue() const;
    bool queues() const;                      // what is sent now waits
    bool heldBack(qint64 conversation) const; // what is sent there waits for a cut answer that goes on first

    // Which conversation is shown.
    void open(qint64 id);
    void openFirst(qint64 id); // once the workspace is open, in place of the latest, where it still exists
    void newConversation();
    void search(const QString& query); // empty: all conversations
    void openLatest();

    // Answers. While one is written, send() queues; the others stop it first.
    void send(const QString& text);
    // What waits comes back to where it was typed: as draftRestored() in the shown conversation, else as a draft.
    // While nothing is written, an interrupted answer is given up.
    void stop();
    void continueAnswer(qint64 turn); // what was cut goes on with the draws that it would have had
    void regenerate(qint64 turn);
    // The answer again with a changed model, as a branch beside it: same settings and seed as the answer had, so
    // that only the intervention tells the two apart. It stays with the branch and with what is said below it.
    void regenerateUnder(qint64 turn, const InterventionRecipe& recipe);
    void edit(qint64 turn, const QString& text);
    void branchFromToken(TokenRef token, const TokenChoice& choice);

    // The tree.
    void showTurn(qint64 turn);                                 // and what was last shown below it
    void branchAfter(qint64 turn);                              // the next message goes on right after it
    void showTurnThen(qint64 turn, std::function<void()> then); // when its conversation is shown
    void switchSibling(qint64 turn, int step);
    void removeBranch(qint64 turn);
    void nameBranch(qint64 turn, const QString& name);

    // Conversations and their settings.
    void rename(qint64 id, const QString& title);
    void setStarred(qint64 id, bool starred);
    void setFolder(qint64 id, const QString& folder);
    void setTags(qint64 id, const QStringList& tags);
    void duplicate(qint64 id); // with all branches and tokens
    void remove(qint64 id);
    void setSampler(const SamplerSettings& settings);
    void setSystemPrompt(const QString& text);
    void setRaw(bool raw);
    void setDraft(const QString& text);
    // Which node answers in the shown conversation; empty: the default one. Kept with it.
    void setNode(const QString& node);
    void undo();
    void redo();

    // The suffix decides: .md for reading, else JSON.
    void exportTo(const QString& file, const QList<qint64>& conversations);
    void importFrom(const QString& file);

    // Each is a step that can be undone.
    void savePreset(const QString& name, const SamplerSettings& settings);
    void removePreset(const QString& name);

    // Questions; the answers come as signals.
    void askTokenDetail(TokenRef token); // alternatives, from the workspace
    void askTokenCost(TokenRef token);   // to go on from there, from the engine
    void askTurnTokens(qint64 turn);     // all with alternatives, for the table
    void askReplay(TokenRef token);      // the text of an answer as an engine replays it
    void countDraft(const QString& text);
    void lookUpToken(const QString& text, double bias); // for a logit bias

  signals:
    void workspaceOpened(int recovered);
    void workspaceFailed(const QString& message, bool damaged);
    void rowsChanged();
    void created(qint64 conversation); // the new one has become this one; followed by what is shown then
    void lineChanged();                // another line, or the same one with changed turns
    void mapChanged(const QList<fulgurite::BranchNode>& map);
    void turnChanged(const fulgurite::Turn& turn);
    void tokensAppended(qint64 turn, const QList<fulgurite::TokenView>& tokens);
    void prefillChanged(const fulgurite::PrefillState& state);
    void contextChanged(const fulgurite::ContextState& state);
    void runningChanged();
    void queueChanged();
    void interruptedChanged(); // it, or when it is asked for again
    // A cut answer goes on: behind its first `kept` tokens, or from its beginning.
    void resumed(const QString& title, int kept, int had);
    void reentryTold(int tokens, int reused, double seconds);
    void undoChanged();
    void modelSamplerChanged(); // and with it, where nobody chose one, the line's sampler
    void presetsChanged(const QList<fulgurite::SamplerPreset>& presets);
    // One was deleted, or another saved under its name.
    void presetLost(const QString& name, bool deleted);
    void draftRestored(const QString& text);
    void draftWithdrawn(const QString& text);           // it was sent again
    void editRefused(qint64 turn, const QString& text); // nothing was changed
    void draftCounted(int tokens);
    void tokenDetail(fulgurite::TokenRef token, const fulgurite::TokenView& view);
    void tokenCost(fulgurite::TokenRef token, int tokens, double seconds);
    // Alternatives of the token that lines were already begun with.
    void tokenBranches(fulgurite::TokenRef token, const QHash<int, QString>& labels);
    void tokenLookedUp(const fulgurite::LogitBias& bias);
    void tokenLookupFailed(const QString& message);
    void turnTokens(qint64 turn, const QList<fulgurite::TokenView>& tokens);
    // `request` has the conversation before the answer, all tokens of the answer to go on from, and the sampling
    // that the answer was made with.
    void replayReady(fulgurite::TokenRef token, const fulgurite::client::GenerateRequest& request);
    void exported(const QString& file);
    void saved(const QDateTime& time);
    void caughtUp(); // what could not be saved for a while, is
    void failed(const QString& message);

  private:
    // What a job of the store hands back for showing.
    struct Update {
        LineView line;
        std::optional<QList<ConversationRow>> rows;
        UndoLabels labels;
    };
    // A generation that the store has made room for.
    struct Prepared {
        Update update;
        qint64 conversation = 0;
        qint64 node = 0;
        client::GenerateRequest request;
        AnswerResult before;                    // of an answer that goes on
        int kept = -1;                          // of a cut answer that is resumed: tokens that stay
        int had = 0;                            // that it had
        Turn turn;                              // as it is
        std::optional<std::size_t> text_before; // a chosen token: bytes of the text before it
        bool created = false;                   // the conversation came into being for it
    };
    struct Run {
        qint64 conversation = 0;
        QString node; // that answers
        Turn turn;    // with all tokens, as far as they came
        QString title;
        std::unique_ptr<AnswerStream> stream;
        AnswerResult result;
        AnswerResult before;
        PrefillState prefill;
        QElapsedTimer thinking;
        QElapsedTimer since_first_token;
        std::optional<std::size_t> text_before; // as in Prepared
        int given = 0;                          // tokens of the answer that the engine was given
        int new_tokens = 0;
        bool stop_asked = false;
        // A cut answer that is written again: what it had stays, here and in the file, until the new one has got
        // further. `held` is the new one until then.
        bool catching_up = false;
        bool diverged = false; // the new one is another answer
        std::vector<TokenInfo> held;
        bool resumed = false;
        bool from_answer = false; // an intervention that begins with this answer: where that is has to be kept
    };
    struct Queued {
        qint64 conversation = 0; // 0: the one that does not exist yet
        QString text;
        QString node; // that is to answer
    };
    using Job = std::function<std::optional<ConversationId>(StoreSession&)>;
    using PreparingJob = std::function<Prepared(StoreSession&)>;

    static Update updateFor(StoreSession& session, std::optional<ConversationId> id, bool with_rows);
    // Then shows the conversation that it names.
    void change(Job job, bool with_rows = true, std::function<void()> then = {},
                std::function<void()> otherwise = {}); // when nothing was changed
    void apply(const Update& update);
    void applyWhereShown(const Update& update);
    void applyRows(const Update& update); // and what can be undone, not the line
    struct Stepped;
    static Stepped takeStep(StoreSession& session, std::optional<UndoResult> (UndoJournal::*move)(), qint64 shown);
    void step(std::optional<UndoResult> (UndoJournal::*move)(),
              void (ConversationController::*message)(const QString&));
    void whenIdle(std::function<void()> action);
    void askWhenIdle(std::function<void()> request); // of the node that is meant now

    void prepareRun(PreparingJob job, std::function<void()> otherwise = {}); // when nothing comes of it
    void editOnly(qint64 turn, const QString& text, std::function<void()> otherwise);
    void resumeAnswer(qint64 turn);
    static Prepared prepareResume(StoreSession& session, qint64 turn, std::uint64_t seed,
                                  const EngineAbilities& engine, qint64 shown);
    void resumeInterrupted();
    void showEnd(const Turn& turn, const AnswerResult& result, NodeState state, bool kept);
    void noteInterruption(const Run& run, const std::optional<Error>& error,
                          const std::optional<client::Refusal>& refusal);
    void forgetInterrupted();
    void afterInterruption(bool wrote); // the store has the end of a cut answer
    QString titleOf(qint64 conversation) const;
    void launch(const Prepared& prepared, const std::weak_ptr<client::EngineClient>& engine, const QString& node);
    void showLaunch(const Prepared& prepared);
    void takeDraftAlong(qint64 conversation);
    void takeTokens(const std::vector<TokenInfo>& tokens);
    void addTokens(const std::vector<TokenInfo>& tokens, bool all_anew);
    void settleLastText(const client::StreamStart& start);
    void catchUp(const std::vector<TokenInfo>& tokens);
    void overtake();
    void takePrefill(const client::StreamPrefill& prefill);
    void endRun(const std::optional<client::StreamDone>& done, const std::optional<Error>& error);
    void endHandedOver();
    void runDeferred();
    void settled(bool wrote);
    void settleLate(); // what could not be saved is saved now, or never will be
    void addMissingTokens(LineView& line) const;
    bool goesTo(const QString& node) const; // what is for that node, now
    void nextFromQueue();
    struct KeptQueue;
    std::function<void(StoreSession&)> queueWriter();
    void saveQueue();
    QStringList takeQueued(qint64 conversation);
    void giveBack(qint64 conversation, const QStringList& texts);
    void restoreQueue(); // of the last run, as drafts
    // `along`: what becomes true in the file in one with it.
    void sendNow(qint64 conversation, const QString& text, std::function<void(StoreSession&)> along = {});
    EngineAbilities abilities() const;
    std::uint64_t seedFor(const SamplerSettings& settings) const;

    void updateContext();
    void askMapCosts();
    void takeMapCosts(qint64 id, const std::vector<NodeId>& nodes,
                      const client::Outcome<std::vector<client::ReentryCost>>& costs);
    void setUndoLabels(const UndoLabels& labels);
    void changePreset(const QString& name, const std::optional<std::string>& json);
    void loadPresets();
    void saveDraft();
    void writeDrafts();
    void saveSampler();
    void settleSampler(); // what was set is in the file before what follows
    void changeNewLine(std::function<void(NewLine&)> change);
    std::string samplerToKeep() const;
    void workspaceReady(int recovered);

    StoreThread store_;
    std::shared_ptr<Courier> courier_;
    std::shared_ptr<client::EngineClient> engine_;
    client::EngineInfo info_;
    client::EngineLoad load_;
    SamplerSettings model_sampler_;
    LineView line_;
    QList<ConversationRow> rows_;
    QList<ConversationRow> all_rows_;
    UndoLabels undo_labels_;
    QString query_;
    QList<Queued> queue_;
    std::shared_ptr<KeptQueue> kept_queue_; // in the file
    int steps_under_way_ = 0;               // of undo and redo: what waits may be about what they take away
    std::unique_ptr<Run> run_;
    std::optional<Interrupted> interrupted_;
    QString node_;                // of engine_
    QString target_;              // of the shown conversation
    int idle_resumes_ = 0;        // in a row that brought no token
    int resume_milliseconds_ = 0; // that the server asked to wait
    QTimer resume_timer_;
    bool opened_ = false; // the workspace
    qint64 first_ = 0;    // as openFirst() wants it
    bool loaded_ = false; // a line of the workspace is shown, be it the empty one
    bool starting_ = false;
    bool stop_at_launch_ = false;
    std::vector<std::function<void()>> deferred_; // until the run that is being stopped has ended
    std::optional<bool> unsettled_; // an answer whose end the file has not taken yet: whether it brought tokens
    int draft_tokens_ = 0;
    quint64 draft_question_ = 0;
    quint64 search_question_ = 0;
    QString draft_;
    QHash<qint64, QString> unsaved_drafts_; // of each conversation, that the file does not have yet
    bool draft_refused_ = false;            // by the file, and told
    QTimer draft_timer_;
    QTimer draft_again_timer_;
    QTimer count_timer_;
    QTimer sampler_timer_;
    QTimer map_timer_;
    QTimer context_timer_;
};

} // namespace fulgurite
